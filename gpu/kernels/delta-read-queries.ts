import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * query[t, h, j] = einsum('ti,ij->tj', query, phi), phi that of the bucket that t reads at slot e; as before where it reads none: the query
 * read back to the start of its own bucket of 2^(e+1) chunks.
 */
export const deltaReadQueries: Kernel = {
  name: 'delta-read-queries',
  body: function deltaReadQueries(this: Thread, query: Matrix, state: Cube, token: Matrix, reads: Matrix, e: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const row = h * this.constants.K;
    const d = reads[token[t][3]][e];
    let sum = query[t][x];
    if (d >= 0) {
      sum = 0;
      for (let i = 0; i < this.constants.K; i++) sum += query[t][row + i] * state[d][row + i][x - row];
    }
    return sum;
  },
};
