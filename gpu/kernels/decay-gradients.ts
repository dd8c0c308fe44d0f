import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dg[r, h] = crossing[r, h] + sum of the query dots of t >= r + sum of the key dots of s < r + whole[m, h], t and s in r's chunk m: every
 * pair of a source and a reader, once, if its segment has g_r in it.
 */
export const decayGradients: Kernel = {
  name: 'decay-gradients',
  body: function decayGradients(
    this: Thread,
    crossing: Matrix,
    query: Matrix,
    key: Matrix,
    whole: Matrix,
    token: Matrix,
  ) {
    const r = this.thread.y;
    const h = this.thread.x;
    let sum = crossing[r][h] + whole[token[r][3]][h];
    const end = token[r][1];
    for (let t = r; t < end; t += 1) sum += query[t][h];
    for (let s = token[r][0]; s < r; s += 1) sum += key[s][h];
    return sum;
  },
};
