import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** A[t, h, c] = scale exp(sum of g over (s,t]) dots[t, h, c], as scores.ts has it, from the products of dot-rows.ts. */
export const scoresOfRows: Kernel = {
  name: 'scores-of-rows',
  numbers: { scale: 'Float' },
  body: function scoresOfRows(
    this: Thread,
    dots: Cube,
    prefix: Matrix,
    suffix: Matrix,
    token: Matrix,
    place: Matrix,
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
      score = scale * dots[place[t][0]][place[t][1]][this.thread.x];
      const level = bits[r][c];
      if (level > 0) {
        const b = h * this.constants.blocks + level - 1;
        score *= Math.exp(prefix[t][b] + suffix[t - r + c][b]);
      }
    }
    return score;
  },
};
