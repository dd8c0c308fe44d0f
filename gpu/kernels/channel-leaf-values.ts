import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[s, h, j] = before + einsum('shi,shi,hij->shj', tail, k, dLeaf), the leaf of s's chunk */
export const channelLeafValues: Kernel = {
  name: 'channel-leaf-values',
  body: function channelLeafValues(this: Thread, before: Matrix, k: Matrix, tail: Matrix, dLeaf: Cube, token: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const row = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const m = token[s][3];
    let sum = before[s][this.thread.x];
    for (let i = 0; i < this.constants.K; i++) sum += tail[s][row + i] * k[s][channel + i] * dLeaf[m][row + i][j];
    return sum;
  },
};
