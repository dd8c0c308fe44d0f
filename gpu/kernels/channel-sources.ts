import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** einsum('mhi,mhij,hij->mhi', reach, leaf, dNode), the node that m is part of at slot e: what the decays after m have of it there */
export const channelSources: Kernel = {
  name: 'channel-sources',
  body: function channelSources(this: Thread, leaf: Cube, dNode: Cube, reach: Matrix, within: Matrix, e: number) {
    const m = this.thread.y;
    const x = this.thread.x;
    const d = within[m][e];
    let sum = 0;
    if (d >= 0) {
      for (let j = 0; j < this.constants.V; j++) sum += leaf[m][x][j] * dNode[d][x][j];
      sum *= reach[m][e * this.constants.H * this.constants.K + x];
    }
    return sum;
  },
};
