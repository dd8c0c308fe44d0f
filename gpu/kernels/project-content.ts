import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** z[t, h, i] = einsum('hij,thj->thi', S, dO), S level l of the state that t's sequence came with */
export const projectContent: Kernel = {
  name: 'project-content',
  body: function projectContent(this: Thread, state: Cube, dO: Matrix, token: Matrix, l: number, stateLevels: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const row = this.thread.x + (h * (stateLevels - 1) + l) * this.constants.K;
    const n = token[t][4];
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += state[n][row][j] * dO[t][h * this.constants.V + j];
    return sum;
  },
};
