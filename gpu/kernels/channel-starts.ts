import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** start[m, h, i] = sum of g over the chunks of m's sequence before m */
export const channelStarts: Kernel = {
  name: 'channel-starts',
  body: function channelStarts(this: Thread, prefix: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    let sum = 0;
    for (let n = chunk[m][2]; n < m; n += 1) sum += prefix[chunk[n][1] - 1][this.thread.x];
    return sum;
  },
};
