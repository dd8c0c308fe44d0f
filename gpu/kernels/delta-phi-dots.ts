import type { Cube, Kernel, Thread } from '../kernel.ts';

/** dot[m, h] = einsum('ij,ij->', dPhi, phi) for the transition over chunk m: what each log decay in it gets */
export const deltaPhiDots: Kernel = {
  name: 'delta-phi-dots',
  body: function deltaPhiDots(this: Thread, dLeaf: Cube, leaf: Cube) {
    const m = this.thread.y;
    const row = this.thread.x * this.constants.K;
    let sum = 0;
    for (let i = 0; i < this.constants.K; i++) {
      for (let j = 0; j < this.constants.K; j++) sum += dLeaf[m][row + i][j] * leaf[m][row + i][j];
    }
    return sum;
  },
};
