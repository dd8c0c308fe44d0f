import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * o[t, h, j] = before + einsum('tl,ti,lij->tj', lambda, query, S) over the levels l of the incoming state that t reads, the query read back
 * to the start of its sequence
 */
export const deltaReadContent: Kernel = {
  name: 'delta-read-content',
  body: function deltaReadContent(
    this: Thread,
    before: Matrix,
    query: Matrix,
    state: Cube,
    lambda: Matrix,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const n = token[t][4];
    let o = before[t][x];
    for (let a = 0; a < stateLevels; a++) {
      const level = content[t][h * stateLevels + a];
      if (level >= 0) {
        const row = (h * stateLevels + a) * this.constants.K;
        let sum = 0;
        for (let i = 0; i < this.constants.K; i++) sum += query[t][h * this.constants.K + i] * state[n][row + i][j];
        o += lambda[t][h * this.constants.L + level] * sum;
      }
    }
    return o;
  },
};
