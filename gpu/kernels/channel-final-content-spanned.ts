import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * d[m, h, i] = before, and carry einsum('hlij,hlij->hi', S, dState): what every decay of a sequence has of the way of its incoming state
 * into the final state
 */
export const channelFinalContentSpanned: Kernel = {
  name: 'channel-final-content-spanned',
  body: function channelFinalContentSpanned(
    this: Thread,
    before: Matrix,
    state: Cube,
    dState: Cube,
    carry: Matrix,
    content: Matrix,
    chunk: Matrix,
    stateLevels: number,
  ) {
    const m = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const n = chunk[m][4];
    const last = chunk[chunk[m][3]][1] - 1;
    let sum = 0;
    for (let a = 0; a < stateLevels; a++) {
      const level = content[last][h * stateLevels + a];
      if (level >= 0) {
        const from = (h * stateLevels + a) * this.constants.K + i;
        const to = (h * this.constants.L + level) * this.constants.K + i;
        for (let j = 0; j < this.constants.V; j++) sum += state[n][from][j] * dState[n][to][j];
      }
    }
    return before[m][x] + carry[n][x] * sum;
  },
};
