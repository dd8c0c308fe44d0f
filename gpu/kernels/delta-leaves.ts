import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * leaf[m, h, i, :] = [phi | S], K + V columns. phi = exp(sum of g over chunk m) (I - einsum('ri,rj->ij', k, U)), the transition over the
 * chunk, and S = einsum('si,sj->ij', key, w), its state at its own end.
 */
export const deltaLeaves: Kernel = {
  name: 'delta-leaves',
  body: function deltaLeaves(
    this: Thread,
    k: Matrix,
    correction: Matrix,
    key: Matrix,
    w: Matrix,
    prefix: Matrix,
    chunk: Matrix,
  ) {
    const m = this.thread.z;
    const x = this.thread.x;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const start = chunk[m][0];
    const end = chunk[m][1];
    let sum = 0;
    if (x < this.constants.K) {
      const column = h * this.constants.K + x;
      if (x === i) sum = 1;
      for (let r = start; r < end; r += 1) sum -= k[r][channel] * correction[r][column];
      sum *= Math.exp(prefix[end - 1][(h + 1) * this.constants.blocks - 1]);
    } else {
      const column = h * this.constants.V + x - this.constants.K;
      for (let s = start; s < end; s += 1) sum += key[s][this.thread.y] * w[s][column];
    }
    return sum;
  },
};
