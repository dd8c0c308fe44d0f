import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** a + b */
export const add: Kernel = {
  name: 'add',
  body: function add(this: Thread, a: Matrix, b: Matrix) {
    return a[this.thread.y][this.thread.x] + b[this.thread.y][this.thread.x];
  },
};
