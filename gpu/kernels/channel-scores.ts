import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * A[t, h, c] = scale einsum('thi,shi,tshi->ths', q, k, exp(half[t] + half[s])) for the tokens s < t of t's chunk, at local position c, that
 * first differ from t in bit b; the other entries as they were before.
 */
export const channelScores: Kernel = {
  name: 'channel-scores',
  numbers: { b: 'Integer', scale: 'Float' },
  body: function channelScores(
    this: Thread,
    before: Matrix,
    q: Matrix,
    k: Matrix,
    half: Matrix,
    token: Matrix,
    bits: Matrix,
    b: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = x - h * this.constants.C;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let score = before[t][x];
    if (c >= first && c < r && bits[r][c] === b + 1) {
      const s = t - r + c;
      const row = h * this.constants.K;
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      let sum = 0;
      for (let i = 0; i < this.constants.K; i++) {
        sum += q[t][channel + i] * k[s][channel + i] * Math.exp(half[t][row + i] + half[s][row + i]);
      }
      score = scale * sum;
    }
    return score;
  },
};
