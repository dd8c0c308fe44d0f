import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dU[r, h, j] = -einsum('tr,tj->rj', R, dQ) over the tokens t >= r of r's chunk - exp(sum of g over the chunk) einsum('ri,ij->rj', k, dPhi),
 * dQ the scaled gradient by the query
 */
export const deltaCorrectionsGradient: Kernel = {
  name: 'delta-corrections-gradient',
  body: function deltaCorrectionsGradient(
    this: Thread,
    product: Matrix,
    dQuery: Matrix,
    k: Matrix,
    dLeaf: Cube,
    prefix: Matrix,
    token: Matrix,
  ) {
    const r = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const j = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
    const c = h * this.constants.C + r - token[r][0] + token[r][2];
    const m = token[r][3];
    const end = token[r][1];
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++) sum -= k[r][channel + i] * dLeaf[m][h * this.constants.K + i][j];
    sum *= Math.exp(prefix[end - 1][(h + 1) * this.constants.blocks - 1]);
    for (let t = r; t < end; t += 1) sum -= product[t][c] * dQuery[t][this.thread.x];
    return sum;
  },
};
