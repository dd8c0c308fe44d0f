import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** returned[t, h, i] = einsum('ij,tj->ti', S, dO), S that of the bucket that t reads at slot e; 0 where it reads none. */
export const deltaReturns: Kernel = {
  name: 'delta-returns',
  body: function deltaReturns(this: Thread, dO: Matrix, state: Cube, token: Matrix, reads: Matrix, e: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const d = reads[token[t][3]][e];
    let sum = 0;
    if (d >= 0) {
      for (let j = 0; j < this.constants.V; j++)
        sum += state[d][this.thread.x][this.constants.K + j] * dO[t][h * this.constants.V + j];
    }
    return sum;
  },
};
