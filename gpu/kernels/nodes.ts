import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * node[d, h, i, j] = einsum('mh,mhij->hij', reach, leaf) over the chunks of node d: the state of a left bucket, at its own end.
 * The up-sweep of all levels at once: each node sums its leaves, N log N additions for N chunks and one pass over the device.
 */
export const nodes: Kernel = {
  name: 'nodes',
  body: function nodes(this: Thread, leaf: Cube, reach: Matrix, node: Matrix, slots: number) {
    const d = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const e = h * slots + node[d][6];
    let sum = 0;
    for (let m = node[d][0]; m < node[d][1]; m += 1) sum += reach[m][e] * leaf[m][this.thread.y][this.thread.x];
    return sum;
  },
};
