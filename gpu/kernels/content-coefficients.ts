import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** coefficient[t, h, l] = lambda[t, h, level at which t reads level l of the incoming state] reading[t, h, l]; 0 where it does not. */
export const contentCoefficients: Kernel = {
  name: 'content-coefficients',
  body: function contentCoefficients(
    this: Thread,
    reading: Matrix,
    lambda: Matrix,
    content: Matrix,
    stateLevels: number,
  ) {
    const t = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / stateLevels);
    const level = content[t][x];
    let coefficient = 0;
    if (level >= 0) coefficient = lambda[t][h * this.constants.L + level] * reading[t][x];
    return coefficient;
  },
};
