import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** mean[t, h] = einsum('thj,thj->th', dO, o), which is what the sum of P dP over a row is. */
export const softmaxMeans: Kernel = {
  name: 'softmax-means',
  body: function softmaxMeans(this: Thread, dO: Matrix, o: Matrix) {
    const t = this.thread.y;
    const column = this.thread.x * this.constants.V;
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += dO[t][column + j] * o[t][column + j];
    return sum;
  },
};
