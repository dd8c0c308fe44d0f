import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** state[n, h, l, i, j] = einsum('si,sj->ij', key, w) over the tokens of sequence n's last chunk that its last token has at level l */
export const deltaFinalTokens: Kernel = {
  name: 'delta-final-tokens',
  body: function deltaFinalTokens(this: Thread, key: Matrix, w: Matrix, finalLevel: Matrix, sequence: Matrix) {
    const n = this.thread.z;
    const hl = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - hl * this.constants.K;
    const h = Math.floor((hl + 0.5) / this.constants.L);
    const l = hl - h * this.constants.L;
    let sum = 0;
    for (let s = sequence[n][3]; s < sequence[n][1]; s += 1) {
      if (finalLevel[s][0] === l) sum += key[s][h * this.constants.K + i] * w[s][h * this.constants.V + this.thread.x];
    }
    return sum;
  },
};
