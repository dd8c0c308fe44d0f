import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dKey[s, h, i] = einsum('ij,sj->si', dS, w), dS that of s's chunk */
export const deltaKeysGradient: Kernel = {
  name: 'delta-keys-gradient',
  body: function deltaKeysGradient(this: Thread, dLeaf: Cube, w: Matrix, token: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const m = token[s][3];
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++)
      sum += dLeaf[m][this.thread.x][this.constants.K + j] * w[s][h * this.constants.V + j];
    return sum;
  },
};
