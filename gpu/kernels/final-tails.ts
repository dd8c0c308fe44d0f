import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** tail[s, h] = exp(sum of g over (s, end of s's sequence)) */
export const finalTails: Kernel = {
  name: 'final-tails',
  body: function finalTails(this: Thread, suffix: Matrix, end: Matrix, token: Matrix) {
    const s = this.thread.y;
    const h = this.thread.x;
    return Math.exp(suffix[s][(h + 1) * this.constants.blocks - 1] + end[token[s][3]][h]);
  },
};
