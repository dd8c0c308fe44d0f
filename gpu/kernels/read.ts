import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = inside[t, h, j] + einsum('the,thi,ehij->thj', coefficient, q, node) over the nodes that t reads: all levels in one pass. */
export const read: Kernel = {
  name: 'read',
  body: function read(
    this: Thread,
    inside: Matrix,
    q: Matrix,
    state: Cube,
    coefficient: Matrix,
    token: Matrix,
    reads: Matrix,
    slots: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = x - h * this.constants.V;
    const row = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const m = token[t][3];
    let o = inside[t][x];
    for (let e = 0; e < slots; e++) {
      const d = reads[m][e];
      if (d >= 0) {
        let sum = 0;
        for (let i = 0; i < this.constants.K; i++) sum += q[t][channel + i] * state[d][row + i][j];
        o += coefficient[t][h * slots + e] * sum;
      }
    }
    return o;
  },
};
