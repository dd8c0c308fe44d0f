import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reading[t, h, l] = scale exp(sum of g from the start of t's sequence up to t), for every level l of the incoming state */
export const contentReadings: Kernel = {
  name: 'content-readings',
  numbers: { scale: 'Float' },
  body: function contentReadings(
    this: Thread,
    prefix: Matrix,
    start: Matrix,
    token: Matrix,
    stateLevels: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / stateLevels);
    return scale * Math.exp(prefix[t][(h + 1) * this.constants.blocks - 1] + start[token[t][3]][h]);
  },
};
