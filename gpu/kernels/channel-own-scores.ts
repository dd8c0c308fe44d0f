import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** A[t, h, c] = scale einsum('thi,thi->th', q, k) where c is t's own local position; 0 elsewhere */
export const channelOwnScores: Kernel = {
  name: 'channel-own-scores',
  numbers: { scale: 'Float' },
  body: function channelOwnScores(this: Thread, q: Matrix, k: Matrix, token: Matrix, scale: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    let score = 0;
    if (c === t - token[t][0] + token[t][2]) {
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) score += q[t][channel + i] * k[t][channel + i];
      score *= scale;
    }
    return score;
  },
};
