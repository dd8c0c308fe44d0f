import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** part[p, h, i, j] = einsum('th,thi,thj->hij', coefficient, q, dO) over a run of tokens that read one node, at that node's slot */
export const rights: Kernel = {
  name: 'rights',
  body: function rights(this: Thread, q: Matrix, dO: Matrix, coefficient: Matrix, part: Matrix, slots: number) {
    const p = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const group = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H);
    const channel = group * this.constants.K + this.thread.y - h * this.constants.K;
    const column = h * this.constants.V + this.thread.x;
    const e = h * slots + part[p][2];
    let sum = 0;
    for (let t = part[p][0]; t < part[p][1]; t += 1) sum += coefficient[t][e] * q[t][channel] * dO[t][column];
    return sum;
  },
};
