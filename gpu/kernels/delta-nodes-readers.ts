import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** [dPhi | dS] of the buckets of slot e: einsum('ti,tx->ix', query, [dQuery | lambda dO]) over the tokens that read them */
export const deltaNodesReaders: Kernel = {
  name: 'delta-nodes-readers',
  body: function deltaNodesReaders(
    this: Thread,
    query: Matrix,
    dQuery: Matrix,
    lambda: Matrix,
    dO: Matrix,
    bucket: Matrix,
    e: number,
  ) {
    const d = this.thread.z;
    const x = this.thread.x;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const from = bucket[d][2];
    const end = bucket[d][3];
    let sum = 0;
    if (x < this.constants.K) {
      const column = h * this.constants.K + x;
      for (let t = from; t < end; t += 1) sum += query[t][this.thread.y] * dQuery[t][column];
    } else {
      const column = h * this.constants.V + x - this.constants.K;
      const level = h * this.constants.L + this.constants.lifted * (this.constants.blocks + e);
      for (let t = from; t < end; t += 1) sum += query[t][this.thread.y] * lambda[t][level] * dO[t][column];
    }
    return sum;
  },
};
