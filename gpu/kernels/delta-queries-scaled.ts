import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dQuery[t, h, i] scale exp(sum of g over [start, t]): the gradient by q_t - einsum('r,ri->i', R_t, U) */
export const deltaQueriesScaled: Kernel = {
  name: 'delta-queries-scaled',
  numbers: { scale: 'Float' },
  body: function deltaQueriesScaled(this: Thread, dQuery: Matrix, prefix: Matrix, scale: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    return scale * Math.exp(prefix[t][(h + 1) * this.constants.blocks - 1]) * dQuery[t][this.thread.x];
  },
};
