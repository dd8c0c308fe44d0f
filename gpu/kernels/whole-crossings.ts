import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * crossing[m, h]: what crosses all of chunk m from a node to its readers. Where m is in the node, the chunks of the node before m; where
 * m reads the node, the readers after m.
 */
export const wholeCrossings: Kernel = {
  name: 'whole-crossings',
  body: function wholeCrossings(
    this: Thread,
    source: Matrix,
    reader: Matrix,
    within: Matrix,
    reads: Matrix,
    node: Matrix,
    slots: number,
  ) {
    const m = this.thread.y;
    let sum = 0;
    for (let e = 0; e < slots; e++) {
      const x = this.thread.x * slots + e;
      const own = within[m][e];
      if (own >= 0) for (let n = node[own][0]; n < m; n += 1) sum += source[n][x];
      const read = reads[m][e];
      if (read >= 0) for (let n = m + 1; n < node[read][3]; n += 1) sum += reader[n][x];
    }
    return sum;
  },
};
