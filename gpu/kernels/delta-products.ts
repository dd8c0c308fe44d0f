import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** R[t, h, c] = einsum('thi,shi->ths', q, k), s <= t the token of t's chunk at local position c; 0 elsewhere. */
export const deltaProducts: Kernel = {
  name: 'delta-products',
  body: function deltaProducts(this: Thread, q: Matrix, k: Matrix, token: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let product = 0;
    if (c >= first && c <= r) {
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) product += q[t][channel + i] * k[t - r + c][channel + i];
    }
    return product;
  },
};
