/**
 * Steps on the way to an answer, by the names under which an implementation may show them, and what they are, in float64. A fault of an
 * early step is in every later one, so that the first wrong one names the step.
 */
import type { Case } from './case.ts';
import type { Head } from './head.ts';
import { headOf } from './operator.ts';
import { checkCase, type Problem } from './shapes.ts';
import { type DenseTensor, elements, tensor } from './tensor.ts';

/** Names in the order in which they are computed, the letters of their axes (N chunks), and what they are. */
export const INTERMEDIATES = [
  {
    name: 'chunkStates',
    axes: 'BNHKV',
    meaning:
      'what the tokens of each chunk by themselves leave in a state at the end of it; the last chunk may be a part',
  },
  { name: 'states', axes: 'BTHLKV', meaning: 'the state of every level after each token' },
  { name: 'levelOutputs', axes: 'BTHLV', meaning: 'what each level adds to o, scale and lambda included' },
] as const;

export type IntermediateName = (typeof INTERMEDIATES)[number]['name'];

export type Intermediates = Partial<Record<IntermediateName, DenseTensor>>;

const isChunked = (name: IntermediateName): boolean => name === 'chunkStates';

/** Those that a case has: none of softmax; no chunk states with packed sequences, where kernels differ in what a chunk is. */
export const intermediatesIn = (p: Pick<Problem, 'system'> & { cuSeqlens?: unknown }): IntermediateName[] =>
  p.system.recurrence === null
    ? []
    : INTERMEDIATES.map(({ name }) => name).filter((name) => p.cuSeqlens === undefined || !isChunked(name));

/** Tokens [from, to) of each chunk, counted from the first token of the call. */
export const chunksOf = (T: number, chunkSize: number): [number, number][] =>
  Array.from({ length: Math.ceil(T / chunkSize) }, (_, n) => [n * chunkSize, Math.min((n + 1) * chunkSize, T)]);

/**
 * The shape of a step.
 * @throws InvalidInput where `compute` does
 */
export function intermediateShape(c: Case, name: IntermediateName): number[] {
  const p = checkCase('intermediateShape', { ...c, form: undefined });
  const { axes } = INTERMEDIATES.find((each) => each.name === name) as (typeof INTERMEDIATES)[number];
  const sizes: Record<string, number> = {
    B: p.B,
    T: p.T,
    H: p.H,
    L: p.L,
    K: p.K,
    V: p.V,
    N: chunksOf(p.T, p.chunkSize).length,
  };
  return [...axes].map((letter) => sizes[letter]);
}

/** state += k_t w_t^T */
function write({ K, V, k, w }: Head, t: number, state: Float64Array): void {
  for (let i = 0; i < K; i++) for (let j = 0; j < V; j++) state[i * V + j] += k[t * K + i] * w[t * V + j];
}

/** A state [K,V] for each level, carried on token by token. */
function playHead(x: Head, visit: (t: number, states: Float64Array[]) => void): void {
  const { K, V, L } = x;
  let states = Array.from(
    { length: L },
    (_, l) => x.state?.slice(l * K * V, (l + 1) * K * V) ?? new Float64Array(K * V),
  );
  for (let t = 0; t < x.T; t++) {
    const merged = Array.from({ length: L }, () => new Float64Array(K * V));
    states.forEach((state, l) => {
      const to = x.levels.advance(x.position + t, l);
      if (to >= 0 && to < L) for (let i = 0; i < state.length; i++) merged[to][i] += state[i];
    });
    for (const state of merged) if (state.some((value) => value !== 0)) x.transition.apply(x, t, state, V);
    write(x, t, merged[0]);
    states = merged;
    visit(t, states);
  }
}

/** The state that tokens [from, to) leave by themselves. */
function alone(x: Head, from: number, to: number): Float64Array {
  const state = new Float64Array(x.K * x.V);
  for (let t = from; t < to; t++) {
    if (t > from) x.transition.apply(x, t, state, x.V);
    write(x, t, state);
  }
  return state;
}

/**
 * What the steps are. Chunks are those of the case.
 * @returns chunkStates [B,N,H,K,V], states [B,T,H,L,K,V], levelOutputs [B,T,H,L,V], those of `intermediatesIn` alone
 * @throws InvalidInput where `compute` does
 */
export function intermediatesOf(c: Case): Intermediates {
  const p = checkCase('intermediatesOf', { ...c, form: undefined });
  const names = intermediatesIn({ system: p.system, cuSeqlens: c.cuSeqlens });
  if (names.length === 0) return {};
  const { H, K, V, L } = p;
  const shapes = Object.fromEntries(names.map((name) => [name, intermediateShape(c, name)]));
  const data = Object.fromEntries(names.map((name) => [name, new Float64Array(elements(shapes[name]))]));
  const chunks = names.some(isChunked) ? chunksOf(p.T, p.chunkSize) : [];
  p.sequences.forEach(({ row, start }, n) => {
    for (let h = 0; h < H; h++) {
      const x = headOf(p, n, h);
      chunks.forEach(([from, to], chunk) => {
        data.chunkStates.set(alone(x, from, to), ((row * chunks.length + chunk) * H + h) * K * V);
      });
      playHead(x, (t, levels) => {
        const token = (row * p.T + start + t) * H + h;
        levels.forEach((state, l) => {
          data.states.set(state, (token * L + l) * K * V);
          const weight = x.scale * x.lambda[t * L + l];
          for (let i = 0; i < K; i++)
            for (let j = 0; j < V; j++)
              data.levelOutputs[(token * L + l) * V + j] += weight * x.q[t * K + i] * state[i * V + j];
        });
      });
    }
  });
  return Object.fromEntries(names.map((name) => [name, tensor(data[name], shapes[name])]));
}
