import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** o[t, h, j] = before[t, h, j] + einsum('thc,chj->thj', P, v) over the keys of a block up to t. */
export const softmaxOutputs: Kernel = {
  name: 'softmax-outputs',
  body: function softmaxOutputs(
    this: Thread,
    before: Matrix,
    weights: Matrix,
    v: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const start = sequence[token[t][4]][0] + first;
    const c = h * this.constants.C - start;
    const end = Math.min(start + this.constants.C - 1, t);
    let sum = before[t][x];
    for (let s = start; s <= end; s += 1) sum += weights[t][c + s] * v[s][x];
    return sum;
  },
};
