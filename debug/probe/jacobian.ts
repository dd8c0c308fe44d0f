/**
 * The implementation's own Jacobians: with a cotangent at one position alone, a gradient is what that query adds to it. Put together they
 * are a matrix of queries and positions, which is compared with the true one entry by entry, as P is.
 */
import { ratioOf } from '../../properties/compare.ts';
import { axes, range, sizesOf, tensorBy } from '../../properties/edit.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { counted, elements, type Tensor, toDense } from '../../reference/tensor.ts';
import { expectedHere } from '../diagnose/right.ts';
import type { OutputErrors } from '../failure.ts';
import { labelsOf } from '../localise/localise.ts';
import { relationOf } from '../localise/relation.ts';
import { factorName } from './alternatives.ts';
import type { Lab } from './lab.ts';
import { pairSetWords } from './matrix.ts';
import { PAIR_AXES, pairSets } from './pairs.ts';
import type { ProbedJacobian } from './probed.ts';

/** Queries that are asked about, at most; and what all of them may cost, in multiply-adds of the forward. */
const MOST_QUERIES = 48;
const WORK = 1e8;

/** Multiply-adds of one gradient, roughly. */
const workOf = (c: Case): number => {
  const { B, T, H, K, V } = sizesOf(c);
  return 4 * B * H * T * (T + 4) * (K + V);
};

/** All queries where there are few; else the first ones, those around edges of chunks, and the last. */
export function queriesOf(T: number, chunkSize: number, most: number): number[] {
  if (T <= most) return range(0, T);
  const edges = range(1, Math.ceil(T / chunkSize)).flatMap((n) => [n * chunkSize, n * chunkSize - 1]);
  const powers = range(0, 20).flatMap((n) => [2 ** n, 2 ** n - 1]);
  const wanted = [T - 1, 0, ...edges, ...powers, ...range(0, T)].filter((t) => t < T);
  return [...new Set(wanted)].slice(0, most).sort((a, b) => a - b);
}

/** A cotangent at one position, of every row, head and channel: multiples of 1/8, none of them 0, which any format holds. */
const cotangentAt = (like: Tensor, query: number): Tensor =>
  tensorBy(like.shape, ([b, t, h, j]) => (t === query ? (1 + ((3 * b + 5 * h + 7 * j) % 8)) / 8 : 0));

/** What one query adds to the gradients, and what it should. */
interface Answered {
  query: number;
  actual: ReadonlyMap<string, Float64Array>;
  expected: ReadonlyMap<string, { data: Float64Array; bound: Float64Array }>;
}

async function askQuery(lab: Lab, c: Case, query: number): Promise<Answered> {
  const like = c.cotangents?.o as Tensor;
  const asked = { ...c, cotangents: { o: cotangentAt(like, query) } };
  const answer = tensorsOf(await lab.ask(asked));
  const { tensors } = expectedHere({ ...asked, chunkSize: lab.chunkSize }, lab.precision);
  return { query, actual: new Map([...answer].map(([name, value]) => [name, toDense(value)])), expected: tensors };
}

/** All answers about one gradient as one tensor, with the queries as first axis. */
function stackedOf(answers: readonly Answered[], name: InputName, letters: string, shape: number[]): OutputErrors {
  const path = `gradients.${name}`;
  const size = elements(shape);
  const [actual, expected, bound] = [0, 0, 0].map(() => new Float64Array(answers.length * size));
  answers.forEach(({ actual: a, expected: e }, i) => {
    actual.set(a.get(path) as Float64Array, i * size);
    expected.set(e.get(path)?.data as Float64Array, i * size);
    bound.set(e.get(path)?.bound as Float64Array, i * size);
  });
  const ratio = actual.map((value, at) => ratioOf(value, expected[at], bound[at]));
  return { name: path, axes: `q${letters}`, shape: [answers.length, ...shape], actual, expected, bound, ratio };
}

/** The places [row, head, channel] of an element [B,T,heads,...]. */
interface Split {
  T: number;
  heads: number;
  channels: number;
}

/** For each row and head the worst of the channels: [query, position]. */
function squareOf(errors: OutputErrors, { T, heads, channels }: Split, row: number, head: number) {
  const [queries] = errors.shape;
  const size = elements(errors.shape) / queries;
  const places = new Int32Array(queries * T);
  for (let q = 0; q < queries; q++) {
    for (let s = 0; s < T; s++) {
      const first = q * size + ((row * T + s) * heads + head) * channels;
      let best = first;
      for (let at = first; at < first + channels; at++) {
        const isWorse = errors.ratio[at] > errors.ratio[best];
        const isLarger =
          errors.ratio[at] === errors.ratio[best] && Math.abs(errors.expected[at]) > Math.abs(errors.expected[best]);
        if (isWorse || isLarger) best = at;
      }
      places[q * T + s] = best;
    }
  }
  return places;
}

const isOff = (ratio: number): boolean => !(ratio <= 1);

/** Whether wrong entries of a head hold what is right with query and position exchanged, channel by channel. */
function isTransposed(
  { actual, expected, bound, ratio }: OutputErrors,
  { T, heads, channels }: Split,
  queries: readonly number[],
  [row, head]: readonly [row: number, head: number],
): boolean {
  const size = actual.length / queries.length;
  const first = (i: number, s: number): number => i * size + ((row * T + s) * heads + head) * channels;
  const rowOf = new Map(queries.map((t, i) => [t, i]));
  let [hits, tried] = [0, 0];
  for (const [i, t] of queries.entries()) {
    for (const [s, j] of rowOf) {
      for (let channel = 0; channel < channels; channel++) {
        const [at, other] = [first(i, s) + channel, first(j, t) + channel];
        if (!isOff(ratio[at])) continue;
        tried++;
        if (Math.abs(actual[at] - expected[other]) <= bound[at] + bound[other]) hits++;
      }
    }
  }
  return tried > 2 && hits >= 0.97 * tried;
}

/** One gradient that has positions. */
function overTime(lab: Lab, errors: OutputErrors, name: InputName, queries: readonly number[]): ProbedJacobian | null {
  const [, B, T, heads, ...rest] = errors.shape;
  const split: Split = { T, heads, channels: elements(rest) };
  let best: { row: number; head: number; places: Int32Array; wrong: number } | null = null;
  const wrongHeads: string[] = [];
  for (let row = 0; row < B; row++) {
    for (let head = 0; head < heads; head++) {
      const places = squareOf(errors, split, row, head);
      const wrong = places.filter((at) => isOff(errors.ratio[at])).length;
      if (wrong > 0) wrongHeads.push(`${row}/${head}`);
      if (wrong > (best?.wrong ?? 0)) best = { row, head, places, wrong };
    }
  }
  if (!best) return null;
  const { row, head, places, wrong } = best;
  const rowsBy = (data: Float64Array): number[][] =>
    queries.map((_, i) => Array.from({ length: T }, (__, s) => data[places[i * T + s]]));
  // all pairs, of which those of other queries say nothing
  const full = {
    ratio: new Float64Array(T * T),
    expected: new Float64Array(T * T),
    bound: new Float64Array(T * T).fill(Infinity),
  };
  queries.forEach((t, i) => {
    for (let s = 0; s < T; s++) {
      const at = places[i * T + s];
      full.ratio[t * T + s] = errors.ratio[at];
      full.expected[t * T + s] = errors.expected[at];
      full.bound[t * T + s] = errors.bound[at];
    }
  });
  // groups of queries and keys are looked at as the first head that reads them
  const H = lab.layout.H;
  const ownHead = heads === H ? head : Math.ceil((head * H) / heads);
  const hypotheses = pairSets(lab, row, ownHead, (at) => isOff(full.ratio[at]));
  const labels = labelsOf({ axes: PAIR_AXES, shape: [T, T], ...full });
  const set = pairSetWords(labels, hypotheses);
  const found: ProbedJacobian = {
    name,
    row,
    head,
    queries: [...queries],
    truth: rowsBy(errors.expected),
    actual: rowsBy(errors.actual),
    bound: rowsBy(errors.bound),
    wrong,
    set,
    relation: relationOf(errors, lab.precision.output.bits, factorName(lab.c)),
    sentences: [],
  };
  found.relation ??= isTransposed(errors, split, queries, [row, head])
    ? 'what is right with query and position exchanged'
    : null;
  const which = B * heads > 1 ? `, row ${row}, ${heads === H ? 'head' : 'group'} ${head},` : '';
  const first = [...places.keys()]
    .filter((i) => isOff(errors.ratio[places[i]]))
    .map((i) => [queries[Math.floor(i / T)], i % T]);
  const held = found.relation ? `; they hold ${found.relation}` : '';
  const such = first
    .slice(0, 3)
    .map(([t, s]) => `[${t},${s}]`)
    .join(', ');
  found.sentences.push(
    `of what query t adds to the gradient of ${name} at position s${which} ${counted(wrong, 'entry is', 'entries are')} wrong: ${set ?? `no simple set, such as ${such}`}${held}`,
  );
  const future = first.filter(([t, s]) => s > t);
  if (future.length > 0) {
    const [t, s] = future[0];
    found.sentences.push(
      `query ${t} adds to the gradient of ${name} at position ${s}, which is after it${future.length > 1 ? `, and ${counted(future.length - 1, 'pair')} more like it` : ''}`,
    );
  }
  return found;
}

/** Whether nothing but rounding is right in all of some elements. */
const isNothing = ({ expected, bound }: OutputErrors, from: number, size: number): boolean =>
  expected.subarray(from, from + size).every((value, i) => Math.abs(value) <= bound[from + i]);

/** A gradient without positions: which queries add wrongly to it. */
function overQueries(
  lab: Lab,
  errors: OutputErrors,
  name: InputName,
  queries: readonly number[],
): ProbedJacobian | null {
  const size = elements(errors.shape) / queries.length;
  const worst = queries.map((_, i) => {
    let best = i * size;
    for (let at = best; at < (i + 1) * size; at++) if (errors.ratio[at] > errors.ratio[best]) best = at;
    return best;
  });
  const wrong = queries.filter((_, i) => isOff(errors.ratio[worst[i]]));
  if (wrong.length === 0) return null;
  const column = (data: Float64Array): number[][] => worst.map((at) => [data[at]]);
  const relation = relationOf(errors, lab.precision.output.bits, factorName(lab.c));
  // the first query adds nothing to the gradient of a decay
  const isEvery = queries.every((_, i) => isOff(errors.ratio[worst[i]]) || isNothing(errors, i * size, size));
  const list = isEvery ? 'every query' : `queries ${wrong.slice(0, 6).join(', ')}${wrong.length > 6 ? ', …' : ''}`;
  const sentence = `what ${list} ${isEvery ? 'adds' : 'add'} to the gradient of ${name} is wrong${relation ? `; it holds ${relation}` : ''}`;
  return {
    name,
    row: 0,
    head: 0,
    queries: [...queries],
    truth: column(errors.expected),
    actual: column(errors.actual),
    bound: column(errors.bound),
    wrong: wrong.length,
    set: null,
    relation,
    sentences: [sentence],
  };
}

/** The Jacobian of each of these gradients, where it is wrong. `c` has cotangents. */
export async function jacobiansOf(lab: Lab, c: Case, names: readonly InputName[]): Promise<ProbedJacobian[]> {
  const { T } = sizesOf(c);
  if (T === 0 || names.length === 0) return [];
  const most = Math.max(4, Math.min(MOST_QUERIES, Math.floor(WORK / workOf(c))));
  const queries = queriesOf(T, lab.chunkSize, most);
  const answers: Answered[] = [];
  for (const query of queries) answers.push(await askQuery(lab, c, query));
  return names.flatMap((name) => {
    const letters = axes(c, name);
    const errors = stackedOf(answers, name, letters, [...(c.inputs[name] as Tensor).shape]);
    const found = letters.startsWith('BT')
      ? overTime(lab, errors, name, queries)
      : overQueries(lab, errors, name, queries);
    return found ? [found] : [];
  });
}
