import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** a + b */
export const channelSums: Kernel = {
  name: 'channel-sums',
  body: function channelSums(this: Thread, a: Matrix, b: Matrix) {
    return a[this.thread.y][this.thread.x] + b[this.thread.y][this.thread.x];
  },
};
