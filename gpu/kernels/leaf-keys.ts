import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dk[s, h, i] = tail[s, h] einsum('hji,shj->shi', dleaf, v), the chunk of s, dleaf transposed; a row for each head */
export const leafKeys: Kernel = {
  name: 'leaf-keys',
  body: function leafKeys(this: Thread, v: Matrix, tail: Matrix, transposed: Cube, token: Matrix) {
    const s = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const row = h * this.constants.V;
    const m = token[s][3];
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += transposed[m][row + j][i] * v[s][row + j];
    return tail[s][h] * sum;
  },
};
