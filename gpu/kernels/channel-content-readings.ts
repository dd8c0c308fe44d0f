import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** reading[t, h, i] = scale exp(sum of g from the start of t's sequence up to t), the same for every level of the incoming state */
export const channelContentReadings: Kernel = {
  name: 'channel-content-readings',
  numbers: { scale: 'Float' },
  body: function channelContentReadings(this: Thread, prefix: Matrix, start: Matrix, token: Matrix, scale: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    return scale * Math.exp(prefix[t][x] + start[token[t][3]][x]);
  },
};
