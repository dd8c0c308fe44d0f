import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** maximum[t, h] = largest scale einsum('i,i->', q[t], k[s]) over the tokens s <= t of t's sequence: taken off before exponentials. */
export const softmaxMaxima: Kernel = {
  name: 'softmax-maxima',
  numbers: { scale: 'Float' },
  body: function softmaxMaxima(this: Thread, q: Matrix, k: Matrix, token: Matrix, sequence: Matrix, scale: number) {
    const t = this.thread.y;
    const channel = Math.floor(((this.thread.x + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const start = sequence[token[t][4]][0];
    let maximum = -3.4e38;
    for (let s = start; s <= t; s += 1) {
      let score = 0;
      for (let i = 0; i < this.constants.K; i++) score += q[t][channel + i] * k[s][channel + i];
      maximum = Math.max(maximum, scale * score);
    }
    return maximum;
  },
};
