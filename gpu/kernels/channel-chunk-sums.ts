import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum of q[t, h, i] d[t, h, i] over the tokens t of chunk m: what each decay between them and what they read has of them */
export const channelChunkSums: Kernel = {
  name: 'channel-chunk-sums',
  body: function channelChunkSums(this: Thread, q: Matrix, d: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    let sum = 0;
    for (let t = chunk[m][0]; t < chunk[m][1]; t += 1) sum += q[t][channel] * d[t][x];
    return sum;
  },
};
