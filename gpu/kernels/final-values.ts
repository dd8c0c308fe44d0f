import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dv[s, h, j] = tail[s, h] einsum('shi,hij->shj', k, dS), the level of the final state that token s ends in */
export const finalValues: Kernel = {
  name: 'final-values',
  body: function finalValues(this: Thread, k: Matrix, tail: Matrix, dState: Cube, token: Matrix, finalLevel: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const row = (h * this.constants.L + finalLevel[s][0]) * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const n = token[s][4];
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++) sum += k[s][channel + i] * dState[n][row + i][j];
    return tail[s][h] * sum;
  },
};
