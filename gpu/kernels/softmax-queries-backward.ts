import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dq[t, g, i] = before[t, g, i] + einsum('thc,cgi->tgi', dA, k) over the keys of a block up to t and the heads h of group g. */
export const softmaxQueriesBackward: Kernel = {
  name: 'softmax-queries-backward',
  body: function softmaxQueriesBackward(
    this: Thread,
    before: Matrix,
    dA: Matrix,
    k: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const heads = Math.floor((this.constants.H + 0.5) / this.constants.G);
    const head = Math.floor((this.thread.x + 0.5) / this.constants.K) * heads;
    const start = sequence[token[t][4]][0] + first;
    const end = Math.min(start + this.constants.C - 1, t);
    let sum = before[t][x];
    for (let h = head; h < head + heads; h += 1) {
      const c = h * this.constants.C - start;
      for (let s = start; s <= end; s += 1) sum += dA[t][c + s] * k[s][x];
    }
    return sum;
  },
};
