import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = before + lambda[t, h, level of slot e] einsum('thi,thi,hij->thj', reading, q, node), the node that t reads at slot e */
export const channelRead: Kernel = {
  name: 'channel-read',
  body: function channelRead(
    this: Thread,
    before: Matrix,
    q: Matrix,
    state: Cube,
    reading: Matrix,
    lambda: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = x - h * this.constants.V;
    const d = reads[token[t][3]][e];
    let o = before[t][x];
    if (d >= 0) {
      const row = h * this.constants.K;
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      let sum = 0;
      for (let i = 0; i < this.constants.K; i++) sum += reading[t][row + i] * q[t][channel + i] * state[d][row + i][j];
      o += lambda[t][h * this.constants.L + this.constants.lifted * (this.constants.blocks + e)] * sum;
    }
    return o;
  },
};
