import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dP[t, h, c] = einsum('tj,sj->ts', dO, w), s <= t the token of t's chunk at local position c; 0 elsewhere. */
export const deltaWeightsGradient: Kernel = {
  name: 'delta-weights-gradient',
  body: function deltaWeightsGradient(this: Thread, dO: Matrix, w: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c <= r) {
      for (let j = 0; j < this.constants.V; j++)
        sum += dO[t][h * this.constants.V + j] * w[t - r + c][h * this.constants.V + j];
    }
    return sum;
  },
};
