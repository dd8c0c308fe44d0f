/**
 * Steps on the way to an answer, where an implementation shows them by name: what they should be, and the first that is wrong. A fault
 * of an early step is in every later one, so that the first names the step.
 */
import { ratioOf, unravel } from '../properties/compare.ts';
import { systemOf } from '../properties/edit.ts';
import { DOUBLE, type Precision } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Answer, Case } from '../reference/case.ts';
import type { Head } from '../reference/head.ts';
import { headOf } from '../reference/operator.ts';
import { checkCase, type Problem } from '../reference/shapes.ts';
import { elements, type Tensor, tensor, toDense } from '../reference/tensor.ts';
import { brief } from './localise/relation.ts';
import { placeWords } from './localise/words.ts';

/** Names of the steps in the order in which they are computed, and the letters of their axes. */
export const STEPS = [
  /** The state of each chunk alone, decayed to the chunk's end. */
  { name: 'chunkStates', axes: 'BNHKV' },
  /** The state of every level after each token. */
  { name: 'states', axes: 'BTHLKV' },
  /** What each level adds to o, its scale included. */
  { name: 'levelOutputs', axes: 'BTHLV' },
] as const;

export type StepName = (typeof STEPS)[number]['name'];

/** An answer that shows steps of its computation. */
export interface AnswerWithSteps extends Answer {
  intermediates?: Partial<Record<StepName, Tensor>>;
}

export interface StepErrors {
  name: StepName;
  axes: string;
  shape: number[];
  wrong: number;
  total: number;
  /** The first wrong element in the order of time. */
  first: { index: Record<string, number>; actual: number; expected: number } | null;
  /** How far off the worst element is, as a share of the largest that is right. */
  share: number;
  sentence: string;
}

/** A state [K,V] for each level, carried on token by token. */
function playHead(x: Head, visit: (t: number, states: Float64Array[]) => void): void {
  const { K, V, L } = x;
  let states = Array.from(
    { length: L },
    (_, l) => x.state?.slice(l * K * V, (l + 1) * K * V) ?? new Float64Array(K * V),
  );
  for (let t = 0; t < x.T; t++) {
    const position = x.position + t;
    const merged = Array.from({ length: L }, () => new Float64Array(K * V));
    states.forEach((state, l) => {
      const to = x.levels.advance(position, l);
      if (to >= 0 && to < L) for (let i = 0; i < state.length; i++) merged[to][i] += state[i];
    });
    for (const state of merged) if (state.some((value) => value !== 0)) x.transition.apply(x, t, state, V);
    for (let i = 0; i < K; i++) for (let j = 0; j < V; j++) merged[0][i * V + j] += x.k[t * K + i] * x.w[t * V + j];
    states = merged;
    visit(t, states);
  }
}

/** The state that tokens [from, to) leave by themselves. */
function alone(x: Head, from: number, to: number): Float64Array {
  const { K, V } = x;
  const state = new Float64Array(K * V);
  for (let t = from; t < to; t++) {
    if (t > from) x.transition.apply(x, t, state, V);
    for (let i = 0; i < K; i++) for (let j = 0; j < V; j++) state[i * V + j] += x.k[t * K + i] * x.w[t * V + j];
  }
  return state;
}

const sizesOf = (p: Problem, N: number): Record<string, number> => ({
  B: p.B,
  T: p.T,
  H: p.H,
  L: p.L,
  K: p.K,
  V: p.V,
  N,
});

/**
 * What the steps should be, in float64. Chunks are those of the case, counted from the first token; with packed sequences there
 * are none here.
 * @throws InvalidInput where `compute` does
 */
export function stepsOf(c: Case): Record<StepName, Tensor> {
  const p = checkCase('stepsOf', { ...c, form: undefined });
  const { T, H, L, K, V, chunkSize: C } = p;
  const N = c.cuSeqlens ? 0 : Math.ceil(T / C);
  const sizes = sizesOf(p, N);
  const shapeOf = (letters: string): number[] => [...letters].map((letter) => sizes[letter]);
  const [chunkStates, states, outputs] = STEPS.map(({ axes }) => new Float64Array(elements(shapeOf(axes))));
  if (p.system.recurrence) {
    p.sequences.forEach(({ row, start }, n) => {
      for (let h = 0; h < H; h++) {
        const x = headOf(p, n, h);
        for (let chunk = 0; chunk < N; chunk++) {
          const state = alone(x, chunk * C, Math.min((chunk + 1) * C, T));
          chunkStates.set(state, ((row * N + chunk) * H + h) * K * V);
        }
        playHead(x, (t, levels) => {
          const token = (row * T + start + t) * H + h;
          levels.forEach((state, l) => {
            states.set(state, (token * L + l) * K * V);
            for (let i = 0; i < K; i++)
              for (let j = 0; j < V; j++)
                outputs[(token * L + l) * V + j] += x.scale * x.lambda[t * L + l] * x.q[t * K + i] * state[i * V + j];
          });
        });
      }
    });
  }
  const data = { chunkStates, states, levelOutputs: outputs };
  const entries = STEPS.map(({ name, axes }) => [name, tensor(data[name], shapeOf(axes))]);
  return Object.fromEntries(entries) as Record<StepName, Tensor>;
}

/** How far off a step may be: as a share of the largest of its numbers, by what the outputs of the case may be. */
function toleranceOf(c: Case, p: Precision): number {
  const { cotangents: _, ...forward } = c;
  const bounds = boundsOf(forward, p);
  const least = boundsOf(forward, DOUBLE);
  const all = [bounds.o, bounds.finalState].flatMap((each) => [...each]).filter(Number.isFinite);
  const own = [least.o, least.finalState].flatMap((each) => [...each]).filter(Number.isFinite);
  return Math.max(...all, 0) + Math.max(...own, 0);
}

function errorsOf(name: StepName, axes: string, given: Tensor, right: Tensor, allowed: number): StepErrors {
  const shape = [...right.shape];
  const base = { name, axes, shape, total: elements(shape) };
  if (given.shape.join() !== shape.join()) {
    const sentence = `${name} has shape [${given.shape}], where [${shape}] is wanted`;
    return { ...base, wrong: base.total, first: null, share: Number.POSITIVE_INFINITY, sentence };
  }
  const [a, e] = [toDense(given), toDense(right)];
  const largest = e.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const limit = Math.max(allowed, 2 ** -40 * largest);
  const wrong = [...a.keys()].filter((at) => !(ratioOf(a[at], e[at], limit) <= 1));
  const share = wrong.reduce((most, at) => Math.max(most, Math.abs(a[at] - e[at])), 0) / (largest || 1);
  if (wrong.length === 0) return { ...base, wrong: 0, first: null, share, sentence: `${name}: nothing is wrong` };
  // in the order of time, then of everything else
  const indices = wrong.map((at) => ({ at, index: unravel(at, shape) }));
  const first = indices.reduce((x, y) => (y.index[1] < x.index[1] ? y : x));
  const index = Object.fromEntries(first.index.map((each, axis) => [axes[axis], each]));
  const levels = [...new Set(indices.map(({ index: each }) => each[axes.indexOf('L')]))].filter(
    (each) => each !== undefined,
  );
  const which =
    levels.length > 0 && levels.length < right.shape[axes.indexOf('L')]
      ? `, level${levels.length > 1 ? 's' : ''} ${levels.sort((x, y) => x - y).join(', ')} alone`
      : '';
  const sentence = `${wrong.length} of ${base.total} elements of ${name} are wrong${which}; first ${placeWords(index).replace(/\bN (\d+)/, 'chunk $1')}: ${brief(a[first.at])}, where ${brief(e[first.at])} is right`;
  return {
    ...base,
    wrong: wrong.length,
    first: { index, actual: a[first.at], expected: e[first.at] },
    share,
    sentence,
  };
}

/** The steps that an answer shows, against what they should be, and the first wrong one in words. */
export function compareSteps(
  c: Case,
  precision: Precision,
  answer: AnswerWithSteps,
): { steps: StepErrors[]; sentences: string[] } {
  const given = answer.intermediates ?? {};
  if (Object.keys(given).length === 0 || systemOf(c).recurrence === null) return { steps: [], sentences: [] };
  const right = stepsOf(c);
  const allowed = toleranceOf(c, precision);
  const steps = STEPS.flatMap(({ name, axes }) => {
    const value = c.cuSeqlens && name === 'chunkStates' ? undefined : given[name];
    return value ? [errorsOf(name, axes, value, right[name], allowed)] : [];
  });
  const at = steps.findIndex(({ wrong }) => wrong > 0);
  if (at < 0) return { steps, sentences: [`${steps.map(({ name }) => name).join(', ')}: nothing is wrong`] };
  const before = steps.slice(0, at).map(({ name }) => name);
  const isFirst = before.length > 0 ? `; ${before.join(', ')} ${before.length > 1 ? 'are' : 'is'} right` : '';
  return { steps, sentences: [`the first wrong step is ${steps[at].name}: ${steps[at].sentence}${isFirst}`] };
}
