import type { Cube, Kernel, Thread } from '../kernel.ts';

/** transposed[z, h, j, i] = state[z, h, i, j]: where threads run over i they then read neighbouring numbers. */
export const transpose: Kernel = {
  name: 'transpose',
  body: function transpose(this: Thread, state: Cube) {
    const h = Math.floor((this.thread.y + 0.5) / this.constants.V);
    const j = this.thread.y - h * this.constants.V;
    return state[this.thread.z][h * this.constants.K + this.thread.x][j];
  },
};
