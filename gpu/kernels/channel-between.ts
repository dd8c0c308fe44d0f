import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** between[m, e, h, i] = sum of g over the chunks from the end of the node that m reads at slot e up to m; 0 where there is none */
export const channelBetween: Kernel = {
  name: 'channel-between',
  body: function channelBetween(this: Thread, prefix: Matrix, chunk: Matrix, reads: Matrix, node: Matrix) {
    const m = this.thread.y;
    const width = this.constants.H * this.constants.K;
    const e = Math.floor((this.thread.x + 0.5) / width);
    const x = this.thread.x - e * width;
    const d = reads[m][e];
    let sum = 0;
    if (d >= 0) {
      for (let n = node[d][1]; n < m; n += 1) sum += prefix[chunk[n][1] - 1][x];
    }
    return sum;
  },
};
