import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[m, h] of a[t, h] over the tokens of chunk m */
export const chunkSums: Kernel = {
  name: 'chunk-sums',
  body: function chunkSums(this: Thread, a: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    let sum = 0;
    for (let t = chunk[m][0]; t < chunk[m][1]; t += 1) sum += a[t][this.thread.x];
    return sum;
  },
};
