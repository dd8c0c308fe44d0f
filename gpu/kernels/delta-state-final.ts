import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dS[n, h, l, i, j] = before + einsum('ai,aj->ij', row, dState), dState at the level at which the final state holds level l of the incoming
 * one
 */
export const deltaStateFinal: Kernel = {
  name: 'delta-state-final',
  body: function deltaStateFinal(
    this: Thread,
    before: Cube,
    rows: Cube,
    dState: Cube,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / stateLevels);
    let sum = before[n][this.thread.y][this.thread.x];
    if (sequence[n][2] >= 0) {
      const level = content[sequence[n][1] - 1][hl];
      if (level >= 0) {
        const row = (h * this.constants.L + level) * this.constants.K;
        for (let a = 0; a < this.constants.K; a++)
          sum += rows[n][h * this.constants.K + a][i] * dState[n][row + a][this.thread.x];
      }
    }
    return sum;
  },
};
