/** Different ways to the same answer. */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { compare, verdict } from '../compare.ts';
import {
  addTensors,
  axes,
  concat,
  inputNames,
  mapTensor,
  sequence,
  shapeOf,
  sizesOf,
  take,
  takeAlong,
  tokens,
  withInputs,
} from '../edit.ts';
import type { Law } from '../law.ts';
import { certifiedForward, likelyForward } from './certified.ts';
import { anySystem, boundsFor, compareAnswerBits, compareAnswers, same } from './common.ts';
import { law } from './define.ts';
import { formsForward } from './forms.ts';

/** Whole gradients and outputs put together from those of each sequence alone. */
function together(c: Case, parts: readonly Answer[]): Answer {
  const axis = c.cuSeqlens ? 1 : 0;
  const answer: Answer = {
    o: concat(
      parts.map(({ o }) => o),
      axis,
    ),
    position: parts.flatMap(({ position }) => position),
  };
  if (parts[0].finalState)
    answer.finalState = concat(
      parts.map(({ finalState }) => finalState as Tensor),
      0,
    );
  if (!c.cotangents) return answer;
  answer.gradients = {};
  for (const name of inputNames(c)) {
    const each = parts.map(({ gradients }) => gradients?.[name] as DenseTensor);
    const letters = axes(c, name);
    if (letters === 'H') answer.gradients[name] = each.reduce(addTensors);
    else answer.gradients[name] = concat(each, letters.startsWith('n') ? 0 : axis);
  }
  return answer;
}

const packed = law({
  name: 'packed-equals-separate',
  group: 'equivalence',
  statement: 'Sequences packed along T, empty and one-token ones among them, are each what they are alone.',
  citation: 'variable-length convention (cu_seqlens)',
  prerequisites: [],
  needs: ['packed'],
  appliesTo: anySystem,
  wish: { gradients: true, state: 'sometimes', packed: 'always', work: 3e5 },
  async check(subject, { c }) {
    const alone: Answer[] = [];
    for (let i = 0; i < sizesOf(c).n; i++) alone.push(await subject.run(sequence(c, i)));
    return verdict(compareAnswers(await subject.run(c), together(c, alone), boundsFor(subject, c)));
  },
});

const batch = law({
  name: 'batch-permutation',
  group: 'equivalence',
  statement: 'Permuting the batch rows permutes the answers.',
  citation: 'each batch row is its own operator',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { gradients: true, state: 'sometimes', minB: 2, work: 3e5 },
  extra: { by: fc.nat(5) },
  async check(subject, { c, by }) {
    const { B } = sizesOf(c);
    const order = Array.from({ length: B }, (_, b) => (B - 1 - b + by) % B);
    const permuted = takeAlong(takeAlong(c, 'B', order), 'n', order);
    if (c.position) permuted.position = order.map((b) => (c.position as number[])[b]);
    const straight = await subject.run(c);
    const expected: Answer = { o: take(straight.o, 0, order), position: order.map((b) => straight.position[b]) };
    if (straight.finalState) expected.finalState = take(straight.finalState, 0, order);
    if (straight.gradients) {
      expected.gradients = {};
      for (const name of inputNames(c)) {
        const value = straight.gradients[name] as DenseTensor;
        expected.gradients[name] = axes(c, name) === 'H' ? value : take(value, 0, order);
      }
    }
    return verdict(
      compareAnswers(await subject.run(permuted), expected, boundsFor(subject, permuted)),
      `rows in order ${order}`,
    );
  },
});

const heads = law({
  name: 'head-permutation',
  group: 'equivalence',
  statement: 'Permuting the groups, each with its heads, permutes the answers.',
  citation: 'each head is its own operator; head h reads group floor(h G / H)',
  prerequisites: [],
  needs: ['groups'],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    work: 3e5,
  },
  extra: { by: fc.nat(5) },
  async check(subject, { c, by }) {
    const { G, H } = sizesOf(c);
    const groups = Array.from({ length: G }, (_, g) => (G - 1 - g + by) % G);
    const perGroup = H / G;
    const order = groups.flatMap((g) => Array.from({ length: perGroup }, (_, i) => g * perGroup + i));
    const permuted = takeAlong(takeAlong(c, 'G', groups), 'H', order);
    const straight = await subject.run(c);
    const expected: Answer = { o: take(straight.o, 2, order), position: straight.position };
    if (straight.finalState) expected.finalState = take(straight.finalState, 1, order);
    if (straight.gradients) {
      expected.gradients = {};
      for (const name of inputNames(c)) {
        const letters = axes(c, name);
        const axis = Math.max(letters.indexOf('H'), letters.indexOf('G'));
        const by = letters.includes('H') ? order : groups;
        expected.gradients[name] = take(straight.gradients[name] as DenseTensor, axis, by);
      }
    }
    return verdict(
      compareAnswers(await subject.run(permuted), expected, boundsFor(subject, permuted)),
      `groups in order ${groups}`,
    );
  },
});

const groups = law({
  name: 'groups-equal-repeated-heads',
  group: 'equivalence',
  statement: 'G groups of q and k are what H heads are that repeat them; their gradients are the sums over the heads.',
  citation: 'grouped heads: head h reads group floor(h G / H)',
  prerequisites: [],
  needs: ['groups'],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    work: 3e5,
  },
  async check(subject, { c }) {
    const { G, H } = sizesOf(c);
    const groupOf = Array.from({ length: H }, (_, h) => Math.floor((h * G) / H));
    const repeated = takeAlong(c, 'G', groupOf);
    const expected = await subject.run(repeated);
    if (expected.gradients) {
      for (const name of ['q', 'k'] as const) {
        const [B, T, , K] = shapeOf(c, name);
        const perHead = toDense(expected.gradients[name] as DenseTensor);
        const sums = new Float64Array(B * T * G * K);
        perHead.forEach((value, i) => {
          const [row, h, channel] = [Math.floor(i / (H * K)), Math.floor(i / K) % H, i % K];
          sums[(row * G + groupOf[h]) * K + channel] += value;
        });
        expected.gradients[name] = tensor(sums, [B, T, G, K]);
      }
    }
    return verdict(compareAnswers(await subject.run(c), expected, boundsFor(subject, c)));
  },
});

const prefix = law({
  name: 'prefix',
  group: 'equivalence',
  statement: 'A prefix of the input gives the prefix of the output.',
  citation: 'causality of the recurrence',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { state: 'sometimes', minT: 1, structures: true },
  extra: { cut: fc.nat(400) },
  async check(subject, { c, cut }) {
    const { T } = sizesOf(c);
    const length = cut % (T + 1);
    const whole = await subject.run(c);
    const part = await subject.run(tokens(c, 0, length));
    const { o: bound } = boundsFor(subject, c);
    const kept = take(
      tensor(
        bound.map((value) => 2 * value),
        [...whole.o.shape],
      ),
      1,
      Array.from({ length }, (_, t) => t),
    );
    const expected = take(
      whole.o,
      1,
      Array.from({ length }, (_, t) => t),
    );
    return verdict([compare('o', part.o, expected, toDense(kept))], `the first ${length} of ${T} positions`);
  },
});

/** The same entries in other memory: axes stored in another order, reversed, or with gaps between them. */
function asView(value: Tensor, kind: number): Tensor {
  const rank = value.shape.length;
  const order = Array.from({ length: rank }, (_, axis) => (kind % 3 === 0 ? rank - 1 - axis : axis));
  const gap = kind % 3 === 1 ? 2 : 1;
  const strides = new Array<number>(rank);
  let size = gap;
  for (const axis of order.toReversed()) {
    strides[axis] = size;
    size *= Math.max(value.shape[axis], 1);
  }
  const memory = tensor(new Float64Array(size + 3).fill(Number.NaN), [...value.shape]) as Tensor & {
    stride: number[];
    offset: number;
  };
  memory.stride = strides;
  memory.offset = 2;
  if (kind % 3 === 2) {
    memory.offset = 2 + value.shape.reduce((sum, length, axis) => sum + Math.max(length - 1, 0) * strides[axis], 0);
    memory.stride = strides.map((stride) => -stride);
  }
  const dense = toDense(value);
  const index = new Array<number>(rank).fill(0);
  for (let i = 0; i < dense.length; i++) {
    (memory.data as Float64Array)[index.reduce((at, each, axis) => at + each * memory.stride[axis], memory.offset)] =
      dense[i];
    for (let axis = rank - 1; axis >= 0 && ++index[axis] === value.shape[axis]; axis--) index[axis] = 0;
  }
  return memory;
}

const views = law({
  name: 'views-equal-copies',
  group: 'equivalence',
  statement: 'A transposed, strided or reversed view gives the bits that its copy gives, and no input is written.',
  citation: 'ndarray semantics',
  prerequisites: [],
  needs: ['views'],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    maxT: 33,
    work: 5e4,
  },
  extra: { kinds: fc.array(fc.nat(2), { minLength: 9, maxLength: 9 }) },
  async check(subject, { c, kinds }) {
    const viewed: Partial<Record<InputName, Tensor>> = {};
    inputNames(c).forEach((name, i) => {
      viewed[name] = asView(c.inputs[name] as Tensor, kinds[i]);
    });
    const view = withInputs(c, viewed);
    if (c.cotangents) {
      view.cotangents = { o: asView(c.cotangents.o, kinds[7]) };
      if (c.cotangents.finalState) view.cotangents.finalState = asView(c.cotangents.finalState, kinds[8]);
    }
    const tensors = Object.entries({ ...view.inputs, ...view.cotangents }) as [string, Tensor][];
    const before = tensors.map(([, { data }]) => Float64Array.from(data as Float64Array));
    const expected = await subject.run(c);
    const actual = await subject.run(view);
    const untouched = tensors.map(([name, { data }], i) => {
      const at = before[i].findIndex((value, j) => !Object.is(value, data[j]));
      return same(`memory of ${name}`, at < 0 ? [] : [data[at] as number], at < 0 ? [] : [before[i][at]]);
    });
    return verdict([...compareAnswerBits(actual, expected), ...untouched]);
  },
});

const deterministic = law({
  name: 'same-answer-twice',
  group: 'equivalence',
  statement: 'The same case gives the same bits again: nothing is kept from one call to the next.',
  citation: 'the operator is a function',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { gradients: true, state: 'sometimes', work: 1e5 },
  async check(subject, { c }) {
    // another case of the same sizes comes between: a buffer or a cache that is found by size holds its numbers then
    const between = withInputs(c, { v: mapTensor(c.inputs.v as Tensor, (value) => 1 - value / 2) });
    const first = await subject.run(c);
    await subject.run(between);
    const second = await subject.run(c);
    // and once more at once: two buffers that take turns are the same ones again after two calls
    return verdict([...compareAnswerBits(second, first), ...compareAnswerBits(await subject.run(c), first)]);
  },
});

export const equivalence: Law[] = [
  certifiedForward,
  likelyForward,
  ...formsForward,
  packed,
  batch,
  heads,
  groups,
  prefix,
  views,
  deterministic,
];
