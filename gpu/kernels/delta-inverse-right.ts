import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** Y[t, h, c] = einsum('ta,sa->ts', dX, X) over the tokens a <= s of t's chunk, s < t the one at local position c; 0 elsewhere. */
export const deltaInverseRight: Kernel = {
  name: 'delta-inverse-right',
  body: function deltaInverseRight(this: Thread, dInverse: Matrix, inverse: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c < r) {
      for (let a = first; a <= c; a += 1)
        sum += dInverse[t][h * this.constants.C + a] * inverse[t - r + c][h * this.constants.C + a];
    }
    return sum;
  },
};
