import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dW[s, h, j] = before + einsum('si,ij->sj', key, dState) in the last chunk of a sequence, dState at the level at which the final state holds s */
export const deltaStrengthsFinal: Kernel = {
  name: 'delta-strengths-final',
  body: function deltaStrengthsFinal(
    this: Thread,
    before: Matrix,
    key: Matrix,
    dState: Cube,
    finalLevel: Matrix,
    token: Matrix,
    chunk: Matrix,
  ) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const m = token[s][3];
    let sum = before[s][this.thread.x];
    if (chunk[m][3] === m) {
      const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++)
        sum += key[s][h * this.constants.K + i] * dState[token[s][4]][row + i][j];
    }
    return sum;
  },
};
