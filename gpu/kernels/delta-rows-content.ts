import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dRow[n, h, a, i] = einsum('laj,lij->ai', dState, S) over the levels of the incoming state that the final state holds, dState at the level
 * where it does
 */
export const deltaRowsContent: Kernel = {
  name: 'delta-rows-content',
  body: function deltaRowsContent(
    this: Thread,
    dState: Cube,
    state: Cube,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const a = this.thread.y - h * this.constants.K;
    let sum = 0;
    if (sequence[n][2] >= 0) {
      for (let b = 0; b < stateLevels; b++) {
        const level = content[sequence[n][1] - 1][h * stateLevels + b];
        if (level >= 0) {
          const from = (h * this.constants.L + level) * this.constants.K + a;
          const row = (h * stateLevels + b) * this.constants.K + this.thread.x;
          for (let j = 0; j < this.constants.V; j++) sum += dState[n][from][j] * state[n][row][j];
        }
      }
    }
    return sum;
  },
};
