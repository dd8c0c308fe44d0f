import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * dg[r, h, i] = before, and what the pairs s < r <= t that first differ in bit b give to the decays between them. Such a pair has r in its
 * segment (s, t] where t is in r's own right half, from r on, or where s is in r's own left half, before r: the sum of q or k times its
 * pull over those tokens.
 */
export const channelCrossings: Kernel = {
  name: 'channel-crossings',
  body: function channelCrossings(
    this: Thread,
    before: Matrix,
    pull: Matrix,
    q: Matrix,
    k: Matrix,
    token: Matrix,
    block: Matrix,
    b: number,
  ) {
    const own = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const first = token[own][2];
    const r = own - token[own][0] + first;
    const start = own - r;
    let sum = before[own][x];
    if (block[r][2 * b] > block[r][2 * b + 2]) {
      const end = Math.min(token[own][1], start + block[r][2 * b + 1] + 1);
      for (let t = own; t < end; t += 1) sum += q[t][channel] * pull[t][x];
    } else {
      for (let s = start + Math.max(first, block[r][2 * b]); s < own; s += 1) sum += k[s][channel] * pull[s][x];
    }
    return sum;
  },
};
