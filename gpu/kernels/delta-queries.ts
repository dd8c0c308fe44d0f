import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * query[t, h, i] = scale exp(sum of g over [start, t]) (q[t, h, i] - einsum('tr,ri->ti', R, U)) over the tokens r <= t of t's chunk: q_t, read
 * back to the chunk's start.
 */
export const deltaQueries: Kernel = {
  name: 'delta-queries',
  numbers: { scale: 'Float' },
  body: function deltaQueries(
    this: Thread,
    q: Matrix,
    product: Matrix,
    correction: Matrix,
    prefix: Matrix,
    token: Matrix,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const start = token[t][0];
    const c = h * this.constants.C + token[t][2] - start;
    let sum = q[t][Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i];
    for (let r = start; r <= t; r += 1) sum -= product[t][c + r] * correction[r][this.thread.x];
    return scale * Math.exp(prefix[t][(h + 1) * this.constants.blocks - 1]) * sum;
  },
};
