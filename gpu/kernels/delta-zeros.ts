import type { Kernel, Thread } from '../kernel.ts';

/** Zeros, for a gradient that nothing has given to yet. */
export const deltaZeros: Kernel = {
  name: 'delta-zeros',
  numbers: { value: 'Float' },
  body: function deltaZeros(this: Thread, value: number) {
    return value;
  },
};
