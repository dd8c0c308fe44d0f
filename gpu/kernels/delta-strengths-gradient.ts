import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dW[s, h, j] = einsum('ts,tj->sj', P, dO) over the tokens t >= s of s's chunk + einsum('si,ij->sj', key, dS), dS that of the chunk */
export const deltaStrengthsGradient: Kernel = {
  name: 'delta-strengths-gradient',
  body: function deltaStrengthsGradient(
    this: Thread,
    weights: Matrix,
    dO: Matrix,
    key: Matrix,
    dLeaf: Cube,
    token: Matrix,
  ) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const c = h * this.constants.C + s - token[s][0] + token[s][2];
    const m = token[s][3];
    let sum = 0;
    for (let t = s; t < token[s][1]; t += 1) sum += weights[t][c] * dO[t][this.thread.x];
    for (let i = 0; i < this.constants.K; i++)
      sum += key[s][h * this.constants.K + i] * dLeaf[m][h * this.constants.K + i][this.constants.K + j];
    return sum;
  },
};
