import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** node[d, h, i, j] = einsum('mhi,mhij->hij', reach, leaf) over the chunks of node d: the state of a left bucket, at its own end */
export const channelNodes: Kernel = {
  name: 'channel-nodes',
  body: function channelNodes(this: Thread, leaf: Cube, reach: Matrix, node: Matrix) {
    const d = this.thread.z;
    const y = this.thread.y;
    const column = node[d][6] * this.constants.H * this.constants.K + y;
    let sum = 0;
    for (let m = node[d][0]; m < node[d][1]; m += 1) sum += reach[m][column] * leaf[m][y][this.thread.x];
    return sum;
  },
};
