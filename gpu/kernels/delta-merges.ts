import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** [phi | S] of a bucket from its halves: phi_right [phi_left | S_left] + [0 | S_right]; the right half alone where there is no left one. */
export const deltaMerges: Kernel = {
  name: 'delta-merges',
  body: function deltaMerges(this: Thread, half: Cube, bucket: Matrix) {
    const d = this.thread.z;
    const x = this.thread.x;
    const left = bucket[d][0];
    const right = bucket[d][1];
    let sum = half[right][this.thread.y][x];
    if (left >= 0) {
      if (x < this.constants.K) sum = 0;
      const row = Math.floor((this.thread.y + 0.5) / this.constants.K) * this.constants.K;
      for (let a = 0; a < this.constants.K; a++) sum += half[right][this.thread.y][a] * half[left][row + a][x];
    }
    return sum;
  },
};
