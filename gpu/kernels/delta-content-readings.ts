import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** reading[t, h, l] = einsum('ti,lij,tj->tl', query, S, dO), S level l of the incoming state; 0 where t does not read it. */
export const deltaContentReadings: Kernel = {
  name: 'delta-content-readings',
  body: function deltaContentReadings(
    this: Thread,
    query: Matrix,
    dO: Matrix,
    state: Cube,
    content: Matrix,
    token: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / stateLevels);
    let sum = 0;
    if (content[t][this.thread.x] >= 0) {
      const n = token[t][4];
      for (let i = 0; i < this.constants.K; i++) {
        let read = 0;
        for (let j = 0; j < this.constants.V; j++)
          read += state[n][this.thread.x * this.constants.K + i][j] * dO[t][h * this.constants.V + j];
        sum += query[t][h * this.constants.K + i] * read;
      }
    }
    return sum;
  },
};
