/** The case that probes are made from, and asking the implementation about it. */

import { fit } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import { unravel } from '../../properties/compare.ts';
import {
  addTensors,
  axes,
  inputNames,
  range,
  sizesOf,
  systemOf,
  takeAlong,
  tensorBy,
  withInputs,
  zerosLike,
} from '../../properties/edit.ts';
import { inOwnChunks } from '../../properties/laws/common.ts';
import { DOUBLE, type Precision, roundCase } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { DEFAULT_CHUNK_SIZE } from '../../reference/shapes.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import type { Failure, Subject } from '../failure.ts';
import { type Layout, layoutOf } from '../localise/layout.ts';

export interface Lab {
  subject: NonNullable<Subject>;
  precision: Precision;
  /** The failing case without its cotangents, with an empty state, in sizes that P can be read off in. */
  c: Case;
  layout: Layout;
  /** Where the failure is worst. */
  row: number;
  head: number;
  B: number;
  T: number;
  H: number;
  chunkSize: number;
  /** V of the probes, and the value channels of it that hold what they should: a column of P is read by each of them. */
  width: number;
  channels: number[];
  /** Whether P is read by differences, since o is not linear in v. */
  byDifferences: boolean;
  /** Inputs that the implementation wrote into. */
  overwritten: Set<InputName>;
  /** Asks about a copy: what is written into it does no harm. */
  ask(c: Case): Promise<Answer>;
  calls(): number;
}

/** Multiply-adds that reading P once may cost. */
const WORK = 2e7;
const LONGEST = 320;

/** P of every row and head, [B,H,T,T]. */
export interface Matrices {
  values: Float64Array;
  bound: Float64Array;
}

/** The case cut down until P can be read off at a price that is fair; what is worst stays in it. */
function affordable(c: Case, subject: NonNullable<Subject>, worst: { row: number; head: number }) {
  const limits = subject.abilities.limits ?? {};
  let [cut, row, head] = [c, worst.row, worst.head];
  const cost = (): number => {
    const { B, T, H, K } = sizesOf(cut);
    return B * H * T * T * (K + T);
  };
  const shorten = (most: number): void => {
    const { T } = sizesOf(cut);
    if (T <= most || cut.cuSeqlens) return;
    const length = fit(most, limits.T);
    if (length < T) cut = takeAlong(cut, 'T', range(0, length));
  };
  shorten(LONGEST);
  if (cost() > WORK && sizesOf(cut).B > 1 && fit(1, limits.B) === 1) {
    const position = cut.position ? [cut.position[row]] : undefined;
    cut = { ...takeAlong(takeAlong(cut, 'B', [row]), 'n', [row]), position };
    if (!position) delete cut.position;
    row = 0;
  }
  if (cost() > WORK) {
    const { H, G } = sizesOf(cut);
    const perGroup = H / G;
    const heads = fit(perGroup, limits.H);
    if (heads === perGroup && fit(1, limits.G) === 1 && G > 1) {
      const group = Math.floor(head / perGroup);
      cut = takeAlong(takeAlong(cut, 'H', range(group * perGroup, (group + 1) * perGroup)), 'G', [group]);
      head -= group * perGroup;
    }
  }
  for (let most = 160; most >= 32 && cost() > WORK; most /= 2) shorten(most);
  return { cut, row, head };
}

/** Where o is worst, else where anything is. */
function worstOf({ outputs }: Failure): { row: number; head: number } {
  let best = { row: 0, head: 0, ratio: 1 };
  for (const { axes: letters, shape, ratio } of outputs) {
    if (!letters.startsWith('BTH')) continue;
    ratio.forEach((each, at) => {
      if (each <= best.ratio) return;
      const [row, , head] = unravel(at, shape);
      best = { row, head, ratio: each };
    });
    if (best.ratio > 1) break;
  }
  return { row: best.row, head: best.head };
}

/** Gets a failure ready to be probed. */
export function openLab(subject: NonNullable<Subject>, failure: Failure): Lab {
  const { cotangents: _, ...rest } = failure.c;
  const found = affordable(rest, subject, worstOf(failure));
  const own = inOwnChunks(subject, found.cut);
  const state = own.inputs.initialState;
  const c = state ? withInputs(own, { initialState: zerosLike(state) }) : own;
  const { B, T, H } = sizesOf(c);
  let calls = 0;
  const width = fit(Math.max(T, 1), subject.abilities.limits?.V);
  const lab: Lab = {
    subject,
    precision: subject.precision,
    c,
    layout: layoutOf(c),
    row: found.row,
    head: found.head,
    B,
    T,
    H,
    chunkSize: c.chunkSize ?? DEFAULT_CHUNK_SIZE,
    width,
    channels: range(0, width),
    byDifferences: false,
    overwritten: new Set(),
    async ask(asked) {
      calls++;
      const copy = copyOf(asked);
      const answer = await subject.run(copy);
      for (const name of inputNames(asked)) if (isChanged(asked, copy, name)) lab.overwritten.add(name);
      return answer;
    },
    calls: () => calls,
  };
  return lab;
}

const copyOf = (c: Case): Case => ({
  ...c,
  inputs: Object.fromEntries(
    inputNames(c).map((name) => {
      const value = c.inputs[name] as Tensor;
      return [name, tensor(toDense(value), [...value.shape])];
    }),
  ),
});

function isChanged(before: Case, after: Case, name: InputName): boolean {
  const [a, b] = [before, after].map((each) => toDense(each.inputs[name] as Tensor));
  return a.some((value, at) => !Object.is(value, b[at]));
}

/** The case in the formats of the implementation. */
export const held = (lab: Lab, c: Case): Case => roundCase(c, lab.precision);

/** Values that are 1 at one position for each right channel: as many columns of P from `first` on. */
const oneHot = ({ B, T, H, width, channels }: Lab, first: number): Tensor =>
  tensorBy([B, T, H, width], ([, s, , j]) => (s >= first && channels[s - first] === j ? 1 : 0));

/** Values of an ordinary size, none of them 0: multiples of 1/8, so that 1 more is exact in any format. */
const ordinaryValues = ({ B, T, H, width }: Lab): Tensor =>
  tensorBy([B, T, H, width], (index) => (1 + (noise(9, 'v', index) % 8)) / 8);

/** A state of as many value channels as the probes have. */
export const emptyState = (c: Case, columns: number): Partial<Record<InputName, Tensor>> => {
  const state = c.inputs.initialState;
  if (!state) return {};
  const [n, H, L, K] = state.shape;
  return { initialState: tensor(new Float64Array(n * H * L * K * columns), [n, H, L, K, columns]) };
};

/** P of the case by what `answer` makes of one-hot values; `put` gets each piece. */
async function read(
  lab: Lab,
  c: Case,
  answer: (asked: Case) => Promise<{ o: Float64Array; bound?: Float64Array }>,
): Promise<Matrices> {
  const { B, T, H, width, channels } = lab;
  const difference = async (first: number, asked: (v: Tensor) => Case) => {
    const values = ordinaryValues(lab);
    const [more, less] = [await answer(asked(addTensors(values, oneHot(lab, first)))), await answer(asked(values))];
    const bound = more.bound?.map((each, at) => each + (less.bound?.[at] ?? 0));
    return { o: more.o.map((each, at) => each - less.o[at]), bound };
  };
  const out: Matrices = { values: new Float64Array(B * H * T * T), bound: new Float64Array(B * H * T * T) };
  if (channels.length === 0) throw new Error('no value channel is right');
  for (let first = 0; first < T; first += channels.length) {
    const asked = (v: Tensor): Case => withInputs(c, { v, ...emptyState(c, width) });
    const { o, bound } = lab.byDifferences ? await difference(first, asked) : await answer(asked(oneHot(lab, first)));
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < H; h++) {
          for (let i = 0; i < channels.length && first + i < T; i++) {
            const from = ((b * T + t) * H + h) * width + channels[i];
            const to = ((b * H + h) * T + t) * T + first + i;
            out.values[to] = o[from];
            if (bound) out.bound[to] = bound[from];
          }
        }
      }
    }
  }
  return out;
}

/** The implementation's own P. */
export const readMatrices = async (lab: Lab, c: Case): Promise<Float64Array> =>
  (await read(lab, c, async (asked) => ({ o: toDense((await lab.ask(asked)).o) }))).values;

/** What is right, in float64. */
export const reference = (c: Case): Answer =>
  compute({ ...c, form: systemOf(c).recurrence === null ? 'masked' : 'recurrent' });

/** The true P, and how far off a correct implementation may be. */
export const rightMatrices = (lab: Lab, c: Case): Promise<Matrices> =>
  read(lab, c, async (asked) => {
    const mine = boundsOf(asked, lab.precision).o;
    // the reference is float64 itself
    const own = lab.precision === DOUBLE ? mine : boundsOf(asked, DOUBLE).o;
    return { o: toDense(reference(asked).o), bound: mine.map((each, at) => each + own[at]) };
  });

/** One head of one row. */
export const squareOf = ({ T, H }: Lab, values: Float64Array, row: number, head: number): Float64Array =>
  values.slice((row * H + head) * T * T, (row * H + head + 1) * T * T);

/** [T,T] as rows. */
export const rows = (values: Float64Array, T: number): number[][] =>
  Array.from({ length: T }, (_, t) => [...values.subarray(t * T, (t + 1) * T)]);

/** Sizes by letter, of the case. */
export function shapeFor(c: Case, name: InputName): number[] {
  const sizes = sizesOf(c) as Record<string, number>;
  return [...axes(c, name)].map((letter) => sizes[letter]);
}

/** Writing strength of the delta rule at which little is erased, and which narrow formats still tell from its square. */
export const gentle = ({ precision }: Lab): number => (precision.output.bits < 24 ? 2 ** -4 : 2 ** -7);

/**
 * The case with every q·k = 1, no decay, scale 1 and every level scale 1: P is 1 wherever a key is read. With a delta rule so little
 * is written at a time that nothing is erased to speak of.
 */
export function plainCase(lab: Lab, inputs: Case['inputs'] = {}): Case {
  const { c } = lab;
  const plain: Case['inputs'] = unitChannel(lab, 0);
  if (c.inputs.g) plain.g = tensorBy(shapeFor(c, 'g'), () => 0);
  if (c.inputs.beta) plain.beta = tensorBy(shapeFor(c, 'beta'), () => gentle(lab));
  if (c.inputs.lambda) plain.lambda = tensorBy(shapeFor(c, 'lambda'), () => 1);
  return { ...withInputs(c, { ...plain, ...inputs }), scale: 1 };
}

/** What the implementation makes of the plain case: what its other answers are divided by, so that one fault does not show as another. */
export interface Plain {
  actual: Float64Array;
  truth: Float64Array;
  /** Whether enough is read of a pair for something to be told from it. */
  isRead(at: number): boolean;
  /** Size of an entry that is read. */
  typical: number;
}

/** Read once for each channel that queries and keys have in common; 0 is what everything else is divided by. */
const plains = new WeakMap<Lab, Map<number, Promise<Plain>>>();

export function readPlain(lab: Lab, channel = 0): Promise<Plain> {
  const known = plains.get(lab) ?? new Map<number, Promise<Plain>>();
  plains.set(lab, known);
  const plain = known.get(channel) ?? askPlain(lab, channel);
  known.set(channel, plain);
  return plain;
}

/** Queries and keys with a 1 in one channel. */
export const unitChannel = (lab: Lab, channel: number): Case['inputs'] => {
  const unit = (name: InputName): Tensor => tensorBy(shapeFor(lab.c, name), ([, , , i]) => (i === channel ? 1 : 0));
  return { q: unit('q'), k: unit('k') };
};

async function askPlain(lab: Lab, channel: number): Promise<Plain> {
  const c = held(lab, plainCase(lab, unitChannel(lab, channel)));
  const square = (values: Float64Array): Float64Array => squareOf(lab, values, lab.row, lab.head);
  const actual = square(await readMatrices(lab, c));
  const truth = square((await read(lab, c, async (asked) => ({ o: toDense(reference(asked).o) }))).values);
  const sizes = [...actual].filter((value, at) => truth[at] !== 0 && Math.abs(value) > 0).map(Math.abs);
  const typical = sizes.sort((a, b) => a - b)[sizes.length >> 1] ?? Math.max(...truth.map(Math.abs));
  return { actual, truth, typical, isRead: (at) => Math.abs(actual[at]) > 1e-3 * typical };
}

/** Inputs that a case has. */
export const has = (c: Case, name: InputName): boolean => inputNames(c).includes(name);
