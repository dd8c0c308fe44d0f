/** What one call has to do, counted from its steps: multiplications and additions, and bytes that kernels read and write at least. */
import type { Shape } from './measure.ts';

export interface Work {
  flops: { forward: number; both: number };
  bytes: { forward: number; both: number };
}

export function work({ T, H, K, V, C }: Shape): Work {
  const N = Math.ceil(T / C);
  const slots = Math.ceil(Math.log2(N));
  const rows = T * H;
  // half of the masked product of a chunk, a state a chunk, and a read of half the slots a token
  const half = (C + 1) / 2;
  const reads = (slots / 2) * K * V;
  const forward = 2 * rows * (half * K + half * V + K * V + reads) + 2 * N * H * K * V * (slots / 2);
  // dP, dq and dk, dv inside; by slot the gradients of queries and of nodes; by leaf those of keys and values
  const backward = 2 * rows * (half * V + 2 * half * K + half * V + 2 * reads + 2 * K * V) + 2 * N * H * K * V * slots;
  const pairs = 4 * rows * C;
  const states = 4 * N * H * K * V;
  const [q, v] = [4 * rows * K, 4 * rows * V];
  const bytesForward = 5 * q + 4 * v + 4 * pairs + 4 * states;
  const bytesBackward = bytesForward + (6 + 4 * slots) * q + 8 * v + 8 * pairs + 7 * states;
  return { flops: { forward, both: forward + backward }, bytes: { forward: bytesForward, both: bytesBackward } };
}
