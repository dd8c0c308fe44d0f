import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** leaf[m, h, i, j] = einsum('shi,shi,shj->hij', tail, k, v) over the tokens of chunk m: its state, at its own end */
export const channelLeaves: Kernel = {
  name: 'channel-leaves',
  body: function channelLeaves(this: Thread, k: Matrix, v: Matrix, tail: Matrix, chunk: Matrix) {
    const m = this.thread.z;
    const y = this.thread.y;
    const h = Math.floor((y + 0.5) / this.constants.K);
    const i = y - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const column = h * this.constants.V + this.thread.x;
    let sum = 0;
    for (let s = chunk[m][0]; s < chunk[m][1]; s += 1) sum += tail[s][y] * k[s][channel] * v[s][column];
    return sum;
  },
};
