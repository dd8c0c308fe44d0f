import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * d[m, h, i] = before, and what the decays of chunk m have of the pairs at slot e that lie on both sides of it: of sources before m where m
 * is part of a node, of readers after m where it reads one
 */
export const channelSpanned: Kernel = {
  name: 'channel-spanned',
  body: function channelSpanned(
    this: Thread,
    before: Matrix,
    source: Matrix,
    reader: Matrix,
    within: Matrix,
    reads: Matrix,
    node: Matrix,
    e: number,
  ) {
    const m = this.thread.y;
    const x = this.thread.x;
    const left = within[m][e];
    const right = reads[m][e];
    let sum = before[m][x];
    if (left >= 0) {
      for (let c = node[left][0]; c < m; c += 1) sum += source[c][x];
    }
    if (right >= 0) {
      for (let n = m + 1; n < node[right][3]; n += 1) sum += reader[n][x];
    }
    return sum;
  },
};
