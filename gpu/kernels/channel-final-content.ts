import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = before + carry[n, h, i] times the levels of the incoming state that the last token has at level l */
export const channelFinalContent: Kernel = {
  name: 'channel-final-content',
  body: function channelFinalContent(
    this: Thread,
    before: Cube,
    state: Cube,
    carry: Matrix,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const x = h * this.constants.K + i;
    let sum = before[n][this.thread.y][this.thread.x];
    if (sequence[n][2] >= 0) {
      const last = sequence[n][1] - 1;
      for (let a = 0; a < stateLevels; a++) {
        if (content[last][h * stateLevels + a] === l) {
          sum += carry[n][x] * state[n][(h * stateLevels + a) * this.constants.K + i][this.thread.x];
        }
      }
    }
    return sum;
  },
};
