import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = einsum('thc,chj->thj', P, w) over the tokens c <= t of t's own chunk: those after t are not read at all. */
export const inside: Kernel = {
  name: 'inside',
  body: function inside(this: Thread, weights: Matrix, w: Matrix, token: Matrix) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const start = token[t][0];
    const c = h * this.constants.C + token[t][2] - start;
    let sum = 0;
    for (let s = start; s <= t; s += 1) sum += weights[t][c + s] * w[s][x];
    return sum;
  },
};
