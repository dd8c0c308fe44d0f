import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** [dPhi | dS] of chunk m: before + dRow in dPhi, where m is the last chunk of its sequence */
export const deltaLeavesFinal: Kernel = {
  name: 'delta-leaves-final',
  body: function deltaLeavesFinal(this: Thread, before: Cube, dRows: Cube, chunk: Matrix) {
    const m = this.thread.z;
    const x = this.thread.x;
    let sum = before[m][this.thread.y][x];
    if (x < this.constants.K && chunk[m][3] === m) sum += dRows[chunk[m][4]][this.thread.y][x];
    return sum;
  },
};
