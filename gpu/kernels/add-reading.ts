import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dq[t, h, i] = before[t, h, i] + coefficient[t, h, e] z[t, h, i]; nothing before at the first slot */
export const addReading: Kernel = {
  name: 'add-reading',
  body: function addReading(this: Thread, before: Matrix, z: Matrix, coefficient: Matrix, e: number, slots: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    let sum = 0;
    if (e > 0) sum = before[t][x];
    const factor = coefficient[t][h * slots + e];
    if (factor !== 0) sum += factor * z[t][x];
    return sum;
  },
};
