import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** coefficient[t, h, e] = lambda[t, h, level of slot e] reading[t, h, e]; 0 where t reads nothing at slot e. */
export const coefficients: Kernel = {
  name: 'coefficients',
  body: function coefficients(
    this: Thread,
    reading: Matrix,
    lambda: Matrix,
    token: Matrix,
    reads: Matrix,
    slots: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const d = reads[token[t][3]][e];
    let coefficient = 0;
    if (d >= 0) {
      const level = this.constants.lifted * (this.constants.blocks + e);
      coefficient = lambda[t][h * this.constants.L + level] * reading[t][this.thread.x];
    }
    return coefficient;
  },
};
