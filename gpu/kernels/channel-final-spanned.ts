import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * d[m, h, i] = before, and carry einsum('hij,hij->hi', node, dState) where m reads the same node at slot e as the last chunk: what the
 * decays of m have of the way of that node into the final state
 */
export const channelFinalSpanned: Kernel = {
  name: 'channel-final-spanned',
  body: function channelFinalSpanned(
    this: Thread,
    before: Matrix,
    state: Cube,
    dState: Cube,
    carry: Matrix,
    reads: Matrix,
    chunk: Matrix,
    e: number,
  ) {
    const m = this.thread.y;
    const x = this.thread.x;
    const d = reads[m][e];
    const last = reads[chunk[m][3]][e];
    let total = before[m][x];
    if (d >= 0 && d === last) {
      const n = chunk[m][4];
      const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
      const i = x - h * this.constants.K;
      const level = this.constants.lifted * (this.constants.blocks + e);
      const row = (h * this.constants.L + level) * this.constants.K + i;
      let sum = 0;
      for (let j = 0; j < this.constants.V; j++) sum += state[d][x][j] * dState[n][row][j];
      total += carry[n][e * this.constants.H * this.constants.K + x] * sum;
    }
    return total;
  },
};
