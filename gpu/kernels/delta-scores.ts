import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * A[t, h, c] = scale exp(sum of g over (s,t]) einsum('tr,rs->ts', R, X), s <= t the token of t's chunk at local position c; 0 elsewhere.
 * The masked product inside a chunk, without level scales.
 */
export const deltaScores: Kernel = {
  name: 'delta-scores',
  numbers: { scale: 'Float' },
  body: function deltaScores(
    this: Thread,
    product: Matrix,
    inverse: Matrix,
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
    let score = 0;
    if (c >= first && c <= r) {
      for (let a = c; a <= r; a += 1) score += product[t][h * this.constants.C + a] * inverse[t - r + a][this.thread.x];
      score *= scale;
      const level = bits[r][c];
      if (level > 0) {
        const b = h * this.constants.blocks + level - 1;
        score *= Math.exp(prefix[t][b] + suffix[t - r + c][b]);
      }
    }
    return score;
  },
};
