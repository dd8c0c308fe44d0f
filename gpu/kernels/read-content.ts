import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = before[t, h, j] + einsum('thl,thi,hlij->thj', coefficient, q, S), S the incoming state of t's sequence */
export const readContent: Kernel = {
  name: 'read-content',
  body: function readContent(
    this: Thread,
    before: Matrix,
    q: Matrix,
    state: Cube,
    coefficient: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = x - h * this.constants.V;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const n = token[t][4];
    let o = before[t][x];
    for (let l = 0; l < stateLevels; l++) {
      const factor = coefficient[t][h * stateLevels + l];
      if (factor !== 0) {
        const row = (h * stateLevels + l) * this.constants.K;
        let sum = 0;
        for (let i = 0; i < this.constants.K; i++) sum += q[t][channel + i] * state[n][row + i][j];
        o += factor * sum;
      }
    }
    return o;
  },
};
