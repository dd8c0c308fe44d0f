import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[m, h] of a[n, h] over the chunks n of m's sequence before m */
export const earlierChunks: Kernel = {
  name: 'earlier-chunks',
  body: function earlierChunks(this: Thread, a: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    let sum = 0;
    for (let n = chunk[m][2]; n < m; n += 1) sum += a[n][this.thread.x];
    return sum;
  },
};
