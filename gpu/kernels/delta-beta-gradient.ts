import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dbeta[t, h] = einsum('ti,ti->t', dWrite, k) + einsum('tj,tj->t', dW, v) */
export const deltaBetaGradient: Kernel = {
  name: 'delta-beta-gradient',
  body: function deltaBetaGradient(this: Thread, dWrite: Matrix, k: Matrix, dStrength: Matrix, v: Matrix) {
    const t = this.thread.y;
    const h = this.thread.x;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++) sum += dWrite[t][h * this.constants.K + i] * k[t][channel + i];
    for (let j = 0; j < this.constants.V; j++)
      sum += dStrength[t][h * this.constants.V + j] * v[t][h * this.constants.V + j];
    return sum;
  },
};
