import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dk[s, g, i] = einsum('hts,ti->si', X, q) over the heads of group g and the tokens t >= s of s's chunk, X of score-gradients */
export const keyGradients: Kernel = {
  name: 'key-gradients',
  body: function keyGradients(this: Thread, x: Matrix, q: Matrix, token: Matrix) {
    const s = this.thread.y;
    const heads = this.constants.H / this.constants.G;
    const group = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const end = token[s][1];
    const r = s - token[s][0] + token[s][2];
    let sum = 0;
    for (let n = 0; n < heads; n++) {
      const c = (group * heads + n) * this.constants.C + r;
      for (let t = s; t < end; t += 1) sum += x[t][c] * q[t][this.thread.x];
    }
    return sum;
  },
};
