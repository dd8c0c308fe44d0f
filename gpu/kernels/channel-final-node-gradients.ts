import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[d, h, i, j] = before, and carry[n, e, h, i] dState[n, h, level of slot e, i, j] where the last chunk of sequence n reads node d at slot e */
export const channelFinalNodeGradients: Kernel = {
  name: 'channel-final-node-gradients',
  body: function channelFinalNodeGradients(
    this: Thread,
    before: Cube,
    dState: Cube,
    carry: Matrix,
    node: Matrix,
    chunk: Matrix,
    e: number,
  ) {
    const d = this.thread.z;
    const y = this.thread.y;
    const m = node[d][2];
    let sum = before[d][y][this.thread.x];
    if (node[d][6] === e && node[d][3] > chunk[m][3]) {
      const n = chunk[m][4];
      const h = Math.floor((y + 0.5) / this.constants.K);
      const i = y - h * this.constants.K;
      const level = this.constants.lifted * (this.constants.blocks + e);
      const row = (h * this.constants.L + level) * this.constants.K + i;
      sum += carry[n][e * this.constants.H * this.constants.K + y] * dState[n][row][this.thread.x];
    }
    return sum;
  },
};
