import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = before + the dots of the levels of the incoming state that t reads at level l */
export const lambdaContent: Kernel = {
  name: 'lambda-content',
  body: function lambdaContent(this: Thread, before: Matrix, dots: Matrix, content: Matrix, stateLevels: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    let sum = before[t][this.thread.x];
    for (let a = 0; a < stateLevels; a++) {
      if (content[t][h * stateLevels + a] === l) sum += dots[t][h * stateLevels + a];
    }
    return sum;
  },
};
