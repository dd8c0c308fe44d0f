import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[t, h] = einsum('thj,thj->th', a, b); of dO and o it is the sum of P dP over a row */
export const valueDots: Kernel = {
  name: 'value-dots',
  body: function valueDots(this: Thread, a: Matrix, b: Matrix) {
    const t = this.thread.y;
    const column = this.thread.x * this.constants.V;
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += a[t][column + j] * b[t][column + j];
    return sum;
  },
};
