import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[m, h, e] = sum of lambda[t, h, level of slot e] (slot dots)[t, h, e] over the tokens t of chunk m; 0 where m reads nothing at e */
export const readerDots: Kernel = {
  name: 'reader-dots',
  body: function readerDots(this: Thread, dots: Matrix, lambda: Matrix, chunk: Matrix, reads: Matrix, slots: number) {
    const m = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    const e = this.thread.x - h * slots;
    const level = h * this.constants.L + this.constants.lifted * (this.constants.blocks + e);
    let sum = 0;
    if (reads[m][e] >= 0) {
      for (let t = chunk[m][0]; t < chunk[m][1]; t += 1) sum += lambda[t][level] * dots[t][this.thread.x];
    }
    return sum;
  },
};
