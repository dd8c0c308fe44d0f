import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** d[n, h, l, i, j] = einsum('thl,thi,thi,thj->hlij', lambda, reading, q, dO) over the tokens of sequence n that read level l of its incoming state */
export const channelStateGradients: Kernel = {
  name: 'channel-state-gradients',
  body: function channelStateGradients(
    this: Thread,
    q: Matrix,
    reading: Matrix,
    lambda: Matrix,
    dO: Matrix,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const ha = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - ha * this.constants.K;
    const h = Math.floor((ha + 0.5) / stateLevels);
    const x = h * this.constants.K + i;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let t = sequence[n][0]; t < sequence[n][1]; t += 1) {
      const level = content[t][ha];
      if (level >= 0) sum += lambda[t][h * this.constants.L + level] * reading[t][x] * q[t][channel] * dO[t][column];
    }
    return sum;
  },
};
