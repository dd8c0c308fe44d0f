import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reading[t, h, i] = scale exp(sum of g from the end of the node that t reads at slot e up to t); 0 where there is none */
export const channelReadings: Kernel = {
  name: 'channel-readings',
  numbers: { e: 'Integer', scale: 'Float' },
  body: function channelReadings(
    this: Thread,
    prefix: Matrix,
    between: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
    scale: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const m = token[t][3];
    let reading = 0;
    if (reads[m][e] >= 0) {
      reading = scale * Math.exp(prefix[t][x] + between[m][e * this.constants.H * this.constants.K + x]);
    }
    return reading;
  },
};
