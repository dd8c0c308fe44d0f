import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** P[t, h, c] = exp(scale q[t]·k[s] - maximum[t, h]) / sum[t, h], s the key at place c of the block that begins at `first`; 0 where s > t. */
export const softmaxWeights: Kernel = {
  name: 'softmax-weights',
  numbers: { scale: 'Float' },
  body: function softmaxWeights(
    this: Thread,
    q: Matrix,
    k: Matrix,
    maximum: Matrix,
    sum: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const s = sequence[token[t][4]][0] + first + c;
    let weight = 0;
    if (s <= t) {
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      let score = 0;
      for (let i = 0; i < this.constants.K; i++) score += q[t][channel + i] * k[s][channel + i];
      weight = Math.exp(scale * score - maximum[t][h]) / sum[t][h];
    }
    return weight;
  },
};
