import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[t, h] = einsum('thl,thl->th', lambda, dots by level of the incoming state): what t reads of it, times its gradient */
export const contentDots: Kernel = {
  name: 'content-dots',
  body: function contentDots(this: Thread, dots: Matrix, lambda: Matrix, content: Matrix, stateLevels: number) {
    const t = this.thread.y;
    const h = this.thread.x;
    let sum = 0;
    for (let l = 0; l < stateLevels; l++) {
      const level = content[t][h * stateLevels + l];
      if (level >= 0) sum += lambda[t][h * this.constants.L + level] * dots[t][h * stateLevels + l];
    }
    return sum;
  },
};
