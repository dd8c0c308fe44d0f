import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * leaf[m, h, i, j] = einsum('sh,shi,shj->hij', tail, k, w) over the tokens of chunk m, as leaves.ts has it: each number of w is loaded once
 * for four channels of the key, so K has to be a multiple of four.
 */
export const leafRows: Kernel = {
  name: 'leaf-rows',
  numbersAThread: 4,
  body: function leafRows(this: Thread, k: Matrix, w: Matrix, tail: Matrix, chunk: Matrix) {
    const m = this.thread.z;
    const row = 4 * this.thread.y;
    const h = Math.floor((row + 0.5) / this.constants.K);
    const channel =
      Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + row - h * this.constants.K;
    const column = h * this.constants.V + this.thread.x;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    const end = chunk[m][1];
    for (let s = chunk[m][0]; s < end; s += 1) {
      const x = tail[s][h] * w[s][column];
      s0 += k[s][channel] * x;
      s1 += k[s][channel + 1] * x;
      s2 += k[s][channel + 2] * x;
      s3 += k[s][channel + 3] * x;
    }
    return [s0, s1, s2, s3];
  },
};
