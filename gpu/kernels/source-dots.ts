import type { Cube, Kernel, Thread } from '../kernel.ts';

/** dot[m, h, e]: the sum over j of source-columns */
export const sourceDots: Kernel = {
  name: 'source-dots',
  body: function sourceDots(this: Thread, columns: Cube) {
    let sum = 0;
    for (let j = 0; j < this.constants.V; j++) sum += columns[this.thread.y][this.thread.x][j];
    return sum;
  },
};
