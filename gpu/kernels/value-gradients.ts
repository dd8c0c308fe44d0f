import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dv[s, h, j] = einsum('ths,thj->shj', P, dO) over the tokens t >= s of s's chunk */
export const valueGradients: Kernel = {
  name: 'value-gradients',
  body: function valueGradients(this: Thread, weights: Matrix, dO: Matrix, token: Matrix) {
    const s = this.thread.y;
    const x = this.thread.x;
    const end = token[s][1];
    const c = Math.floor((this.thread.x + 0.5) / this.constants.V) * this.constants.C + s - token[s][0] + token[s][2];
    let sum = 0;
    for (let t = s; t < end; t += 1) sum += weights[t][c] * dO[t][x];
    return sum;
  },
};
