import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** crossing[t, h, c] = sum of dP P over the tokens of t's chunk before the one at local position c: what decays at c on its way to t */
export const deltaCrossings: Kernel = {
  name: 'delta-crossings',
  body: function deltaCrossings(this: Thread, dWeights: Matrix, weights: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c <= r) {
      for (let a = first; a < c; a += 1)
        sum += dWeights[t][h * this.constants.C + a] * weights[t][h * this.constants.C + a];
    }
    return sum;
  },
};
