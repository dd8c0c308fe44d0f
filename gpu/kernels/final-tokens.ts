import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * state[n, h, l, i, j] = einsum('sh,shi,shj->hij', tail, k, w) over the tokens of sequence n's last chunk that its last token has at
 * level l: what that chunk leaves behind.
 */
export const finalTokens: Kernel = {
  name: 'final-tokens',
  body: function finalTokens(this: Thread, k: Matrix, w: Matrix, tail: Matrix, held: Matrix) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    const end = held[n][2 * l + 1];
    for (let s = held[n][2 * l]; s < end; s += 1) sum += tail[s][h] * k[s][channel] * w[s][column];
    return sum;
  },
};
