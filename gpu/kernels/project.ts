import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** z[t, h, i] = einsum('hij,thj->thi', node, dO), the node that t reads at slot e; 0 where there is none */
export const project: Kernel = {
  name: 'project',
  body: function project(this: Thread, state: Cube, dO: Matrix, token: Matrix, reads: Matrix, e: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    const column = Math.floor((x + 0.5) / this.constants.K) * this.constants.V;
    const d = reads[token[t][3]][e];
    let sum = 0;
    if (d >= 0) {
      for (let j = 0; j < this.constants.V; j++) sum += state[d][x][j] * dO[t][column + j];
    }
    return sum;
  },
};
