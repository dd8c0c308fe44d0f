import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dq[t, g, i] = einsum('hts,si->ti', X, k) over the heads of group g and the tokens s <= t of t's chunk, X of score-gradients */
export const queryGradients: Kernel = {
  name: 'query-gradients',
  body: function queryGradients(this: Thread, x: Matrix, k: Matrix, token: Matrix) {
    const t = this.thread.y;
    const heads = this.constants.H / this.constants.G;
    const group = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const start = token[t][0];
    let sum = 0;
    for (let n = 0; n < heads; n++) {
      const c = (group * heads + n) * this.constants.C + token[t][2] - start;
      for (let s = start; s <= t; s += 1) sum += x[t][c + s] * k[s][this.thread.x];
    }
    return sum;
  },
};
