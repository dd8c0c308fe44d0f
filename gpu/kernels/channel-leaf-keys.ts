import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[s, h, i] = einsum('shi,hij,shj->shi', tail, dLeaf, v), the leaf of s's chunk */
export const channelLeafKeys: Kernel = {
  name: 'channel-leaf-keys',
  body: function channelLeafKeys(this: Thread, v: Matrix, tail: Matrix, dLeaf: Cube, token: Matrix) {
    const s = this.thread.y;
    const x = this.thread.x;
    const column = Math.floor((this.thread.x + 0.5) / this.constants.K) * this.constants.V;
    const m = token[s][3];
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += dLeaf[m][x][j] * v[s][column + j];
    return tail[s][x] * sum;
  },
};
