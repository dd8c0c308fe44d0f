import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dRow[n, h, a, i] = einsum('aj,ij->ai', dRow, phi) + einsum('aj,ij->ai', dState, S), [phi | S] of the bucket that n's last chunk reads at
 * slot e and dState at its level; as before where it reads none.
 */
export const deltaRowsBackward: Kernel = {
  name: 'delta-rows-backward',
  body: function deltaRowsBackward(
    this: Thread,
    dRows: Cube,
    state: Cube,
    dState: Cube,
    sequence: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const n = this.thread.z;
    const y = this.thread.y;
    const h = Math.floor((y + 0.5) / this.constants.K);
    const a = y - h * this.constants.K;
    const i = h * this.constants.K + this.thread.x;
    const m = sequence[n][2];
    let sum = dRows[n][y][this.thread.x];
    if (m >= 0) {
      const d = reads[m][e];
      if (d >= 0) {
        const level = this.constants.lifted * (this.constants.blocks + e);
        const row = (h * this.constants.L + level) * this.constants.K + a;
        sum = 0;
        for (let b = 0; b < this.constants.K; b++) sum += dRows[n][y][b] * state[d][i][b];
        for (let j = 0; j < this.constants.V; j++) sum += dState[n][row][j] * state[d][i][this.constants.K + j];
      }
    }
    return sum;
  },
};
