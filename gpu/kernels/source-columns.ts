import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** column[m, h, e, j] = reach[m, h, e] einsum('hij,hij->hj', leaf, dnode), the node that chunk m is part of at slot e; 0 where there is none */
export const sourceColumns: Kernel = {
  name: 'source-columns',
  body: function sourceColumns(this: Thread, leaf: Cube, dNode: Cube, reach: Matrix, within: Matrix, slots: number) {
    const m = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / slots);
    const d = within[m][this.thread.y - h * slots];
    const row = h * this.constants.K;
    let sum = 0;
    if (d >= 0) {
      for (let i = 0; i < this.constants.K; i++) {
        sum += leaf[m][row + i][this.thread.x] * dNode[d][row + i][this.thread.x];
      }
      sum *= reach[m][this.thread.y];
    }
    return sum;
  },
};
