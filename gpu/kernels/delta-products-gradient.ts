import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dR[t, h, c] = einsum('ts,rs->tr', dB, X) over s <= r - einsum('ti,ri->tr', dQ, U), r <= t the token of t's chunk at local position c, dQ
 * the scaled gradient by the query; 0 elsewhere.
 */
export const deltaProductsGradient: Kernel = {
  name: 'delta-products-gradient',
  body: function deltaProductsGradient(
    this: Thread,
    dScores: Matrix,
    inverse: Matrix,
    dQuery: Matrix,
    correction: Matrix,
    token: Matrix,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c <= r) {
      const row = t - r + c;
      for (let a = first; a <= c; a += 1)
        sum += dScores[t][h * this.constants.C + a] * inverse[row][h * this.constants.C + a];
      for (let i = 0; i < this.constants.K; i++)
        sum -= dQuery[t][h * this.constants.K + i] * correction[row][h * this.constants.K + i];
    }
    return sum;
  },
};
