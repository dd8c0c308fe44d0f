import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * half[t, h, i] = sum of g[r, h, i] between t and the middle of its block of 2^(b+1) positions: over the right half up to and including t
 * where t lies there, else over the left half after t.
 * The log decay over a segment (s, t] whose ends first differ in bit b is half[t] + half[s]: a sum over the segment itself.
 */
export const channelHalves: Kernel = {
  name: 'channel-halves',
  body: function channelHalves(this: Thread, g: Matrix, token: Matrix, block: Matrix, b: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    const start = token[t][0];
    const first = token[t][2];
    const r = t - start + first;
    let from = t + 1;
    let end = Math.min(token[t][1], start + block[r][2 * b + 1] - first + 1);
    if (block[r][2 * b] > block[r][2 * b + 2]) {
      from = Math.max(start, start + block[r][2 * b] - first);
      end = t + 1;
    }
    let sum = 0;
    for (let s = from; s < end; s += 1) sum += g[s][x];
    return sum;
  },
};
