import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dv[s, h, j] = before[s, h, j] + einsum('th,thj->hj', P[:, :, c], dO) over t >= s, if s is in the block. */
export const softmaxValuesBackward: Kernel = {
  name: 'softmax-values-backward',
  body: function softmaxValuesBackward(
    this: Thread,
    before: Matrix,
    weights: Matrix,
    dO: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
  ) {
    const s = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const n = token[s][4];
    const c = s - sequence[n][0] - first;
    let sum = before[s][x];
    if (c >= 0 && c < this.constants.C) {
      const column = h * this.constants.C + c;
      for (let t = s; t < sequence[n][1]; t += 1) sum += weights[t][column] * dO[t][x];
    }
    return sum;
  },
};
