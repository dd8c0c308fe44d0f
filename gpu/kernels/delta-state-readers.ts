import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dS[n, h, l, i, j] = einsum('t,ti,tj->ij', lambda, query, dO) over the tokens of sequence n that read level l of the incoming state */
export const deltaStateReaders: Kernel = {
  name: 'delta-state-readers',
  body: function deltaStateReaders(
    this: Thread,
    query: Matrix,
    lambda: Matrix,
    dO: Matrix,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / stateLevels);
    let sum = 0;
    for (let t = sequence[n][0]; t < sequence[n][1]; t += 1) {
      const level = content[t][hl];
      if (level >= 0)
        sum +=
          lambda[t][h * this.constants.L + level] *
          query[t][h * this.constants.K + i] *
          dO[t][h * this.constants.V + this.thread.x];
    }
    return sum;
  },
};
