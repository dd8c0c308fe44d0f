import type { Cube, Kernel, Matrix, Thread } from '../kernel.ts';

/** d[n, h, l, i, j] = before + carry[n, h, i] dState at the level at which the last token has level l of the incoming state */
export const channelFinalStateGradients: Kernel = {
  name: 'channel-final-state-gradients',
  body: function channelFinalStateGradients(
    this: Thread,
    before: Cube,
    dState: Cube,
    carry: Matrix,
    content: Matrix,
    sequence: Matrix,
    stateLevels: number,
  ) {
    const n = this.thread.z;
    const ha = Math.floor((this.thread.y + 0.5) / this.constants.K);
    const i = this.thread.y - ha * this.constants.K;
    const h = Math.floor((ha + 0.5) / stateLevels);
    const x = h * this.constants.K + i;
    let sum = before[n][this.thread.y][this.thread.x];
    if (sequence[n][2] >= 0) {
      const level = content[sequence[n][1] - 1][ha];
      if (level >= 0)
        sum += carry[n][x] * dState[n][(h * this.constants.L + level) * this.constants.K + i][this.thread.x];
    }
    return sum;
  },
};
