import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * d[t, h, i] = before, and the pull where t lies on the given side of its block of 2^(b+1) positions: 1, the right one, for queries; 0, the
 * left one, for keys
 */
export const channelSides: Kernel = {
  name: 'channel-sides',
  body: function channelSides(
    this: Thread,
    before: Matrix,
    pull: Matrix,
    token: Matrix,
    block: Matrix,
    b: number,
    side: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let right = 0;
    if (block[r][2 * b] > block[r][2 * b + 2]) right = 1;
    let sum = before[t][x];
    if (right === side) sum += pull[t][x];
    return sum;
  },
};
