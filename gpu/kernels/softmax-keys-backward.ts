import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dk[s, g, i] = before[s, g, i] + einsum('th,tgi->gi', dA[:, :, c], q) over t >= s and the heads h of group g, if s is in the block. */
export const softmaxKeysBackward: Kernel = {
  name: 'softmax-keys-backward',
  body: function softmaxKeysBackward(
    this: Thread,
    before: Matrix,
    dA: Matrix,
    q: Matrix,
    token: Matrix,
    sequence: Matrix,
    first: number,
  ) {
    const s = this.thread.y;
    const x = this.thread.x;
    const heads = Math.floor((this.constants.H + 0.5) / this.constants.G);
    const head = Math.floor((this.thread.x + 0.5) / this.constants.K) * heads;
    const n = token[s][4];
    const c = s - sequence[n][0] - first;
    let sum = before[s][x];
    if (c >= 0 && c < this.constants.C) {
      for (let t = s; t < sequence[n][1]; t += 1) {
        for (let h = head; h < head + heads; h += 1) sum += dA[t][h * this.constants.C + c] * q[t][x];
      }
    }
    return sum;
  },
};
