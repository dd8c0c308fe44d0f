import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * state[n, h, l, i, j] = einsum('sh,shi,shj->hij', tail, k, w) over the tokens of sequence n's last chunk that its last token has at
 * level l: what that chunk leaves behind.
 */
export const finalTokens: Kernel = {
  name: 'final-tokens',
  body: function finalTokens(this: Thread, k: Matrix, w: Matrix, tail: Matrix, finalLevel: Matrix, sequence: Matrix) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let s = sequence[n][3]; s < sequence[n][1]; s += 1) {
      if (finalLevel[s][0] === l) sum += tail[s][h] * k[s][channel] * w[s][column];
    }
    return sum;
  },
};
