import type { Cube, Kernel, Thread } from '../kernel.ts';

/** leaf[m, h, i, j] = rows[m, h, i / 4, j, i % 4] */
export const leavesOfRows: Kernel = {
  name: 'leaves-of-rows',
  body: function leavesOfRows(this: Thread, rows: Cube) {
    const row = Math.floor((this.thread.y + 0.5) / 4);
    const place = this.thread.y - 4 * row;
    return rows[this.thread.z][row][4 * this.thread.x + place];
  },
};
