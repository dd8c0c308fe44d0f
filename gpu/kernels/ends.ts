import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** end[m, h] = sum of g over the chunks of m's sequence after m */
export const ends: Kernel = {
  name: 'ends',
  body: function ends(this: Thread, prefix: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    const last = (this.thread.x + 1) * this.constants.blocks - 1;
    let sum = 0;
    for (let n = m + 1; n <= chunk[m][3]; n += 1) sum += prefix[chunk[n][1] - 1][last];
    return sum;
  },
};
