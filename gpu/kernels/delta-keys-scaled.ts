import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dKey[s, h, i] exp(sum of g over (s, end]): the gradient by einsum('r,ri->i', X_s, k) */
export const deltaKeysScaled: Kernel = {
  name: 'delta-keys-scaled',
  body: function deltaKeysScaled(this: Thread, dKey: Matrix, tail: Matrix) {
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    return tail[this.thread.y][h] * dKey[this.thread.y][this.thread.x];
  },
};
