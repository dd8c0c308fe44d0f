import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dS[n, h, l, i, j] = einsum('th,thi,thj->hij', coefficient at l, q, dO) over the tokens of sequence n */
export const contentGradients: Kernel = {
  name: 'content-gradients',
  body: function contentGradients(
    this: Thread,
    q: Matrix,
    dO: Matrix,
    coefficient: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const h = Math.floor((hl + 0.5) / stateLevels);
    const group = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H);
    const channel = group * this.constants.K + this.thread.y - hl * this.constants.K;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let t = sequence[n][0]; t < sequence[n][1]; t += 1) {
      const factor = coefficient[t][hl];
      if (factor !== 0) sum += factor * q[t][channel] * dO[t][column];
    }
    return sum;
  },
};
