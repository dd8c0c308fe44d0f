import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * prefix[t, h, b] = sum of g[r, h] over r from the start of t's block of 2^b positions up to and including t.
 * With suffixes the log decay over any segment (s, t] is a sum over that segment: t and s, whose positions first differ in bit b, lie in
 * neighbouring blocks of 2^b, and the segment is the suffix of s's block and the prefix of t's.
 */
export const prefixes: Kernel = {
  name: 'prefixes',
  body: function prefixes(this: Thread, g: Matrix, token: Matrix, block: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.blocks);
    const b = this.thread.x - h * this.constants.blocks;
    const start = token[t][0];
    const first = token[t][2];
    const from = Math.max(start, start + block[t - start + first][2 * b] - first);
    let sum = 0;
    for (let r = from; r <= t; r += 1) sum += g[r][h];
    return sum;
  },
};
