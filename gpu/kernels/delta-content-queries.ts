import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dQuery[t, h, i] = einsum('tl,lij,tj->ti', lambda, S, dO) over the levels l of the incoming state that t reads */
export const deltaContentQueries: Kernel = {
  name: 'delta-content-queries',
  body: function deltaContentQueries(
    this: Thread,
    dO: Matrix,
    state: Cube,
    lambda: Matrix,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const n = token[t][4];
    let sum = 0;
    for (let a = 0; a < stateLevels; a++) {
      const level = content[t][h * stateLevels + a];
      if (level >= 0) {
        const row = (h * stateLevels + a) * this.constants.K + i;
        let read = 0;
        for (let j = 0; j < this.constants.V; j++) read += state[n][row][j] * dO[t][h * this.constants.V + j];
        sum += lambda[t][h * this.constants.L + level] * read;
      }
    }
    return sum;
  },
};
