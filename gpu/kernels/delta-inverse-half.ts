import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * U[t, h, c] = einsum('ta,ac->tc', N, X) over the left half a of a block of 2^level positions, t in its right half and c in its left one;
 * 0 elsewhere. X is the inverse inside each half.
 */
export const deltaInverseHalf: Kernel = {
  name: 'delta-inverse-half',
  numbers: { level: 'Float' },
  body: function deltaInverseHalf(
    this: Thread,
    overlap: Matrix,
    inverse: Matrix,
    token: Matrix,
    bits: Matrix,
    block: Matrix,
    level: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c < r && bits[r][c] === level) {
      const middle = block[r][2 * level - 2];
      for (let a = c; a < middle; a += 1)
        sum += overlap[t][h * this.constants.C + a] * inverse[t - r + a][this.thread.x];
    }
    return sum;
  },
};
