import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** tail[s, h, i] = exp(sum of g[r, h, i] over r after s in s's chunk) */
export const channelTails: Kernel = {
  name: 'channel-tails',
  body: function channelTails(this: Thread, g: Matrix, token: Matrix) {
    const s = this.thread.y;
    const x = this.thread.x;
    const end = token[s][1];
    let sum = 0;
    for (let r = s + 1; r < end; r += 1) sum += g[r][x];
    return Math.exp(sum);
  },
};
