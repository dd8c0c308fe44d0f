import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dKey[s, h, i] = before + einsum('ij,sj->si', dState, w) in the last chunk of a sequence, dState at the level at which the final state holds s */
export const deltaKeysFinal: Kernel = {
  name: 'delta-keys-final',
  body: function deltaKeysFinal(
    this: Thread,
    before: Matrix,
    dState: Cube,
    w: Matrix,
    finalLevel: Matrix,
    token: Matrix,
    chunk: Matrix,
  ) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const m = token[s][3];
    let sum = before[s][this.thread.x];
    if (chunk[m][3] === m) {
      const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K + i;
      for (let j = 0; j < this.constants.V; j++) sum += dState[token[s][4]][row][j] * w[s][h * this.constants.V + j];
    }
    return sum;
  },
};
