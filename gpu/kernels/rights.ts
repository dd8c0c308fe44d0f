import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dnode[d, h, i, j] = einsum('th,thi,thj->hij', coefficient, q, dO) over the tokens that read node d: its own gradient, at its end */
export const rights: Kernel = {
  name: 'rights',
  body: function rights(this: Thread, q: Matrix, dO: Matrix, coefficient: Matrix, node: Matrix, slots: number) {
    const d = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const group = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H);
    const channel = group * this.constants.K + this.thread.y - h * this.constants.K;
    const column = h * this.constants.V + this.thread.x;
    const e = h * slots + node[d][6];
    let sum = 0;
    for (let t = node[d][4]; t < node[d][5]; t += 1) sum += coefficient[t][e] * q[t][channel] * dO[t][column];
    return sum;
  },
};
