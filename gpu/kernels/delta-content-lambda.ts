import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dLambda[t, h, l] = before + the readings of the levels of the incoming state that t reads at level l */
export const deltaContentLambda: Kernel = {
  name: 'delta-content-lambda',
  body: function deltaContentLambda(
    this: Thread,
    before: Matrix,
    reading: Matrix,
    content: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    let sum = before[t][this.thread.x];
    for (let a = 0; a < stateLevels; a++) {
      if (content[t][h * stateLevels + a] === l) sum += reading[t][h * stateLevels + a];
    }
    return sum;
  },
};
