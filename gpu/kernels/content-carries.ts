import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** carry[n, h] = exp(sum of g over all of sequence n); 1 where it is empty. */
export const contentCarries: Kernel = {
  name: 'content-carries',
  body: function contentCarries(this: Thread, prefix: Matrix, start: Matrix, sequence: Matrix) {
    const n = this.thread.y;
    const h = this.thread.x;
    const m = sequence[n][2];
    let decay = 1;
    if (m >= 0) {
      decay = Math.exp(prefix[sequence[n][1] - 1][(h + 1) * this.constants.blocks - 1] + start[m][h]);
    }
    return decay;
  },
};
