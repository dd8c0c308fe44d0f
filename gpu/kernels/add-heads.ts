import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[t, g, i] = before[t, g, i] + the rows [t, h, i] of the heads of group g */
export const addHeads: Kernel = {
  name: 'add-heads',
  body: function addHeads(this: Thread, before: Matrix, byHead: Matrix) {
    const t = this.thread.y;
    const heads = this.constants.H / this.constants.G;
    const group = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const from = this.thread.x + group * (heads - 1) * this.constants.K;
    let sum = before[t][this.thread.x];
    for (let n = 0; n < heads; n++) sum += byHead[t][from + n * this.constants.K];
    return sum;
  },
};
