/** What an independent kernel is given: flat arrays and sizes, as a program gets them, with nothing of the reference but its tensors. */
import type { Answer, Case } from '../../reference/case.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';

/** Rounds the result of one operation: to float32, or not at all. */
export type Round = (value: number) => number;

export interface Given {
  B: number;
  T: number;
  G: number;
  H: number;
  K: number;
  V: number;
  L: number;
  /** One for each sequence: batch row, first token, token after the last, tokens seen before. */
  sequences: { row: number; start: number; end: number; position: number }[];
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  g: Float64Array | null;
  beta: Float64Array | null;
  lambda: Float64Array | null;
  /** [n,H,stateLevels,K,V] */
  state: Float64Array | null;
  stateLevels: number;
  /** As it is given: null where it is left out. */
  scale: number | null;
  dO: Float64Array | null;
}

const flat = (value: Tensor | undefined): Float64Array | null => (value ? toDense(value) : null);

export function givenBy(c: Case): Given {
  const { q, k, v, g, beta, lambda, initialState } = c.inputs;
  const [B, T, G, K] = (q as Tensor).shape;
  const [, , H, V] = (v as Tensor).shape;
  const cuts = c.cuSeqlens;
  const sequences = cuts
    ? cuts.slice(1).map((end, i) => ({ row: 0, start: cuts[i], end, position: c.position?.[i] ?? 0 }))
    : Array.from({ length: B }, (_, row) => ({ row, start: 0, end: T, position: c.position?.[row] ?? 0 }));
  return {
    B,
    T,
    G,
    H,
    K,
    V,
    L: lambda?.shape[3] ?? 1,
    sequences,
    q: flat(q) as Float64Array,
    k: flat(k) as Float64Array,
    v: flat(v) as Float64Array,
    g: flat(g),
    beta: flat(beta),
    lambda: flat(lambda),
    state: flat(initialState),
    stateLevels: initialState?.shape[2] ?? 0,
    scale: c.scale ?? null,
    dO: flat(c.cotangents?.o),
  };
}

/** An answer from flat arrays. */
export function answerOf(x: Given, o: Float64Array, state: Float64Array | null): Answer {
  const answer: Answer = {
    o: tensor(o, [x.B, x.T, x.H, x.V]),
    position: x.sequences.map(({ start, end, position }) => position + end - start),
  };
  if (state) answer.finalState = tensor(state, [x.sequences.length, x.H, x.L, x.K, x.V]) as DenseTensor;
  return answer;
}
