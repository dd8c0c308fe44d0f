import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** prefix[t, h, i] = sum of g[r, h, i] over r from the start of t's chunk up to and including t */
export const channelPrefixes: Kernel = {
  name: 'channel-prefixes',
  body: function channelPrefixes(this: Thread, g: Matrix, token: Matrix) {
    const t = this.thread.y;
    const x = this.thread.x;
    let sum = 0;
    for (let r = token[t][0]; r <= t; r += 1) sum += g[r][x];
    return sum;
  },
};
