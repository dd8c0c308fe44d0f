import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = sum of dP[t, h, c] A[t, h, c] over the tokens c of t's own chunk that t has at level l */
export const channelLevelGradients: Kernel = {
  name: 'channel-level-gradients',
  body: function channelLevelGradients(this: Thread, dP: Matrix, scores: Matrix, token: Matrix, bits: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    for (let c = first; c <= r; c += 1) {
      if (bits[r][c] === l) sum += dP[t][h * this.constants.C + c] * scores[t][h * this.constants.C + c];
    }
    return sum;
  },
};
