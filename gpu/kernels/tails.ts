import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** tail[s, h] = exp(sum of g over (s, end of s's chunk)) */
export const tails: Kernel = {
  name: 'tails',
  body: function tails(this: Thread, suffix: Matrix) {
    return Math.exp(suffix[this.thread.y][(this.thread.x + 1) * this.constants.blocks - 1]);
  },
};
