/** What the probes rest on: an answer that is the same twice, linear in v and in the level scales, and causal. */
import { noise } from '../../properties/arbitraries/noise.ts';
import { ratioOf } from '../../properties/compare.ts';
import {
  addTensors,
  inputNames,
  mapTensor,
  scaleTensor,
  tensorBy,
  withInputs,
  zerosLike,
} from '../../properties/edit.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { timeLast } from '../diagnose/cases.ts';
import { lossOf } from '../rounding.ts';
import { has, held, type Lab, reference } from './lab.ts';
import type { Finding, Premise } from './probed.ts';
import { startsDirty } from './state.ts';

/** Multiples of 1/8 up to 1: they, and sums of two, are exact in any format. */
const eighths = (like: Tensor, name: string, seed: number): Tensor =>
  tensorBy(like.shape, (index) => ((noise(seed, name, index) % 17) - 8) / 8);

/** How far apart two answers are: in what they may be apart, and the largest share that it is of the size of its row. */
interface Apart {
  worst: number;
  share: number;
}

/**
 * Row by row, the V elements of a position and head: elements that are no numbers on both sides say nothing here, P shows them. `parts`:
 * what `expected` is a sum of, which a row is the size of where the sum cancels.
 */
function apartOf(
  { precision, c }: Lab,
  actual: Float64Array,
  expected: Float64Array,
  bound: () => Float64Array,
  parts: readonly Float64Array[] = [],
): Apart {
  const V = (c.inputs.v as Tensor).shape[3];
  const found: Apart = { worst: 0, share: 0 };
  for (let row = 0; row < actual.length; row += V) {
    let [most, size] = [0, 0];
    let isOff = false;
    for (let at = row; at < row + V; at++) {
      if (!Number.isFinite(actual[at]) && !Number.isFinite(expected[at])) continue;
      if (actual[at] !== expected[at]) isOff = true;
      most = Math.max(most, Math.abs(actual[at] - expected[at]));
      const sizes = [expected, actual, ...parts].map((values) => Math.abs(values[at])).filter(Number.isFinite);
      size = Math.max(size, ...sizes);
    }
    if (!isOff) continue;
    const room = lossOf(precision) * size;
    for (let at = row; at < row + V; at++) {
      if (!Number.isFinite(actual[at]) && !Number.isFinite(expected[at])) continue;
      if (actual[at] === expected[at]) continue;
      const ratio = ratioOf(actual[at], expected[at], bound()[at] + room);
      if (ratio > 1) found.share = Math.max(found.share, Number.isFinite(most) ? most / (size || 1) : 1);
      found.worst = Math.max(found.worst, ratio);
    }
  }
  return found;
}

/** An output; its bounds, which cost more than it does, only where something asks for them. */
interface Output {
  o: Float64Array;
  bound(): Float64Array;
}

/** Bounds of the true operator, and more in rows in which the answer is larger than the true one: sums of larger terms round by more. */
function boundsWithGrowth(lab: Lab, c: Case, o: Float64Array): Float64Array {
  const bounds = boundsOf(c, lab.precision).o;
  const right = toDense(reference(c).o);
  const V = (c.inputs.v as Tensor).shape[3];
  const sizeOf = (values: Float64Array, row: number): number =>
    values
      .subarray(row, row + V)
      .reduce((most, each) => (Number.isFinite(each) ? Math.max(most, Math.abs(each)) : most), 0);
  return bounds.map((bound, at) => {
    const row = at - (at % V);
    const [answered, wanted] = [sizeOf(o, row), sizeOf(right, row)];
    return answered > wanted && wanted > 0 ? bound * (answered / wanted) : bound;
  });
}

async function outputs(lab: Lab, c: Case): Promise<Output> {
  let known: Float64Array | null = null;
  const o = toDense((await lab.ask(c)).o);
  return {
    o,
    bound() {
      known ??= boundsWithGrowth(lab, c, o);
      return known;
    },
  };
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

async function isDeterministic(lab: Lab): Promise<Premise> {
  const once = await outputs(lab, lab.c);
  const again = await outputs(lab, lab.c);
  const apart = apartOf(lab, again.o, once.o, once.bound);
  const holds = apart.worst <= 2;
  const sentence = holds
    ? 'the same case is answered alike twice'
    : `the same case is answered differently the second time, by up to ${percent(apart.share)} of its size: something is left over from call to call, or depends on its order`;
  return { name: 'deterministic', holds, worst: apart.worst, sentence };
}

/** Off by so small a share is rounding: nothing that rests on it is wrong for that. */
const ROUNDING = 0.04;
/** What is multiplied by a power of two is rounded alike in any floating format, however few its bits are. */
const COARSE = 0.3;

/** f(x) + f(y) = f(x + y), and f(64 x) = 64 f(x), within the bounds of each. */
async function isLinear(lab: Lab, name: 'v' | 'lambda'): Promise<Premise> {
  const like = lab.c.inputs[name] as Tensor;
  const [x, y] = [eighths(like, `${name} one`, 1), eighths(like, `${name} two`, 2)];
  const at = (value: Tensor): Promise<Output> => outputs(lab, held(lab, withInputs(lab.c, { [name]: value })));
  const [fx, fy, sum, large] = [await at(x), await at(y), await at(addTensors(x, y)), await at(scaleTensor(x, 64))];
  const allowed = (): Float64Array => sum.bound().map((bound, i) => bound + 2 * (fx.bound()[i] + fy.bound()[i]));
  const added = fx.o.map((value, i) => value + fy.o[i]);
  const times64 = fx.o.map((value) => 64 * value);
  const allowedLarge = (): Float64Array => large.bound().map((bound, i) => bound + 64 * fx.bound()[i]);
  const [sums, multiples] = [
    apartOf(lab, sum.o, added, allowed, [fx.o, fy.o]),
    apartOf(lab, large.o, times64, allowedLarge),
  ];
  const worst = Math.max(sums.worst, multiples.worst);
  const letter = name === 'v' ? 'v' : 'the level scales';
  if (worst <= 1) return { name: `linear in ${name}`, holds: true, worst, sentence: `o is linear in ${letter}` };
  const share = Math.max(sums.share, multiples.share);
  const isRounding = share < ROUNDING || (multiples.worst <= 1 && share < COARSE);
  const why = isRounding ? 'it rounds to fewer bits than its precision has' : 'something clamps it, or is added to it';
  const sentence = `o is not linear in ${letter}, by up to ${percent(share)} of its size: ${why}`;
  return { name: `linear in ${name}`, holds: false, worst, isRounding, sentence };
}

/** The case with every token from t on changed, of all batch rows or of one. */
function changedFrom(lab: Lab, t: number, row: number | null): Case {
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(lab.c)) {
    const value = lab.c.inputs[name] as Tensor;
    if (name === 'initialState' || value.shape.length < 3) continue;
    const isLater = (index: readonly number[]): boolean => index[1] >= t && (row === null || index[0] === row);
    inputs[name] = mapTensor(value, (entry, index) => (isLater(index) ? changed(name, entry) : entry));
  }
  return held(lab, withInputs(lab.c, inputs));
}

/** Another number of the same kind: a decay stays one. */
function changed(name: InputName, value: number): number {
  if (name === 'g') return value < -1 || value > 0 ? -0.25 : value - 0.5;
  if (name === 'beta') return value > 0.5 ? value / 2 : value + 0.25;
  return name === 'k' ? -value : 0.5 - value;
}

/** Where something changes although nothing that it may read does; null where nothing is. */
async function reachedBy(lab: Lab, t: number, changedRow: number | null, before: Output) {
  const { T } = lab;
  const width = (lab.c.inputs.v as Tensor).shape.slice(2).reduce((product, each) => product * each, 1);
  const after = await outputs(lab, changedFrom(lab, t, changedRow));
  let found: { query: number; row: number; ratio: number } | null = null;
  after.o.forEach((value, at) => {
    const [row, query] = [Math.floor(at / width / T), Math.floor(at / width) % T];
    if (query >= t && (changedRow === null || row === changedRow)) return;
    if (!Number.isFinite(value) && !Number.isFinite(before.o[at])) return;
    if (value === before.o[at]) return;
    const ratio = ratioOf(value, before.o[at], before.bound()[at] + after.bound()[at]);
    if (ratio > 1 && ratio > (found?.ratio ?? 1)) found = { query, row, ratio };
  });
  return found as { query: number; row: number; ratio: number } | null;
}

async function isCausal(lab: Lab): Promise<Premise> {
  const { T, B, chunkSize } = lab;
  const times = [1, Math.floor(T / 2), chunkSize, T - 1].filter((t, i, all) => t > 0 && t < T && all.indexOf(t) === i);
  const before = await outputs(lab, lab.c);
  const name = 'causal';
  for (let row = 0; row < Math.min(B, 4) && B > 1; row++) {
    const reached = await reachedBy(lab, 0, row, before);
    if (!reached) continue;
    const sentence = `o of batch row ${reached.row} at position ${reached.query} changes when tokens of row ${row} do`;
    return { name, holds: false, worst: reached.ratio, sentence };
  }
  if (times.length === 0) return { name, holds: null, worst: 0, sentence: 'one token has no later ones' };
  for (const t of times) {
    const reached = await reachedBy(lab, t, null, before);
    if (!reached) continue;
    const sentence = `o at position ${reached.query} changes when tokens from position ${t} on do: it is not causal`;
    return { name, holds: false, worst: reached.ratio, sentence };
  }
  return { name, holds: true, worst: 0, sentence: 'later tokens change nothing earlier' };
}

/** Each premise; the level scales only where there are some. */
export async function premisesOf(lab: Lab): Promise<Premise[]> {
  const steady = await isDeterministic(lab);
  // two answers to anything differ then: nothing else can be told from that
  if (steady.holds === false) return [steady];
  const premises = [steady, await isLinear(lab, 'v')];
  if (has(lab.c, 'lambda')) premises.push(await isLinear(lab, 'lambda'));
  return [...premises, await isCausal(lab)];
}

/** Whether NaN in a value reaches an output that may not read it, as it does where what is masked is multiplied by 0. */
export async function maskedByZero(lab: Lab): Promise<Finding | null> {
  const { T } = lab;
  const cuts = lab.c.cuSeqlens;
  if (T < 2) return null;
  const t = Math.max(1, Math.floor(T / 2));
  const width = (lab.c.inputs.v as Tensor).shape.slice(2).reduce((product, each) => product * each, 1);
  // what is no number without any in v says nothing
  const before = toDense((await lab.ask(lab.c)).o);
  /** The first query that is no number although none of [from, to) is its own to read. */
  const reached = async (from: number, to: number, isFree: (query: number) => boolean): Promise<number | null> => {
    const v = mapTensor(lab.c.inputs.v as Tensor, (value, [, s]) => (s >= from && s < to ? Number.NaN : value));
    const o = toDense((await lab.ask(withInputs(lab.c, { v }))).o);
    const first = o.findIndex(
      (value, at) => Number.isNaN(value) && !Number.isNaN(before[at]) && isFree(Math.floor(at / width) % T),
    );
    return first < 0 ? null : Math.floor(first / width) % T;
  };
  const say = (where: string, query: number): Finding => ({
    kind: 'masked-by-zero',
    sentence: `a NaN in v ${where} reaches o at position ${query}: what is masked is multiplied by 0 in place of being left out (which a correct implementation may do)`,
  });
  const earlier = await reached(t, T, (query) => query < t);
  if (earlier !== null) return say(`at position ${t}`, earlier);
  for (let i = 0; cuts && i < cuts.length - 2; i++) {
    const [from, to] = [cuts[i], cuts[i + 1]];
    const later = to > from ? await reached(from, to, (query) => query < from || query >= to) : null;
    if (later !== null) return say('of another packed sequence', later);
  }
  return null;
}

/** Whether something is added to o that does not come from the values: then P is read by differences. */
export async function addsSomething(lab: Lab): Promise<Finding | null> {
  const c = withInputs(lab.c, { v: zerosLike(lab.c.inputs.v as Tensor) });
  const o = toDense((await lab.ask(c)).o);
  const wrong = o.filter((value) => value !== 0 && Number.isFinite(value)).length;
  if (wrong === 0) return null;
  const what = `with v = 0 and nothing in the state, ${wrong} of ${o.length} elements of o are not 0`;
  if (await startsDirty(lab)) {
    return {
      kind: 'state-buffer-not-cleared',
      sentence: `${what}, and all are with a state of zeros: without an initial state the state does not start with 0`,
    };
  }
  return { kind: 'adds-something', sentence: `${what}: something is added to it, or left in its buffer` };
}

/** Whether the same numbers in other memory, in which time is the last axis, are answered in another way. */
export async function readsOtherMemory(lab: Lab): Promise<Finding | null> {
  const { c, subject } = lab;
  if (!subject.abilities.views) return null;
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    const value = c.inputs[name] as Tensor;
    inputs[name] = timeLast(tensor(toDense(value), [...value.shape]));
  }
  const dense = await outputs(lab, c);
  const strided = toDense((await subject.run({ ...c, inputs })).o);
  if (apartOf(lab, strided, dense.o, dense.bound).worst <= 2) return null;
  return {
    kind: 'strides-ignored',
    sentence:
      'the same numbers in other memory (time as the last axis) give another answer: strides of inputs are ignored',
  };
}
