import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** row[n, h, i, j] = einsum('ia,aj->ij', row, phi), phi that of the bucket that n's last chunk reads at slot e; as before where it reads none. */
export const deltaFinalRows: Kernel = {
  name: 'delta-final-rows',
  body: function deltaFinalRows(this: Thread, rows: Cube, state: Cube, sequence: Matrix, reads: Matrix, e: number) {
    const n = this.thread.z;
    const y = this.thread.y;
    const first = Math.floor((y + 0.5) / this.constants.K) * this.constants.K;
    const m = sequence[n][2];
    let sum = rows[n][y][this.thread.x];
    if (m >= 0) {
      const d = reads[m][e];
      if (d >= 0) {
        sum = 0;
        for (let a = 0; a < this.constants.K; a++) sum += rows[n][y][a] * state[d][first + a][this.thread.x];
      }
    }
    return sum;
  },
};
