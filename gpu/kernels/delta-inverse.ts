import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * X[t, h, c] = -einsum('ta,ac->tc', X, U) over the right half a of a block of 2^level positions, t in its right half and c in its left
 * one; elsewhere as before. Blocks double without powers of N, which grow where N itself is harmless.
 */
export const deltaInverse: Kernel = {
  name: 'delta-inverse',
  numbers: { level: 'Float' },
  body: function deltaInverse(
    this: Thread,
    inverse: Matrix,
    half: Matrix,
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
    let sum = inverse[t][this.thread.x];
    if (c >= first && c < r && bits[r][c] === level) {
      sum = 0;
      for (let a = block[r][2 * level - 2]; a <= r; a += 1) {
        sum -= inverse[t][h * this.constants.C + a] * half[t - r + a][this.thread.x];
      }
    }
    return sum;
  },
};
