import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * carry[n, e, h, i] = exp(span of n's last chunk + sum of g over that chunk): from where a span begins to the end of sequence n; 1 where the
 * sequence is empty. Spans are those of channel-between, or of channel-starts with a single e.
 */
export const channelCarries: Kernel = {
  name: 'channel-carries',
  body: function channelCarries(this: Thread, prefix: Matrix, span: Matrix, sequence: Matrix) {
    const n = this.thread.y;
    const width = this.constants.H * this.constants.K;
    const x = this.thread.x - Math.floor((this.thread.x + 0.5) / width) * width;
    const m = sequence[n][2];
    let decay = 1;
    if (m >= 0) decay = Math.exp(prefix[sequence[n][1] - 1][x] + span[m][this.thread.x]);
    return decay;
  },
};
