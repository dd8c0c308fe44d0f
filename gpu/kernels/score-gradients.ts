import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dA[t, h, c] scale exp(sum of g over (s,t]), dA = lambda[t, h, level(t,s)] dP[t, h, c]: the gradient of what the scores scale and decay. */
export const scoreGradients: Kernel = {
  name: 'score-gradients',
  numbers: { scale: 'Float' },
  body: function scoreGradients(
    this: Thread,
    dP: Matrix,
    lambda: Matrix,
    prefix: Matrix,
    suffix: Matrix,
    token: Matrix,
    bits: Matrix,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let gradient = 0;
    if (c >= first && c <= r) {
      const level = bits[r][c];
      gradient = scale * lambda[t][h * this.constants.L + this.constants.lifted * level] * dP[t][this.thread.x];
      if (level > 0) {
        const b = h * this.constants.blocks + level - 1;
        gradient *= Math.exp(prefix[t][b] + suffix[t - r + c][b]);
      }
    }
    return gradient;
  },
};
