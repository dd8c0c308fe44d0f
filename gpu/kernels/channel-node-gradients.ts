import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[d, h, i, j] = sum over the chunks that read node d, for the nodes of slot e; 0 for others */
export const channelNodeGradients: Kernel = {
  name: 'channel-node-gradients',
  body: function channelNodeGradients(this: Thread, reader: Cube, node: Matrix, e: number) {
    const d = this.thread.z;
    let sum = 0;
    if (node[d][6] === e) {
      for (let m = node[d][2]; m < node[d][3]; m += 1) sum += reader[m][this.thread.y][this.thread.x];
    }
    return sum;
  },
};
