import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dk[s, h, i] = tail[s, h] einsum('hij,shj->shi', dS, v), the level of the final state that token s ends in; a row for each head */
export const finalKeys: Kernel = {
  name: 'final-keys',
  body: function finalKeys(this: Thread, v: Matrix, tail: Matrix, dState: Cube, token: Matrix, finalLevel: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K + i;
    const n = token[s][4];
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += dState[n][row][j] * v[s][h * this.constants.V + j];
    return tail[s][h] * sum;
  },
};
