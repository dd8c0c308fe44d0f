import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[m, h, i, j] = before + reach[m, e, h, i] dNode[d, h, i, j], d the node that m is part of at slot e */
export const channelLeafGradients: Kernel = {
  name: 'channel-leaf-gradients',
  body: function channelLeafGradients(
    this: Thread,
    before: Cube,
    dNode: Cube,
    reach: Matrix,
    within: Matrix,
    e: number,
  ) {
    const m = this.thread.z;
    const y = this.thread.y;
    const d = within[m][e];
    let sum = before[m][y][this.thread.x];
    if (d >= 0) sum += reach[m][e * this.constants.H * this.constants.K + y] * dNode[d][y][this.thread.x];
    return sum;
  },
};
