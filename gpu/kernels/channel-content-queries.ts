import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[t, h, i] = einsum('thi,thl,hlij,thj->thi', reading, lambda, S, dO), S the incoming state of t's sequence */
export const channelContentQueries: Kernel = {
  name: 'channel-content-queries',
  body: function channelContentQueries(
    this: Thread,
    state: Cube,
    dO: Matrix,
    reading: Matrix,
    lambda: Matrix,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const column = h * this.constants.V;
    const n = token[t][4];
    let total = 0;
    for (let a = 0; a < stateLevels; a++) {
      const level = content[t][h * stateLevels + a];
      if (level >= 0) {
        const row = (h * stateLevels + a) * this.constants.K + i;
        let sum = 0;
        for (let j = 0; j < this.constants.V; j++) sum += state[n][row][j] * dO[t][column + j];
        total += lambda[t][h * this.constants.L + level] * sum;
      }
    }
    return reading[t][x] * total;
  },
};
