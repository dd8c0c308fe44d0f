import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** N[t, h, c] = beta[t, h] einsum('thi,shi->ths', k, k), s < t the token of t's chunk at local position c; 0 elsewhere. */
export const deltaOverlaps: Kernel = {
  name: 'delta-overlaps',
  body: function deltaOverlaps(this: Thread, k: Matrix, beta: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let overlap = 0;
    if (c >= first && c < r) {
      const s = t - r + c;
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) overlap += k[t][channel + i] * k[s][channel + i];
      overlap *= beta[t][h];
    }
    return overlap;
  },
};
