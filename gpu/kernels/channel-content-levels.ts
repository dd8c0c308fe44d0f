import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = before + einsum('thi,thi,hij,thj->th', q, reading, S, dO), S what t reads of the incoming state at level l */
export const channelContentLevels: Kernel = {
  name: 'channel-content-levels',
  body: function channelContentLevels(
    this: Thread,
    before: Matrix,
    q: Matrix,
    reading: Matrix,
    state: Cube,
    dO: Matrix,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const row = h * this.constants.K;
    const column = h * this.constants.V;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const n = token[t][4];
    let total = before[t][this.thread.x];
    for (let a = 0; a < stateLevels; a++) {
      if (content[t][h * stateLevels + a] === l) {
        const from = (h * stateLevels + a) * this.constants.K;
        for (let i = 0; i < this.constants.K; i++) {
          let sum = 0;
          for (let j = 0; j < this.constants.V; j++) sum += state[n][from + i][j] * dO[t][column + j];
          total += q[t][channel + i] * reading[t][row + i] * sum;
        }
      }
    }
    return total;
  },
};
