import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dnode[d, h, i, j] = the sum of the parts of node d: its gradient, at its own end */
export const joinParts: Kernel = {
  name: 'join-parts',
  body: function joinParts(this: Thread, parts: Cube, node: Matrix) {
    const d = this.thread.z;
    let sum = 0;
    for (let p = node[d][7]; p < node[d][8]; p += 1) sum += parts[p][this.thread.y][this.thread.x];
    return sum;
  },
};
