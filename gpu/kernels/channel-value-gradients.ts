import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dv[s, h, j] = einsum('ths,thj->shj', P, dO) over the tokens t >= s of s's own chunk */
export const channelValueGradients: Kernel = {
  name: 'channel-value-gradients',
  body: function channelValueGradients(this: Thread, weights: Matrix, dO: Matrix, token: Matrix) {
    const s = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((x + 0.5) / this.constants.V);
    const column = h * this.constants.C + s - token[s][0] + token[s][2];
    const end = token[s][1];
    let sum = 0;
    for (let t = s; t < end; t += 1) sum += weights[t][column] * dO[t][x];
    return sum;
  },
};
