import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dP[t, h, c] = einsum('thj,shj->ths', dO, v), s <= t the token of t's chunk at local position c; 0 where s > t */
export const channelPairGradients: Kernel = {
  name: 'channel-pair-gradients',
  body: function channelPairGradients(this: Thread, dO: Matrix, v: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (c >= first && c <= r) {
      const s = t - r + c;
      const column = h * this.constants.V;
      for (let j = 0; j < this.constants.V; j++) sum += dO[t][column + j] * v[s][column + j];
    }
    return sum;
  },
};
