import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dK[t, h, i] = before + einsum('rt,ri->ti', dR, q) over the tokens r >= t of t's chunk + einsum('rt,r,ri->ti', dN, beta, k) over its tokens
 * r > t
 */
export const deltaKInside: Kernel = {
  name: 'delta-k-inside',
  body: function deltaKInside(
    this: Thread,
    before: Matrix,
    dProduct: Matrix,
    q: Matrix,
    dOverlap: Matrix,
    beta: Matrix,
    k: Matrix,
    token: Matrix,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const c = h * this.constants.C + t - token[t][0] + token[t][2];
    let sum = before[t][this.thread.x] + dProduct[t][c] * q[t][channel];
    for (let r = t + 1; r < token[t][1]; r += 1) {
      sum += dProduct[r][c] * q[r][channel] + dOverlap[r][c] * beta[r][h] * k[r][channel];
    }
    return sum;
  },
};
