import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reading[t, h, e] = scale exp(sum of g from the end of the node that t reads at slot e up to t); 0 where there is none. */
export const readings: Kernel = {
  name: 'readings',
  numbers: { scale: 'Float' },
  body: function readings(
    this: Thread,
    prefix: Matrix,
    between: Matrix,
    token: Matrix,
    reads: Matrix,
    slots: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const m = token[t][3];
    let reading = 0;
    if (reads[m][e] >= 0) {
      reading = scale * Math.exp(prefix[t][(h + 1) * this.constants.blocks - 1] + between[m][this.thread.x]);
    }
    return reading;
  },
};
