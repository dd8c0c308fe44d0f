import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[t, h] = einsum('ti,ti->t', a, b) */
export const deltaDots: Kernel = {
  name: 'delta-dots',
  body: function deltaDots(this: Thread, a: Matrix, b: Matrix) {
    const t = this.thread.y;
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++)
      sum += a[t][this.thread.x * this.constants.K + i] * b[t][this.thread.x * this.constants.K + i];
    return sum;
  },
};
