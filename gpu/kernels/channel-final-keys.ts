import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[s, h, i] = before + einsum('shi,hij,shj->shi', tail, dState, v) in the last chunk of a sequence, dState at the level that holds s */
export const channelFinalKeys: Kernel = {
  name: 'channel-final-keys',
  body: function channelFinalKeys(
    this: Thread,
    before: Matrix,
    v: Matrix,
    tail: Matrix,
    dState: Cube,
    finalLevel: Matrix,
    token: Matrix,
    chunk: Matrix,
  ) {
    const s = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const column = h * this.constants.V;
    const m = token[s][3];
    let total = before[s][x];
    if (chunk[m][3] === m) {
      const n = token[s][4];
      const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K + i;
      let sum = 0;
      for (let j = 0; j < this.constants.V; j++) sum += dState[n][row][j] * v[s][column + j];
      total += tail[s][x] * sum;
    }
    return total;
  },
};
