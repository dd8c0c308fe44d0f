import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = sum of dP[t, h, c] A[t, h, c] over the tokens c of t's own chunk that t reads at level l */
export const lambdaInside: Kernel = {
  name: 'lambda-inside',
  body: function lambdaInside(this: Thread, dP: Matrix, scores: Matrix, token: Matrix, block: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    const row = h * this.constants.C;
    let sum = 0;
    if (l === 0) sum = dP[t][row + r] * scores[t][row + r];
    else if (l < this.constants.blocks) {
      // the left neighbour of r's block of 2^(l-1), where both are halves of one block of 2^l; else nothing
      const to = block[r][2 * (l - 1)];
      for (let c = Math.max(first, block[r][2 * l]); c < to; c += 1) sum += dP[t][row + c] * scores[t][row + c];
    }
    return sum;
  },
};
