import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dq[t, g, i] = sum over the heads of group g of dQ + einsum('tr,ri->ti', dR, k) over the tokens r <= t of t's chunk, dQ the scaled gradient
 * by the query
 */
export const deltaQGradient: Kernel = {
  name: 'delta-q-gradient',
  body: function deltaQGradient(this: Thread, dQuery: Matrix, dProduct: Matrix, k: Matrix, token: Matrix) {
    const t = this.thread.y;
    const g = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - g * this.constants.K;
    const heads = Math.floor((this.constants.H + 0.5) / this.constants.G);
    const start = token[t][0];
    let sum = 0;
    for (let a = 0; a < heads; a++) {
      const h = g * heads + a;
      const c = h * this.constants.C + token[t][2] - start;
      sum += dQuery[t][h * this.constants.K + i];
      for (let r = start; r <= t; r += 1) sum += dProduct[t][c + r] * k[r][this.thread.x];
    }
    return sum;
  },
};
