import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = before + lambda[t, h, level of slot e] einsum('ti,ij->tj', query, S), S that of the bucket that t reads at slot e */
export const deltaReadNodes: Kernel = {
  name: 'delta-read-nodes',
  body: function deltaReadNodes(
    this: Thread,
    before: Matrix,
    query: Matrix,
    state: Cube,
    lambda: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const row = h * this.constants.K;
    const d = reads[token[t][3]][e];
    let o = before[t][x];
    if (d >= 0) {
      let sum = 0;
      for (let i = 0; i < this.constants.K; i++) sum += query[t][row + i] * state[d][row + i][this.constants.K + j];
      o += lambda[t][h * this.constants.L + this.constants.lifted * (this.constants.blocks + e)] * sum;
    }
    return o;
  },
};
