import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** z[t, h, i] = einsum('hji,thj->thi', node, dO), the node that t reads at slot e, transposed; 0 where there is none */
export const project: Kernel = {
  name: 'project',
  body: function project(this: Thread, transposed: Cube, dO: Matrix, token: Matrix, reads: Matrix, e: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const row = h * this.constants.V;
    const d = reads[token[t][3]][e];
    let sum = 0;
    if (d >= 0) {
      for (let j = 0; j < this.constants.V; j++) sum += transposed[d][row + j][i] * dO[t][row + j];
    }
    return sum;
  },
};
