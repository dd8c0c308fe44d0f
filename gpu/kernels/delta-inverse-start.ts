import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** X[t, h, c] of (I + N)^-1 inside blocks of two positions: 1 where s = t, -N where s is the other position of t's block, 0 elsewhere. */
export const deltaInverseStart: Kernel = {
  name: 'delta-inverse-start',
  body: function deltaInverseStart(this: Thread, overlap: Matrix, token: Matrix, bits: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let inverse = 0;
    if (c === r) inverse = 1;
    if (c >= first && c < r && bits[r][c] === 1) inverse = -overlap[t][this.thread.x];
    return inverse;
  },
};
