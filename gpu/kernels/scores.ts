import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * A[t, h, c] = scale exp(sum of g over (s,t]) einsum('thi,shi->ths', q, k), s the token of t's chunk at local position c; 0 where s > t.
 * The masked product inside a chunk, without level scales; keys as chunk-keys.ts lays them out.
 */
export const scores: Kernel = {
  name: 'scores',
  numbers: { scale: 'Float' },
  body: function scores(
    this: Thread,
    q: Matrix,
    keys: Cube,
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
    const m = token[t][3];
    let score = 0;
    if (c >= first && c <= r) {
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) score += q[t][channel + i] * keys[m][channel + i][c];
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
