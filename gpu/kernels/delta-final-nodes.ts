import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = before + einsum('ia,aj->ij', row, S), S that of the bucket that n's last chunk reads at slot e, l the level of e */
export const deltaFinalNodes: Kernel = {
  name: 'delta-final-nodes',
  body: function deltaFinalNodes(
    this: Thread,
    before: Cube,
    rows: Cube,
    state: Cube,
    sequence: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const m = sequence[n][2];
    let sum = before[n][this.thread.y][this.thread.x];
    if (m >= 0 && l === this.constants.lifted * (this.constants.blocks + e)) {
      const d = reads[m][e];
      if (d >= 0) {
        for (let a = 0; a < this.constants.K; a++)
          sum +=
            rows[n][h * this.constants.K + i][a] * state[d][h * this.constants.K + a][this.constants.K + this.thread.x];
      }
    }
    return sum;
  },
};
