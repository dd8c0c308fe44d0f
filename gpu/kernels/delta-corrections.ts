import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * U[t, h, i] = einsum('ts,s,si->ti', X, beta, k) over the tokens s <= t of t's chunk: with them F_t ... F_start is, but for its decay,
 * I - sum_{r <= t} k_r U_r^T.
 */
export const deltaCorrections: Kernel = {
  name: 'delta-corrections',
  body: function deltaCorrections(this: Thread, inverse: Matrix, beta: Matrix, k: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const start = token[t][0];
    const c = h * this.constants.C + token[t][2] - start;
    let sum = 0;
    for (let s = start; s <= t; s += 1) sum += inverse[t][c + s] * beta[s][h] * k[s][channel];
    return sum;
  },
};
