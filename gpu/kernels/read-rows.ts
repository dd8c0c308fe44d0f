import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * rows[b, r, h, j] = einsum('he,hi,ehij->hj', coefficient[t], q[t], node), t the token r of block b, over the nodes that its chunk reads:
 * each number of a node is loaded once for four tokens.
 */
export const readRows: Kernel = {
  name: 'read-rows',
  numbersAThread: 4,
  body: function readRows(
    this: Thread,
    q: Matrix,
    state: Cube,
    coefficient: Matrix,
    token: Matrix,
    rows: Matrix,
    reads: Matrix,
    slots: number,
  ) {
    const h = Math.floor((this.thread.x + 0.5) / this.constants.V);
    const j = this.thread.x - h * this.constants.V;
    const row = h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const t = rows[this.thread.y][0];
    const last = rows[this.thread.y][1];
    const t1 = Math.min(t + 1, last);
    const t2 = Math.min(t + 2, last);
    const t3 = Math.min(t + 3, last);
    const m = token[t][3];
    let o0 = 0;
    let o1 = 0;
    let o2 = 0;
    let o3 = 0;
    for (let e = 0; e < slots; e++) {
      const d = reads[m][e];
      if (d >= 0) {
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let i = 0; i < this.constants.K; i += 4) {
          const w0 = state[d][row + i + 0][j];
          const w1 = state[d][row + i + 1][j];
          const w2 = state[d][row + i + 2][j];
          const w3 = state[d][row + i + 3][j];
          s0 +=
            q[t][channel + i] * w0 +
            q[t][channel + i + 1] * w1 +
            q[t][channel + i + 2] * w2 +
            q[t][channel + i + 3] * w3;
          s1 +=
            q[t1][channel + i] * w0 +
            q[t1][channel + i + 1] * w1 +
            q[t1][channel + i + 2] * w2 +
            q[t1][channel + i + 3] * w3;
          s2 +=
            q[t2][channel + i] * w0 +
            q[t2][channel + i + 1] * w1 +
            q[t2][channel + i + 2] * w2 +
            q[t2][channel + i + 3] * w3;
          s3 +=
            q[t3][channel + i] * w0 +
            q[t3][channel + i + 1] * w1 +
            q[t3][channel + i + 2] * w2 +
            q[t3][channel + i + 3] * w3;
        }
        const c = h * slots + e;
        o0 += coefficient[t][c] * s0;
        o1 += coefficient[t1][c] * s1;
        o2 += coefficient[t2][c] * s2;
        o3 += coefficient[t3][c] * s3;
      }
    }
    return [o0, o1, o2, o3];
  },
};
