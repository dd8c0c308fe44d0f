import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dLambda[t, h, l] = sum of dP A over the tokens s <= t of t's chunk with level(t,s) = l */
export const deltaLambdaInside: Kernel = {
  name: 'delta-lambda-inside',
  body: function deltaLambdaInside(this: Thread, dWeights: Matrix, scores: Matrix, token: Matrix, bits: Matrix) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const first = token[t][2];
    const r = t - token[t][0] + first;
    let sum = 0;
    if (l < this.constants.blocks) {
      for (let c = first; c <= r; c += 1) {
        if (bits[r][c] === l) sum += dWeights[t][h * this.constants.C + c] * scores[t][h * this.constants.C + c];
      }
    }
    return sum;
  },
};
