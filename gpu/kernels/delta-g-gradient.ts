import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dg[r, h] = what crosses r: pairs t >= r > s of the chunk, queries of its tokens t >= r on their way to its start, keys of its tokens s < r
 * on their way to its end, and the transition over it. Each sum runs over its own tokens: no difference of larger sums.
 */
export const deltaGGradient: Kernel = {
  name: 'delta-g-gradient',
  body: function deltaGGradient(
    this: Thread,
    crossing: Matrix,
    queryDot: Matrix,
    keyDot: Matrix,
    phiDot: Matrix,
    token: Matrix,
  ) {
    const r = this.thread.y;
    const h = this.thread.x;
    const c = h * this.constants.C + r - token[r][0] + token[r][2];
    let sum = phiDot[token[r][3]][h];
    for (let t = r; t < token[r][1]; t += 1) sum += crossing[t][c] + queryDot[t][h];
    for (let s = token[r][0]; s < r; s += 1) sum += keyDot[s][h];
    return sum;
  },
};
