import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** P[t, h, c] = lambda[t, h, level(t,s)] A[t, h, c], s the token of t's chunk at local position c; 0 where s > t. */
export const weights: Kernel = {
  name: 'weights',
  body: function weights(this: Thread, scores: Matrix, lambda: Matrix, token: Matrix, bits: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let weight = 0;
    if (c >= first && c <= r) {
      weight = lambda[t][h * this.constants.L + this.constants.lifted * bits[r][c]] * scores[t][this.thread.x];
    }
    return weight;
  },
};
