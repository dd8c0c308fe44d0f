import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dg[r, h, i] = before + spanned of r's chunk + sum of q dQ over the tokens t >= r of the chunk + sum of k dK over its tokens s < r, for the
 * parts dQ and dK of the gradients that came into the chunk from outside: their segments cross the chunk's start up to t, and its end from
 * s on.
 */
export const channelDecayGradients: Kernel = {
  name: 'channel-decay-gradients',
  body: function channelDecayGradients(
    this: Thread,
    before: Matrix,
    spanned: Matrix,
    dQ: Matrix,
    dK: Matrix,
    q: Matrix,
    k: Matrix,
    token: Matrix,
  ) {
    const own = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const end = token[own][1];
    let sum = before[own][x] + spanned[token[own][3]][x];
    for (let t = own; t < end; t += 1) sum += q[t][channel] * dQ[t][x];
    for (let s = token[own][0]; s < own; s += 1) sum += k[s][channel] * dK[s][x];
    return sum;
  },
};
