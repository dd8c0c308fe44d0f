import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** dot[t, h, e] = reading[t, h, e] einsum('thi,thi->th', q, z) for one slot e, all others as they were */
export const slotDots: Kernel = {
  name: 'slot-dots',
  body: function slotDots(
    this: Thread,
    before: Matrix,
    q: Matrix,
    z: Matrix,
    reading: Matrix,
    e: number,
    slots: number,
  ) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / slots);
    let dot = before[t][this.thread.x];
    if (this.thread.x - h * slots === e) {
      const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K;
      dot = 0;
      for (let i = 0; i < this.constants.K; i++) dot += q[t][channel + i] * z[t][h * this.constants.K + i];
      dot *= reading[t][this.thread.x];
    }
    return dot;
  },
};
