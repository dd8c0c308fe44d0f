/** How often a term of an element is rounded, what underflow may cost, and where numbers may overflow. */
import type { Case } from '../../reference/case.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { sizesOf, systemOf } from '../edit.ts';
import { type Format, largestFinite, type Precision, roundsFactors, roundTo, underflowStep } from '../precision.ts';
import type { OutputName } from './by-element.ts';
import { byName, namesOf } from './by-element.ts';
import { lostInputs } from './costs.ts';
import { normOf, type StepNorms } from './layout.ts';
import { type ErrorModel, longestOf } from './model.ts';

/** Scale, level scale, decay, product, sum of parts, storage, each rounded once, with some to spare for exp. */
const FEW = 10;
/** Factors of products that are rounded one after the other on the way to an element; through a triangular solve some more. */
const FACTORS = { o: 4, finalState: 3, gradient: 5 };
const SOLVED_FACTORS = { o: 6, finalState: 3, gradient: 8 };

export interface Roundings {
  /** Sums and single operations. */
  sums: number;
  /** Factors of matrix products. */
  factors: number;
  /** Inputs that the format does not hold exactly. */
  inputs: number;
}

export function roundingsOf(c: Case, p: Precision): (name: OutputName) => Roundings {
  const { B, T: packed, G, H, K, V, L } = sizesOf(c);
  const T = longestOf(c);
  const { recurrence } = systemOf(c);
  const heads = Math.ceil(H / G);
  // a transition of several channels may walk vectors of K channels through every product
  const channels = recurrence && !recurrence.transition.scalar ? K : 0;
  const tokens = recurrence?.decay === 'head' ? B * packed : 0;
  const sums: Record<OutputName, number> = {
    o: K + T,
    finalState: T + channels,
    q: V + T + heads + channels,
    k: V + T + heads + channels,
    v: K + T,
    g: K * V + 2 * T + tokens,
    beta: K + 2 * V + T,
    lambda: K + V + T,
    initialState: K + T,
  };
  const lost = lostInputs(c, p);
  const forward = lost.filter((name) => !name.startsWith('cotangents')).length;
  const factors = recurrence && recurrence.transition.erases > 0 ? SOLVED_FACTORS : FACTORS;
  return (name) => ({
    sums: sums[name] + L + FEW,
    factors: name === 'o' || name === 'finalState' ? factors[name] : factors.gradient,
    inputs: name === 'o' || name === 'finalState' ? forward : lost.length,
  });
}

const largest = (value: Tensor | undefined): number =>
  value
    ? toDense(value).reduce((most, entry) => (Number.isFinite(entry) ? Math.max(most, Math.abs(entry)) : most), 0)
    : 0;

/** Rows [from, to) of the B·T tokens, one range a sequence. */
function sequencesOf(c: Case): { from: number; to: number }[] {
  const { B, T } = sizesOf(c);
  const cuts = c.cuSeqlens ?? [0, T];
  return Array.from({ length: B }, (_, b) =>
    cuts.slice(1).map((end, i) => ({ from: b * T + cuts[i], to: b * T + end })),
  ).flat();
}

/** Most that any run of steps multiplies a state by. */
function grownBy(c: Case, steps: StepNorms | null): number {
  const { H } = sizesOf(c);
  let most = 1;
  if (!steps) return most;
  for (const { from, to } of sequencesOf(c)) {
    for (let h = 0; h < H; h++) {
      for (let t = from, run = 1; t < to; t++) {
        run = Math.max(1, run * steps.value[t * H + h]);
        most = Math.max(most, run);
      }
    }
  }
  return most;
}

/** How many products an element is summed from, all that a sum of them is multiplied with counted once. */
function productsOf(c: Case, name: OutputName): number {
  const { B, T: tokens, H, G, K, V, L } = sizesOf(c);
  const T = longestOf(c);
  const { recurrence } = systemOf(c);
  // through a triangular solve every token is summed once more
  const solve = recurrence && recurrence.transition.erases > 0 ? T : 1;
  if (name === 'finalState') return (T + L + FEW) * solve;
  const pairs = ((K + V) * T + L + FEW) * solve;
  if (name === 'q' || name === 'k') return pairs * Math.ceil(H / G);
  if (name === 'g') return pairs * (recurrence?.decay === 'head' ? B * tokens : T);
  return pairs;
}

/** What underflow may cost an element: a lost product or factor, times all that it may be multiplied with. */
export function floorsOf(c: Case, p: Precision, steps: StepNorms | null): (name: OutputName) => number {
  const { q, k, v, beta, lambda, initialState } = c.inputs;
  const most = (value: Tensor | undefined): number => Math.max(1, largest(value));
  const written = most(k) * most(v) * most(beta) * most(initialState) * grownBy(c, steps);
  const read = Math.max(1, Math.abs(c.scale ?? 1)) * most(q) * most(lambda);
  const back = most(c.cotangents?.o) * most(c.cotangents?.finalState);
  const one =
    underflowStep(p.accumulate) +
    (roundsFactors(p) ? underflowStep(p.product) : 0) +
    underflowStep(p.state) +
    (lostInputs(c, p).length > 0 ? underflowStep(p.inputs) : 0);
  return (name) => {
    const all = name === 'finalState' ? written : name === 'o' ? written * read : written * read * back;
    return productsOf(c, name) * one * all + underflowStep(name === 'finalState' ? p.state : p.output);
  };
}

/** The largest number that may come up on the way: sizes of sums, states, products of two rows, their counterparts backwards. */
export function largestOnTheWay(c: Case, { size, steps }: Pick<ErrorModel, 'size' | 'steps'>): number {
  const { H, G, K, V } = sizesOf(c);
  let most = namesOf(size)
    .flatMap((name) => byName(size, name))
    .reduce((m, values) => values.reduce((mm, value) => Math.max(mm, value), m), 0);
  const rows = (value: Tensor | undefined, width: number): Float64Array => {
    if (!value) return new Float64Array(0);
    const data = toDense(value);
    return Float64Array.from({ length: data.length / width }, (_, i) => normOf(data, i * width, width));
  };
  const max = (values: Float64Array): number => values.reduce((m, value) => Math.max(m, value), 0);
  const [q, k, v] = [rows(c.inputs.q, K), rows(c.inputs.k, K), rows(c.inputs.v, V)];
  const dO = rows(c.cotangents?.o, V);
  const scale = Math.abs(c.scale ?? 1) * Math.max(1, largest(c.inputs.lambda));
  const grown = grownBy(c, steps);
  most = Math.max(most, scale * max(q) * max(k) * grown, scale * max(q), max(dO) * max(v));
  if (!steps) return most;
  const beta = c.inputs.beta ? toDense(c.inputs.beta) : null;
  // states and their gradients, by the norms of what is written and of the steps
  const written = v.map(
    (value, i) => value * k[Math.floor(i / H) * G + Math.floor(((i % H) * G) / H)] * Math.abs(beta?.[i] ?? 1),
  );
  const asked = dO.map((value, i) => scale * value * q[Math.floor(i / H) * G + Math.floor(((i % H) * G) / H)]);
  const heads = (outside: Tensor | undefined) => new Float64Array(H).fill(largest(outside) * Math.sqrt(K));
  for (const { from, to } of sequencesOf(c)) {
    const state = heads(c.inputs.initialState);
    for (let i = from * H; i < to * H; i++) {
      state[i % H] = steps.value[i] * state[i % H] + written[i];
      most = Math.max(most, state[i % H]);
    }
    // dS_t = F_(t+1)^T dS_(t+1) + what token t asks for
    const dState = heads(c.cotangents?.finalState);
    for (let i = to * H - 1; i >= from * H && asked.length > 0; i--) {
      const after = dState[i % H] + asked[i];
      dState[i % H] = steps.value[i] * after;
      most = Math.max(most, after, dState[i % H]);
    }
  }
  return most;
}

/** Whether an input or a cotangent is too large for the format that it comes in. */
function inputsOverflow(c: Case, p: Precision): boolean {
  const { initialState, g: _, ...inputs } = c.inputs;
  const exceeds = (value: Tensor | undefined, format: Format): boolean => roundTo(format, largest(value)) === Infinity;
  return (
    Object.values(inputs).some((value) => exceeds(value, p.inputs)) ||
    exceeds(c.cotangents?.o, p.output) ||
    exceeds(initialState, p.state) ||
    exceeds(c.cotangents?.finalState, p.state)
  );
}

/** Whether some number on the way may be too large for the formats that it is kept in: then nothing is promised. */
export const mayOverflow = (c: Case, p: Precision, model: Pick<ErrorModel, 'size' | 'steps'>): boolean =>
  inputsOverflow(c, p) ||
  !(largestOnTheWay(c, model) < Math.min(...[p.accumulate, p.product, p.state].map(largestFinite)) / 2);
