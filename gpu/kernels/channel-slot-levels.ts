import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dlambda[t, h, l] = before, and einsum('thi,thi->th', q, d) at the level of slot e where t reads there */
export const channelSlotLevels: Kernel = {
  name: 'channel-slot-levels',
  body: function channelSlotLevels(
    this: Thread,
    before: Matrix,
    d: Matrix,
    q: Matrix,
    token: Matrix,
    reads: Matrix,
    e: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.L);
    const l = this.thread.x - h * this.constants.L;
    const node = reads[token[t][3]][e];
    let sum = before[t][this.thread.x];
    if (l === this.constants.blocks + e && node >= 0) {
      const column = h * this.constants.K;
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      for (let i = 0; i < this.constants.K; i++) sum += q[t][channel + i] * d[t][column + i];
    }
    return sum;
  },
};
