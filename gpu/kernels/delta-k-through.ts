import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dK[t, h, i] = einsum('ts,si->ti', X, dKey) over the tokens s <= t of t's chunk - exp(sum of g over the chunk) einsum('ij,tj->ti', dPhi, U),
 * dKey the scaled gradient: what leaves the chunk
 */
export const deltaKThrough: Kernel = {
  name: 'delta-k-through',
  body: function deltaKThrough(
    this: Thread,
    inverse: Matrix,
    dKey: Matrix,
    dLeaf: Cube,
    correction: Matrix,
    prefix: Matrix,
    token: Matrix,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const start = token[t][0];
    const c = h * this.constants.C + token[t][2] - start;
    const m = token[t][3];
    let sum = 0;
    for (let j = 0; j < this.constants.K; j++)
      sum -= dLeaf[m][this.thread.x][j] * correction[t][h * this.constants.K + j];
    sum *= Math.exp(prefix[token[t][1] - 1][(h + 1) * this.constants.blocks - 1]);
    for (let s = start; s <= t; s += 1) sum += inverse[t][c + s] * dKey[s][this.thread.x];
    return sum;
  },
};
