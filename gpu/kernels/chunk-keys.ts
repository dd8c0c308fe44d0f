import type { Kernel, Matrix, Thread } from '../kernel.ts';

/** keys[m, i, c] = k[s, i], s the token of chunk m at local position c; 0 where it has none. Threads that run over c read neighbouring numbers. */
export const chunkKeys: Kernel = {
  name: 'chunk-keys',
  body: function chunkKeys(this: Thread, k: Matrix, chunk: Matrix, token: Matrix) {
    const start = chunk[this.thread.z][0];
    const s = start - token[start][2] + this.thread.x;
    let key = 0;
    if (s >= start && s < chunk[this.thread.z][1]) {
      key = k[s][this.thread.y];
    }
    return key;
  },
};
