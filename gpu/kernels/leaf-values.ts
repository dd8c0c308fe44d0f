import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dv[s, h, j] = tail[s, h] einsum('shi,hij->shj', k, dleaf), the chunk of s */
export const leafValues: Kernel = {
  name: 'leaf-values',
  body: function leafValues(this: Thread, k: Matrix, tail: Matrix, dLeaf: Cube, token: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const row = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const m = token[s][3];
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++) sum += k[s][channel + i] * dLeaf[m][row + i][j];
    return tail[s][h] * sum;
  },
};
