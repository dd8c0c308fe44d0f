import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** w[t, h, j] = beta[t, h] v[t, h, j]: what a token writes */
export const deltaStrengths: Kernel = {
  name: 'delta-strengths',
  body: function deltaStrengths(this: Thread, beta: Matrix, v: Matrix) {
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    return beta[this.thread.y][h] * v[this.thread.y][this.thread.x];
  },
};
