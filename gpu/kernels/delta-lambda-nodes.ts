import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dLambda[t, h, l] = before + einsum('ti,ti->t', query, returned), l the level of slot e */
export const deltaLambdaNodes: Kernel = {
  name: 'delta-lambda-nodes',
  body: function deltaLambdaNodes(
    this: Thread,
    before: Matrix,
    query: Matrix,
    returned: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const node = reads[token[t][3]][e];
    let sum = before[t][this.thread.x];
    if (l === this.constants.lifted * (this.constants.blocks + e) && node >= 0) {
      for (let i = 0; i < this.constants.K; i++)
        sum += query[t][h * this.constants.K + i] * returned[t][h * this.constants.K + i];
    }
    return sum;
  },
};
