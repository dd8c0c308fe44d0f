import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** d[t, h, i] = scale dA[t, h, t] times the other of q and k: what a token gives to its own query and key */
export const channelOwnGradients: Kernel = {
  name: 'channel-own-gradients',
  numbers: { scale: 'Float' },
  body: function channelOwnGradients(this: Thread, dA: Matrix, other: Matrix, token: Matrix, scale: number) {
    const t = this.thread.y;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = this.thread.x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    return scale * dA[t][h * this.constants.C + t - token[t][0] + token[t][2]] * other[t][channel];
  },
};
