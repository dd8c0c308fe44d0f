import type { Kernel, Thread } from '../kernel.ts';

/** Zeros, to add to. */
export const channelZeros: Kernel = {
  name: 'channel-zeros',
  body: function channelZeros(this: Thread) {
    return 0;
  },
};
