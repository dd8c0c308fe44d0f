import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** leaf[m, h, i, j] = einsum('sh,shi,shj->hij', tail, k, w) over the tokens of chunk m: its state, at its own end. */
export const leaves: Kernel = {
  name: 'leaves',
  body: function leaves(this: Thread, k: Matrix, w: Matrix, tail: Matrix, chunk: Matrix) {
    const m = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let s = chunk[m][0]; s < chunk[m][1]; s += 1) sum += tail[s][h] * k[s][channel] * w[s][column];
    return sum;
  },
};
