import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dA[t, h, c] = scale P[t, h, c] (dP[t, h, c] - mean[t, h]), dP = einsum('thj,shj->ths', dO, v); 0 where s > t. */
export const softmaxWeightsBackward: Kernel = {
  name: 'softmax-weights-backward',
  numbers: { scale: 'Float' },
  body: function softmaxWeightsBackward(
    this: Thread,
    weights: Matrix,
    dO: Matrix,
    v: Matrix,
    mean: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const s = sequence[token[t][4]][0] + first + c;
    let gradient = 0;
    if (s <= t) {
      const column = h * this.constants.V;
      for (let j = 0; j < this.constants.V; j++) gradient += dO[t][column + j] * v[s][column + j];
      gradient = scale * weights[t][this.thread.x] * (gradient - mean[t][h]);
    }
    return gradient;
  },
};
