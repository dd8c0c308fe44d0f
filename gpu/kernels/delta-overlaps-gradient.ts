import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dN[t, h, c] = -einsum('rt,rs->ts', X, Y) over the tokens r >= t of t's chunk, s < t the one at local position c; 0 elsewhere. So dN is
 * -X^T dX X^T below the diagonal.
 */
export const deltaOverlapsGradient: Kernel = {
  name: 'delta-overlaps-gradient',
  body: function deltaOverlapsGradient(this: Thread, inverse: Matrix, right: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c < r) {
      for (let a = t; a < token[t][1]; a += 1) sum -= inverse[a][h * this.constants.C + r] * right[a][this.thread.x];
    }
    return sum;
  },
};
