import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** row[t, h, c] = sum of dP[t, h, s] P[t, h, s] over the tokens s < c of t's chunk, for c <= t: what t reads across the token at c */
export const rowCrossings: Kernel = {
  name: 'row-crossings',
  body: function rowCrossings(this: Thread, dP: Matrix, weights: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    let sum = 0;
    if (c <= t - token[t][0] + token[t][2]) {
      const row = h * this.constants.C;
      for (let s = token[t][2]; s < c; s += 1) sum += dP[t][row + s] * weights[t][row + s];
    }
    return sum;
  },
};
