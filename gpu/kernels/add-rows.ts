import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** sum[t, x] = given[t, x] + rows[b, r, x], t the token r of block b */
export const addRows: Kernel = {
  name: 'add-rows',
  body: function addRows(this: Thread, given: Matrix, rows: Cube, place: Matrix) {
    const t = this.thread.y;
    return given[t][this.thread.x] + rows[place[t][0]][place[t][1]][this.thread.x];
  },
};
