import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * state[n, h, l, i, j] = einsum('shi,shi,shj->hij', tail, k, v) over the tokens of sequence n's last chunk that its last token has at
 * level l: what that chunk leaves behind
 */
export const channelFinalTokens: Kernel = {
  name: 'channel-final-tokens',
  body: function channelFinalTokens(
    this: Thread,
    k: Matrix,
    v: Matrix,
    tail: Matrix,
    finalLevel: Matrix,
    sequence: Matrix,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const x = h * this.constants.K + i;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let s = sequence[n][3]; s < sequence[n][1]; s += 1) {
      if (finalLevel[s][0] === l) sum += tail[s][x] * k[s][channel] * v[s][column];
    }
    return sum;
  },
};
