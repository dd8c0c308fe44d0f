import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** d[t, g, i] = sum of a[t, h, i] + b[t, h, i] over the heads h of group g */
export const channelGroupSums: Kernel = {
  name: 'channel-group-sums',
  body: function channelGroupSums(this: Thread, a: Matrix, b: Matrix) {
    const t = this.thread.y;
    const group = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - group * this.constants.K;
    const heads = Math.floor((this.constants.H + 0.5) / this.constants.G);
    const end = (group + 1) * heads;
    let sum = 0;
    for (let h = group * heads; h < end; h += 1) {
      sum += a[t][h * this.constants.K + i] + b[t][h * this.constants.K + i];
    }
    return sum;
  },
};
