import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** crossing[r, h] = sum of row[t, h, r] over the tokens t >= r of r's chunk: every pair t >= r > s, whose segment has g_r in it */
export const crossings: Kernel = {
  name: 'crossings',
  body: function crossings(this: Thread, row: Matrix, token: Matrix) {
    const r = this.thread.y;
    const end = token[r][1];
    const c = this.thread.x * this.constants.C + r - token[r][0] + token[r][2];
    let sum = 0;
    for (let t = r; t < end; t += 1) sum += row[t][c];
    return sum;
  },
};
