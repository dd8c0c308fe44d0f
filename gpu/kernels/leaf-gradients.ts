import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** dleaf[m, h, i, j] = einsum('he,ehij->hij', reach, dnode) over the nodes that chunk m is part of: the down-sweep of all levels at once */
export const leafGradients: Kernel = {
  name: 'leaf-gradients',
  body: function leafGradients(this: Thread, dNode: Cube, reach: Matrix, within: Matrix, slots: number) {
    const m = this.thread.z;
    const h = Math.floor((this.thread.y + 0.5) / this.constants.K);
    let sum = 0;
    for (let e = 0; e < slots; e++) {
      const d = within[m][e];
      if (d >= 0) sum += reach[m][h * slots + e] * dNode[d][this.thread.y][this.thread.x];
    }
    return sum;
  },
};
