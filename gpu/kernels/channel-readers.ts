import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** d[m, h, i, j] = einsum('th,thi,thi,thj->hij', lambda, reading, q, dO) over the tokens of chunk m, for the node that they read at slot e */
export const channelReaders: Kernel = {
  name: 'channel-readers',
  body: function channelReaders(
    this: Thread,
    q: Matrix,
    reading: Matrix,
    lambda: Matrix,
    dO: Matrix,
    chunk: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const m = this.thread.z;
    const y = this.thread.y;
    const h = Math.floor((y + 0.5) / this.constants.K);
    const i = y - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const level = h * this.constants.L + this.constants.lifted * (this.constants.blocks + e);
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    if (reads[m][e] >= 0) {
      for (let t = chunk[m][0]; t < chunk[m][1]; t += 1) {
        sum += lambda[t][level] * reading[t][y] * q[t][channel] * dO[t][column];
      }
    }
    return sum;
  },
};
