import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** suffix[s, h, b] = sum of g[r, h] over r from s + 1 up to the end of s's block of 2^b positions, as far as its chunk has tokens. */
export const suffixes: Kernel = {
  name: 'suffixes',
  body: function suffixes(this: Thread, g: Matrix, token: Matrix, block: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.blocks);
    const b = this.thread.x - h * this.constants.blocks;
    const start = token[s][0];
    const first = token[s][2];
    const to = Math.min(token[s][1] - 1, start + block[s - start + first][2 * b + 1] - first);
    let sum = 0;
    for (let r = s + 1; r <= to; r += 1) sum += g[r][h];
    return sum;
  },
};
