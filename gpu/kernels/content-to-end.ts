import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[m, h] = carry[n, h] times the incoming state of m's sequence n and the gradient of the final one, level by level: it crosses all of it */
export const contentToEnd: Kernel = {
  name: 'content-to-end',
  body: function contentToEnd(
    this: Thread,
    state: Cube,
    dState: Cube,
    carry: Matrix,
    content: Matrix,
    sequence: Matrix,
    chunk: Matrix,
    stateLevels: number,
  ) {
    const h = this.thread.x;
    const n = chunk[this.thread.y][4];
    const last = sequence[n][1] - 1;
    let sum = 0;
    for (let a = 0; a < stateLevels; a++) {
      const level = content[last][h * stateLevels + a];
      if (level >= 0) {
        const from = (h * stateLevels + a) * this.constants.K;
        const to = (h * this.constants.L + level) * this.constants.K;
        for (let i = 0; i < this.constants.K; i++) {
          for (let j = 0; j < this.constants.V; j++) sum += state[n][from + i][j] * dState[n][to + i][j];
        }
      }
    }
    return carry[n][h] * sum;
  },
};
