import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dX[t, h, c] = einsum('ti,si->ts', k, dKey) + einsum('rt,rs->ts', R, dB) over the tokens r >= t of t's chunk + einsum('ti,s,si->ts', dU,
 * beta, k), s < t its token at local position c; 0 elsewhere. dKey is the scaled gradient.
 */
export const deltaInverseGradient: Kernel = {
  name: 'delta-inverse-gradient',
  body: function deltaInverseGradient(
    this: Thread,
    k: Matrix,
    dKey: Matrix,
    product: Matrix,
    dScores: Matrix,
    dCorrection: Matrix,
    beta: Matrix,
    token: Matrix,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c < r) {
      const s = t - r + c;
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      const row = h * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) sum += dCorrection[t][row + i] * k[s][channel + i];
      sum *= beta[s][h];
      for (let b = 0; b < this.constants.K; b++) sum += k[t][channel + b] * dKey[s][row + b];
      for (let a = t; a < token[t][1]; a += 1) sum += product[a][h * this.constants.C + r] * dScores[a][this.thread.x];
    }
    return sum;
  },
};
