import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * [dPhi | dS] of the buckets of slot e: before + einsum('ai,ax->ix', row, [dRow | dState]) where a sequence's last chunk reads them, dState
 * at their level
 */
export const deltaNodesFinal: Kernel = {
  name: 'delta-nodes-final',
  body: function deltaNodesFinal(
    this: Thread,
    before: Cube,
    rows: Cube,
    dRows: Cube,
    dState: Cube,
    bucket: Matrix,
    e: number,
  ) {
    const d = this.thread.z;
    const x = this.thread.x;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - h * this.constants.K;
    const n = bucket[d][7];
    let sum = before[d][this.thread.y][x];
    if (n >= 0) {
      if (x < this.constants.K) {
        for (let a = 0; a < this.constants.K; a++)
          sum += rows[n][h * this.constants.K + a][i] * dRows[n][h * this.constants.K + a][x];
      } else {
        const row = (h * this.constants.L + this.constants.lifted * (this.constants.blocks + e)) * this.constants.K;
        for (let a = 0; a < this.constants.K; a++)
          sum += rows[n][h * this.constants.K + a][i] * dState[n][row + a][x - this.constants.K];
      }
    }
    return sum;
  },
};
