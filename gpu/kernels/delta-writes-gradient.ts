import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * The gradient by beta_t k_t where the two are multiplied: einsum('rt,ri->ti', X, dU) over the tokens r >= t of t's chunk +
 * einsum('ts,si->ti', dN, k) over its tokens s < t
 */
export const deltaWritesGradient: Kernel = {
  name: 'delta-writes-gradient',
  body: function deltaWritesGradient(
    this: Thread,
    inverse: Matrix,
    dCorrection: Matrix,
    dOverlap: Matrix,
    k: Matrix,
    token: Matrix,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const start = token[t][0];
    const c = h * this.constants.C + token[t][2] - start;
    let sum = 0;
    for (let r = t; r < token[t][1]; r += 1) sum += inverse[r][c + t] * dCorrection[r][this.thread.x];
    for (let s = start; s < t; s += 1) sum += dOverlap[t][c + s] * k[s][channel];
    return sum;
  },
};
