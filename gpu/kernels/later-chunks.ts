import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[m, h] of a[n, h] over the chunks n of m's sequence after m */
export const laterChunks: Kernel = {
  name: 'later-chunks',
  body: function laterChunks(this: Thread, a: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    let sum = 0;
    for (let n = m + 1; n <= chunk[m][3]; n += 1) sum += a[n][this.thread.x];
    return sum;
  },
};
