import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dQuery[t, h, i] = einsum('tj,ij->ti', dQuery, phi) + lambda[t, h, level of slot e] returned[t, h, i], phi that of the bucket that t reads
 * at slot e; as before where it reads none.
 */
export const deltaReadBackward: Kernel = {
  name: 'delta-read-backward',
  body: function deltaReadBackward(
    this: Thread,
    dQuery: Matrix,
    returned: Matrix,
    state: Cube,
    lambda: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const d = reads[token[t][3]][e];
    let sum = dQuery[t][x];
    if (d >= 0) {
      sum = lambda[t][h * this.constants.L + this.constants.lifted * (this.constants.blocks + e)] * returned[t][x];
      for (let j = 0; j < this.constants.K; j++) sum += dQuery[t][h * this.constants.K + j] * state[d][x][j];
    }
    return sum;
  },
};
