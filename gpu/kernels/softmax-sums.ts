import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[t, h] = sum of exp(scale q[t]·k[s] - maximum[t, h]) over the tokens s <= t of t's sequence */
export const softmaxSums: Kernel = {
  name: 'softmax-sums',
  numbers: { scale: 'Float' },
  body: function softmaxSums(
    this: Thread,
    q: Matrix,
    k: Matrix,
    maximum: Matrix,
    token: Matrix,
    sequence: Matrix,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = this.thread.x;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const start = sequence[token[t][4]][0];
    const most = maximum[t][h];
    let sum = 0;
    for (let s = start; s <= t; s += 1) {
      let score = 0;
      for (let i = 0; i < this.constants.K; i++) score += q[t][channel + i] * k[s][channel + i];
      sum += Math.exp(scale * score - most);
    }
    return sum;
  },
};
