import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[s, h, j] = before + einsum('shi,shi,hij->shj', tail, k, dState) in the last chunk of a sequence, dState at the level that holds s */
export const channelFinalValues: Kernel = {
  name: 'channel-final-values',
  body: function channelFinalValues(
    this: Thread,
    before: Matrix,
    k: Matrix,
    tail: Matrix,
    dState: Cube,
    finalLevel: Matrix,
    token: Matrix,
    chunk: Matrix,
  ) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const column = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const m = token[s][3];
    let sum = before[s][this.thread.x];
    if (chunk[m][3] === m) {
      const n = token[s][4];
      const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) {
        sum += tail[s][column + i] * k[s][channel + i] * dState[n][row + i][j];
      }
    }
    return sum;
  },
};
