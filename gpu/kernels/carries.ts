import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** carry[n, h, e] = exp(sum of g from the end of the node that n's last chunk reads at slot e to n's end); 0 where there is none. */
export const carries: Kernel = {
  name: 'carries',
  body: function carries(
    this: Thread,
    prefix: Matrix,
    between: Matrix,
    sequence: Matrix,
    reads: Matrix,
    slots: number,
  ) {
    const n = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const m = sequence[n][2];
    let decay = 0;
    if (m >= 0) {
      const d = reads[m][e];
      if (d >= 0) {
        decay = Math.exp(prefix[sequence[n][1] - 1][(h + 1) * this.constants.blocks - 1] + between[m][this.thread.x]);
      }
    }
    return decay;
  },
};
