import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dk[t, g, i] = sum over the heads of group g of dK + beta times the gradient by beta k */
export const deltaKGradient: Kernel = {
  name: 'delta-k-gradient',
  body: function deltaKGradient(this: Thread, inside: Matrix, dWrite: Matrix, beta: Matrix) {
    const t = this.thread.y;
    const g = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - g * this.constants.K;
    const heads = Math.floor((this.constants.H + 0.5) / this.constants.G);
    let sum = 0;
    for (let a = 0; a < heads; a++) {
      const h = g * heads + a;
      sum += inside[t][h * this.constants.K + i] + beta[t][h] * dWrite[t][h * this.constants.K + i];
    }
    return sum;
  },
};
