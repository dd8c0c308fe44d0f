import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * [dPhi | dS] of the buckets of a slot: before + what comes from those that they are halves of, [dPhi | dS]' of the slot above. A left half
 * gets phi_right^T [dPhi | dS]', a right half [[dPhi | dS]' [phi_left | S_left]^T | dS'], or all of it where there is no left one.
 */
export const deltaNodesTree: Kernel = {
  name: 'delta-nodes-tree',
  body: function deltaNodesTree(this: Thread, before: Cube, state: Cube, above: Cube, bucket: Matrix) {
    const d = this.thread.z;
    const x = this.thread.x;
    const y = this.thread.y;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - h * this.constants.K;
    const parent = bucket[d][4];
    const other = bucket[d][5];
    let sum = before[d][y][x];
    if (parent >= 0) {
      if (bucket[d][6] === 0) {
        for (let a = 0; a < this.constants.K; a++)
          sum += state[other][h * this.constants.K + a][i] * above[parent][h * this.constants.K + a][x];
      } else {
        if (other >= 0 && x < this.constants.K) {
          for (let b = 0; b < this.constants.K; b++)
            sum += above[parent][y][b] * state[other][h * this.constants.K + x][b];
          for (let j = 0; j < this.constants.V; j++)
            sum +=
              above[parent][y][this.constants.K + j] * state[other][h * this.constants.K + x][this.constants.K + j];
        } else {
          sum += above[parent][y][x];
        }
      }
    }
    return sum;
  },
};
