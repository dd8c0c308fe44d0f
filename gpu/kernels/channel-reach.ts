import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reach[m, e, h, i] = exp(sum of g over the chunks after m of the node that m is part of at slot e); 0 where there is none */
export const channelReach: Kernel = {
  name: 'channel-reach',
  body: function channelReach(this: Thread, prefix: Matrix, chunk: Matrix, within: Matrix, node: Matrix) {
    const m = this.thread.y;
    const width = this.constants.H * this.constants.K;
    const e = Math.floor((this.thread.x + 0.5) / width);
    const x = this.thread.x - e * width;
    const d = within[m][e];
    let decay = 0;
    if (d >= 0) {
      let sum = 0;
      for (let n = m + 1; n < node[d][1]; n += 1) sum += prefix[chunk[n][1] - 1][x];
      decay = Math.exp(sum);
    }
    return decay;
  },
};
