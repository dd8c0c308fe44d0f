import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** The same numbers, on the device. */
export const copyMatrix: Kernel = {
  name: 'copy-matrix',
  body: function copyMatrix(this: Thread, from: Matrix) {
    return from[this.thread.y][this.thread.x];
  },
};

export const copyCube: Kernel = {
  name: 'copy-cube',
  body: function copyCube(this: Thread, from: Cube) {
    return from[this.thread.z][this.thread.y][this.thread.x];
  },
};
