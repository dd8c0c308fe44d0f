import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** between[m, h, e] = sum of g over the chunks from the end of the node that chunk m reads at slot e up to m; 0 where there is none. */
export const between: Kernel = {
  name: 'between',
  body: function between(this: Thread, prefix: Matrix, chunk: Matrix, reads: Matrix, node: Matrix, slots: number) {
    const m = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const d = reads[m][e];
    let sum = 0;
    if (d >= 0) {
      for (let n = node[d][1]; n < m; n += 1) {
        sum += prefix[chunk[n][1] - 1][(h + 1) * this.constants.blocks - 1];
      }
    }
    return sum;
  },
};
