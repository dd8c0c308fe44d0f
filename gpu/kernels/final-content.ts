import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = before + carry[n, h] times the levels of the incoming state that the last token has at level l */
export const finalContent: Kernel = {
  name: 'final-content',
  body: function finalContent(
    this: Thread,
    before: Cube,
    state: Cube,
    carry: Matrix,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const j = this.thread.x;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    let sum = before[n][this.thread.y][j];
    if (sequence[n][2] >= 0) {
      const last = sequence[n][1] - 1;
      for (let a = 0; a < stateLevels; a++) {
        if (content[last][h * stateLevels + a] === l) {
          sum += carry[n][h] * state[n][(h * stateLevels + a) * this.constants.K + i][j];
        }
      }
    }
    return sum;
  },
};
