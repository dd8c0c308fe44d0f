import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = before + einsum('thl,thi,thi,hlij->thj', lambda, reading, q, S), S the incoming state of t's sequence */
export const channelReadContent: Kernel = {
  name: 'channel-read-content',
  body: function channelReadContent(
    this: Thread,
    before: Matrix,
    q: Matrix,
    state: Cube,
    reading: Matrix,
    lambda: Matrix,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = x - h * this.constants.V;
    const column = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const n = token[t][4];
    let o = before[t][x];
    for (let a = 0; a < stateLevels; a++) {
      const level = content[t][h * stateLevels + a];
      if (level >= 0) {
        const row = (h * stateLevels + a) * this.constants.K;
        let sum = 0;
        for (let i = 0; i < this.constants.K; i++)
          sum += reading[t][column + i] * q[t][channel + i] * state[n][row + i][j];
        o += lambda[t][h * this.constants.L + level] * sum;
      }
    }
    return o;
  },
};
