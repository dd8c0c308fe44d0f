import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = before + einsum('ehi,ehij->hij', carry, node) over the nodes that n's last chunk reads at level l */
export const channelFinalNodes: Kernel = {
  name: 'channel-final-nodes',
  body: function channelFinalNodes(
    this: Thread,
    before: Cube,
    state: Cube,
    carry: Matrix,
    sequence: Matrix,
    reads: Matrix,
    slots: number,
  ) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    const x = h * this.constants.K + i;
    const m = sequence[n][2];
    let sum = before[n][this.thread.y][this.thread.x];
    if (m >= 0) {
      for (let e = 0; e < slots; e++) {
        const d = reads[m][e];
        if (d >= 0 && l === this.constants.lifted * (this.constants.blocks + e)) {
          sum += carry[n][e * this.constants.H * this.constants.K + x] * state[d][x][this.thread.x];
        }
      }
    }
    return sum;
  },
};
