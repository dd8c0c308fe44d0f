import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** lambda[t, h, level of slot e] d[t, h, i]; 0 where t reads nothing there */
export const channelSlotScaled: Kernel = {
  name: 'channel-slot-scaled',
  body: function channelSlotScaled(this: Thread, d: Matrix, lambda: Matrix, token: Matrix, reads: Matrix, e: number) {
    const t = this.thread.y;
    const x = this.thread.x;
    const node = reads[token[t][3]][e];
    let scaled = 0;
    if (node >= 0) {
      const level = this.constants.lifted * (this.constants.blocks + e);
      const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
      scaled = lambda[t][h * this.constants.L + level] * d[t][x];
    }
    return scaled;
  },
};
