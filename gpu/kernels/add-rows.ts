import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[t, x] = given[t, x] + rows[b, x, r], t the token r of block b */
export const addRows: Kernel = {
  name: 'add-rows',
  body: function addRows(this: Thread, given: Matrix, rows: Matrix, place: Matrix) {
    const t = this.thread.y;
    return given[t][this.thread.x] + rows[place[t][0]][4 * this.thread.x + place[t][1]];
  },
};
