import type { Kernel, Matrix, Thread } from '../kernel.ts';

/**
 * What the pairs that first differ in bit b give to queries and keys; a token is the later one of all its pairs, or the earlier one of all:
 * pull[t, h, i] = scale einsum('ths,shi,tshi->thi', dA, k, exp(half[t] + half[s])) over its left neighbour block where t lies to the right
 * pull[s, h, i] = scale einsum('ths,thi,tshi->shi', dA, q, exp(half[t] + half[s])) over its right neighbour block where s lies to the left
 */
export const channelPulls: Kernel = {
  name: 'channel-pulls',
  numbers: { b: 'Integer', scale: 'Float' },
  body: function channelPulls(
    this: Thread,
    dA: Matrix,
    q: Matrix,
    k: Matrix,
    half: Matrix,
    token: Matrix,
    block: Matrix,
    b: number,
    scale: number,
  ) {
    const own = this.thread.y;
    const x = this.thread.x;
    const h = Math.floor((this.thread.x + 0.5) / this.constants.K);
    const i = x - h * this.constants.K;
    const channel = Math.floor(((h + 0.5) * this.constants.G) / this.constants.H) * this.constants.K + i;
    const first = token[own][2];
    const r = own - token[own][0] + first;
    // the token at local position c is token start + c
    const start = own - r;
    const column = h * this.constants.C;
    let sum = 0;
    if (block[r][2 * b] > block[r][2 * b + 2]) {
      const end = start + block[r][2 * b];
      for (let s = start + Math.max(first, block[r][2 * b + 2]); s < end; s += 1) {
        sum += dA[own][column + s - start] * k[s][channel] * Math.exp(half[own][x] + half[s][x]);
      }
    } else {
      const end = Math.min(token[own][1], start + block[r][2 * b + 3] + 1);
      for (let t = start + block[r][2 * b + 1] + 1; t < end; t += 1) {
        sum += dA[t][column + r] * q[t][channel] * Math.exp(half[t][x] + half[own][x]);
      }
    }
    return scale * sum;
  },
};
