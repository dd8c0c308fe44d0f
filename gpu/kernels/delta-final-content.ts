import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = before + einsum('ia,aj->ij', row, S), S the levels of the incoming state that the last token has at level l */
export const deltaFinalContent: Kernel = {
  name: 'delta-final-content',
  body: function deltaFinalContent(
    this: Thread,
    before: Cube,
    rows: Cube,
    state: Cube,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    let sum = before[n][this.thread.y][this.thread.x];
    if (sequence[n][2] >= 0) {
      const last = sequence[n][1] - 1;
      for (let b = 0; b < stateLevels; b++) {
        if (content[last][h * stateLevels + b] === l) {
          const row = (h * stateLevels + b) * this.constants.K;
          for (let a = 0; a < this.constants.K; a++)
            sum += rows[n][h * this.constants.K + i][a] * state[n][row + a][this.thread.x];
        }
      }
    }
    return sum;
  },
};
