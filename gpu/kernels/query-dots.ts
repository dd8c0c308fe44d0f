import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[t, h] = einsum('the,the->th', lambda, slot dots): what t reads of earlier chunks, times its gradient */
export const queryDots: Kernel = {
  name: 'query-dots',
  body: function queryDots(this: Thread, dots: Matrix, lambda: Matrix, token: Matrix, reads: Matrix, slots: number) {
    const t = this.thread.y;
    const h = this.thread.x;
    const m = token[t][3];
    let sum = 0;
    for (let e = 0; e < slots; e++) {
      if (reads[m][e] >= 0) {
        const level = this.constants.lifted * (this.constants.blocks + e);
        sum += lambda[t][h * this.constants.L + level] * dots[t][h * slots + e];
      }
    }
    return sum;
  },
};
