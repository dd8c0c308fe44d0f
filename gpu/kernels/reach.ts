import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reach[m, h, e] = exp(sum of g over the chunks after m of the node that m is part of at slot e); 0 where there is none. */
export const reach: Kernel = {
  name: 'reach',
  body: function reach(this: Thread, prefix: Matrix, chunk: Matrix, within: Matrix, node: Matrix, slots: number) {
    const m = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const d = within[m][e];
    let decay = 0;
    if (d >= 0) {
      let sum = 0;
      for (let n = m + 1; n < node[d][1]; n += 1) {
        sum += prefix[chunk[n][1] - 1][(h + 1) * this.constants.blocks - 1];
      }
      decay = Math.exp(sum);
    }
    return decay;
  },
};
