import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dots[b, r, h, c] = einsum('hi,hic->hc', q[t], keys), t the token r of block b, over all local positions c of its chunk, keys as
 * chunk-keys.ts lays them out: each number of a key is loaded once for four tokens.
 */
export const dotRows: Kernel = {
  name: 'dot-rows',
  numbersAThread: 4,
  body: function dotRows(this: Thread, q: Matrix, keys: Cube, token: Matrix, rows: Matrix) {
    const h = Math.floor((this.thread.x + 0.5) / this.constants.C);
    const c = this.thread.x - h * this.constants.C;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const t = rows[this.thread.y][0];
    const last = rows[this.thread.y][1];
    const t1 = Math.min(t + 1, last);
    const t2 = Math.min(t + 2, last);
    const t3 = Math.min(t + 3, last);
    const m = token[t][3];
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = 0; i < this.constants.K; i += 4) {
      const a = keys[m][channel + i][c];
      const b = keys[m][channel + i + 1][c];
      const d = keys[m][channel + i + 2][c];
      const e = keys[m][channel + i + 3][c];
      s0 += q[t][channel + i] * a + q[t][channel + i + 1] * b + q[t][channel + i + 2] * d + q[t][channel + i + 3] * e;
      s1 +=
        q[t1][channel + i] * a + q[t1][channel + i + 1] * b + q[t1][channel + i + 2] * d + q[t1][channel + i + 3] * e;
      s2 +=
        q[t2][channel + i] * a + q[t2][channel + i + 1] * b + q[t2][channel + i + 2] * d + q[t2][channel + i + 3] * e;
      s3 +=
        q[t3][channel + i] * a + q[t3][channel + i + 1] * b + q[t3][channel + i + 2] * d + q[t3][channel + i + 3] * e;
    }
    return [s0, s1, s2, s3];
  },
};
