import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * row[n, h, i, :] = phi[i, :] of sequence n's last chunk: row i of what carries a state from the start of that chunk to its end; 0 where the
 * sequence is empty.
 */
export const deltaFinalRowsStart: Kernel = {
  name: 'delta-final-rows-start',
  body: function deltaFinalRowsStart(this: Thread, leaf: Cube, sequence: Matrix) {
    const m = sequence[this.thread.z][2];
    let row = 0;
    if (m >= 0) row = leaf[m][this.thread.y][this.thread.x];
    return row;
  },
};
