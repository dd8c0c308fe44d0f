import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** d[m, h, i] = sum over the chunks of m's sequence after m: what the decays of m have of their reading of the incoming state */
export const channelContentSpanned: Kernel = {
  name: 'channel-content-spanned',
  body: function channelContentSpanned(this: Thread, reader: Matrix, chunk: Matrix) {
    const m = this.thread.y;
    let sum = 0;
    for (let n = m + 1; n <= chunk[m][3]; n += 1) sum += reader[n][this.thread.x];
    return sum;
  },
};
