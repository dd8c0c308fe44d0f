import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** crossing[r, h] = sum of dP[t, h, s] P[t, h, s] over the pairs t >= r > s of r's chunk: every pair whose segment has g_r in it */
export const crossings: Kernel = {
  name: 'crossings',
  body: function crossings(this: Thread, dP: Matrix, weights: Matrix, token: Matrix) {
    const r = this.thread.y;
    const start = token[r][0];
    const end = token[r][1];
    const c = this.thread.x * this.constants.C + token[r][2] - start;
    let sum = 0;
    for (let t = r; t < end; t += 1) {
      for (let s = start; s < r; s += 1) sum += dP[t][c + s] * weights[t][c + s];
    }
    return sum;
  },
};
