import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dS[n, h, l, i, j] = before + carry[n, h] (gradient of the final state at the level at which the last token has level l) */
export const contentFromEnd: Kernel = {
  name: 'content-from-end',
  body: function contentFromEnd(
    this: Thread,
    before: Cube,
    dState: Cube,
    carry: Matrix,
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
        sum += carry[n][h] * dState[n][(h * this.constants.L + level) * this.constants.K + i][this.thread.x];
      }
    }
    return sum;
  },
};
