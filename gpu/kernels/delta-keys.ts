import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** key[s, h, i] = exp(sum of g over (s, end]) einsum('rs,ri->si', X, k) over the tokens r >= s of s's chunk: k_s, carried to the chunk's end. */
export const deltaKeys: Kernel = {
  name: 'delta-keys',
  body: function deltaKeys(this: Thread, inverse: Matrix, k: Matrix, tail: Matrix, token: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const c = h * this.constants.C + s - token[s][0] + token[s][2];
    let sum = 0;
    for (let r = s; r < token[s][1]; r += 1) sum += inverse[r][c] * k[r][channel];
    return tail[s][h] * sum;
  },
};
