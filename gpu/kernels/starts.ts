import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** start[m, h] = sum of g over the chunks of m's sequence before m */
export const starts: Kernel = {
  name: 'starts',
  body: function starts(this: Thread, prefix: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    const last = (this.thread.x + 1) * this.constants.blocks - 1;
    let sum = 0;
    for (let n = chunk[m][2]; n < m; n += 1) sum += prefix[chunk[n][1] - 1][last];
    return sum;
  },
};
