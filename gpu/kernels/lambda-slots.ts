import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = before + (slot dots)[t, h, e], for the levels of the slots at which t reads a node */
export const lambdaSlots: Kernel = {
  name: 'lambda-slots',
  body: function lambdaSlots(this: Thread, before: Matrix, dots: Matrix, token: Matrix, reads: Matrix, slots: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const e = this.thread.x - h * this.constants.L - this.constants.blocks;
    let sum = before[t][this.thread.x];
    if (e >= 0 && e < slots) {
      const d = reads[token[t][3]][e];
      if (d >= 0) sum += dots[t][h * slots + e];
    }
    return sum;
  },
};
