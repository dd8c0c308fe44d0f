import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[t, h, i] = einsum('thi,hij,thj->thi', reading, node, dO), the node that t reads at slot e: q's gradient by it, without lambda */
export const channelSlotQueries: Kernel = {
  name: 'channel-slot-queries',
  body: function channelSlotQueries(
    this: Thread,
    state: Cube,
    dO: Matrix,
    reading: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const column = Math.floor((this.thread.x + 0.5) / this.constants.K) * this.constants.V;
    const d = reads[token[t][3]][e];
    let sum = 0;
    if (d >= 0) {
      for (let j = 0; j < this.constants.V; j++) sum += state[d][x][j] * dO[t][column + j];
      sum *= reading[t][x];
    }
    return sum;
  },
};
