import type { Kernel, Thread } from '../kernel.ts';

/** Nothing. */
export const zeros: Kernel = {
  name: 'zeros',
  body: function zeros(this: Thread) {
    return 0;
  },
};
