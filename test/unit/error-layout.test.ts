/** What the error model reads off a case, on numbers that a reader can follow. */
import { describe, expect, it } from 'vitest';
import { withInputs } from '../../properties/edit.ts';
import {
  chunkOf,
  chunksOf,
  decayGradient,
  differenced,
  logDecays,
  normOf,
  norms,
  perHead,
  plain,
  shareOut,
  spread,
  stepNorms,
} from '../../properties/errors/layout.ts';
import { decaySlips, stepSlips } from '../../properties/errors/slips.ts';
import type { Case } from '../../reference/case.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';
import { NOTHING } from './costs-of-nothing.ts';
import { goodCase } from './good-case.ts';

const of = (shape: number[], ...values: number[]): Tensor => tensor(Float64Array.from(values), shape);
const counting = (shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b);
  return of(shape, ...Array.from({ length: size }, (_, i) => i));
};
const list = (values: ArrayLike<number>): number[] => [...Array.from(values)];
const { NEGATIVE_INFINITY: never } = Number;

describe('norms', () => {
  it('of entries some way apart', () => {
    expect(normOf([9, 3, 9, 4, 9], 1, 2, 2)).toBe(5);
    expect(normOf([9, 3, -4], 1, 2)).toBe(5);
    expect(normOf([0, 0], 0, 2)).toBe(0);
  });
  it('of any size', () => {
    expect(normOf([3 * 2 ** 1000, 4 * 2 ** 1000], 0, 2)).toBe(5 * 2 ** 1000);
    expect(normOf([-3 * 2 ** -1000, 4 * 2 ** -1000], 0, 2)).toBe(5 * 2 ** -1000);
    expect(normOf([1, Number.POSITIVE_INFINITY], 0, 2)).toBe(Number.POSITIVE_INFINITY);
  });
  it('along each axis', () => {
    const value = of([2, 2, 2], 3, 5, 4, 12, 0, 8, 6, 15);
    expect(norms(value, 1)).toMatchObject({ shape: [2, 1, 2] });
    expect(list(norms(value, 1).data)).toEqual([5, 13, 6, 17]);
    expect(list(norms(of([1, 4], 0, 3, 0, 4), 1).data)).toEqual([5]);
    expect(list(norms(of([2, 2], 3, 5, 4, 12), 0).data)).toEqual([5, 13]);
  });
});

it('elements are repeated along an axis', () => {
  expect(list(spread(Float64Array.of(1, 2, 3, 4), [2, 1, 2], 1, 2))).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  expect(list(spread(Float64Array.of(1, 2), [2, 1], 1, 3))).toEqual([1, 1, 1, 2, 2, 2]);
});

it('each head has the rows of its group', () => {
  const groups = perHead(counting([1, 2, 2, 1]), 5, 2);
  expect(groups.shape).toEqual([1, 2, 5, 1]);
  expect(list(groups.data)).toEqual([0, 0, 0, 1, 1, 2, 2, 2, 3, 3]);
});

it('a case without what does not change its answer', () => {
  const c = goodCase('mamba2', {}, { scale: 2, position: [3] });
  expect(plain({ ...c, form: 'chunked', chunkSize: 2, law: 'a', seed: 1, path: '0' })).toEqual(c);
});

describe('log decays', () => {
  it('of each token and head, channel by channel where there are some', () => {
    const sizes = { B: 1, T: 2, H: 2, K: 2 };
    const given = (system: string, g: Tensor) => logDecays(withInputs(goodCase(system, sizes), { g }));
    expect(logDecays(goodCase('linear', sizes))).toEqual({ g: new Float64Array(4), width: 1 });
    expect(given('retention', of([2], -1, -2))).toEqual({ g: Float64Array.of(-1, -2, -1, -2), width: 1 });
    expect(given('mamba2', of([1, 2, 2], -1, -2, -3, -4))).toEqual({ g: Float64Array.of(-1, -2, -3, -4), width: 1 });
    const channels = counting([1, 2, 2, 2]);
    expect(given('gla', channels)).toEqual({ g: channels.data, width: 2 });
  });

  it('a channel has the share of its decay against the slowest one', () => {
    const g = Float64Array.of(-1, -2, never, -3);
    expect(list(shareOut(Float64Array.of(8, 5), g, 2))).toEqual([8, 8 * Math.exp(-1), 0, 5]);
    expect(list(shareOut(Float64Array.of(8, 5), g, 2, () => 2))).toEqual([16, 16, 0, 10]);
    // nothing passes at all: no NaN
    expect(list(shareOut(Float64Array.of(8), Float64Array.of(never, never), 2))).toEqual([0, 0]);
  });
});

describe('chunks', () => {
  it('of 64 tokens at least', () => {
    const c = goodCase('mamba2');
    expect([undefined, 1, 64, 65].map((chunkSize) => chunkOf({ ...c, chunkSize }))).toEqual([64, 64, 64, 65]);
  });
  it('begin with each sequence, as rows of all tokens', () => {
    expect(chunksOf(goodCase('mamba2', { B: 2, T: 65 }))).toEqual([
      [
        { first: 0, end: 64 },
        { first: 64, end: 65 },
      ],
      [
        { first: 65, end: 129 },
        { first: 129, end: 130 },
      ],
    ]);
    const packed = goodCase('mamba2', { T: 70 }, { cuSeqlens: [0, 2, 2, 70] });
    expect(chunksOf(packed)).toEqual([
      [{ first: 0, end: 2 }],
      [],
      [
        { first: 2, end: 66 },
        { first: 66, end: 70 },
      ],
    ]);
  });
});

describe('steps', () => {
  it('are 1 before the first token, unless there is a state', () => {
    const sizes = { B: 2, T: 2, H: 1 };
    const g = of([2, 2, 1], ...[0.5, 0.25, 0.125, 0.75].map(Math.log));
    const decays = [0.5, 0.25, 0.125, 0.75].map((each) => Math.exp(Math.log(each)));
    const stateless = withInputs(goodCase('mamba2', sizes), { g });
    expect(list(stepNorms(stateless).value)).toEqual([1, decays[1], 1, decays[3]]);
    expect(list(stepNorms(stateless).g)).toEqual([0, decays[1], 0, decays[3]]);
    const started = withInputs(goodCase('mamba2', { ...sizes, stateLevels: 1 }), { g });
    expect(list(stepNorms(started).value)).toEqual(decays);
    expect(list(stepNorms(started).beta)).toEqual([0, 0, 0, 0]);
  });
  it('of each head', () => {
    const c = withInputs(goodCase('mamba2', { T: 2, H: 2 }), { g: of([1, 2, 2], -1, -2, -3, -4) });
    expect(list(stepNorms(c).value)).toEqual([1, 1, Math.exp(-3), Math.exp(-4)]);
  });
  it('of packed sequences begin anew', () => {
    const c = goodCase('mamba2', { T: 3, H: 1 }, { cuSeqlens: [0, 1, 3] });
    const { value } = stepNorms(withInputs(c, { g: of([1, 3, 1], -1, -2, -3) }));
    expect(list(value)).toEqual([1, 1, Math.exp(-3)]);
  });
});

describe('gradients of decays by differences', () => {
  const one = (system: string, T: number, more: Partial<Case> = {}, H = 1) => goodCase(system, { T, H, K: 1 }, more);
  const terms = (c: Case, q: number[], dq: number[], k: number[], dk: number[], inner = 1, width = 1) => {
    const [a, da, b, db] = [q, dq, k, dk].map((values) => Float64Array.from(values));
    return list(differenced(c, a, da, b, db, inner, width));
  };

  it('add up what comes after in the chunk', () => {
    // q dq + k dk: 1 * 2 + 3 * 4 = 14, and so on
    expect(terms(one('mamba2', 2), [1, 5], [2, 1], [3, 2], [4, 3])).toEqual([25, 11]);
  });
  it('and in the next one, but no further', () => {
    const ones = new Array<number>(130).fill(1);
    const zeros = new Array<number>(130).fill(0);
    const sums = terms(one('mamba2', 130), ones, ones, zeros, zeros);
    expect([sums[0], sums[63], sums[64], sums[127], sums[128], sums[129]]).toEqual([128, 65, 66, 3, 2, 1]);
  });
  it('sequence by sequence, head by head', () => {
    const packed = one('mamba2', 3, { cuSeqlens: [0, 2, 3] });
    expect(terms(packed, [1, 2, 4], [1, 1, 1], [0, 0, 0], [0, 0, 0])).toEqual([3, 2, 4]);
    const heads = one('mamba2', 3, {}, 2);
    const [ones, zeros] = [new Array<number>(6).fill(1), new Array<number>(6).fill(0)];
    expect(terms(heads, [1, 2, 4, 8, 16, 32], ones, zeros, zeros)).toEqual([21, 42, 20, 40, 16, 32]);
  });
  it('channel by channel, or the sum of the channels, or the same for each', () => {
    const [q, dq, zeros] = [[1, 2, 4, 8], [1, 1, 1, 1], new Array<number>(4).fill(0)];
    const c = one('gla', 2);
    expect(terms(c, q, dq, zeros, zeros, 2, 2)).toEqual([5, 10, 4, 8]);
    expect(terms(c, q, dq, zeros, zeros, 2, 1)).toEqual([15, 12]);
    expect(terms(c, [1, 2], [1, 1], [0, 0], [0, 0], 1, 2)).toEqual([3, 3, 2, 2]);
  });
  it('join what crosses the decay; the decay of a head sums over its tokens', () => {
    const [crossing, cancelling] = [Float64Array.of(1, 2, 4, 8), Float64Array.of(16, 32, 64, 128)];
    const c = (system: string) => goodCase(system, { T: 2, H: 2 });
    expect(list(decayGradient(c('mamba2'), crossing, cancelling))).toEqual([17, 34, 68, 136]);
    expect(list(decayGradient(c('retention'), crossing, cancelling))).toEqual([85, 170]);
  });
});

describe('errors of decays', () => {
  const gla = (T: number, g: number[], K = 1, H = 1) =>
    withInputs(goodCase('gla', { T, H, K }), { g: of([1, T, H, K], ...g) });

  it('of the exponent: one for each token that a sum may have, times its size, and 4 of exp', () => {
    const slips = decaySlips(gla(2, [-1, never]), { ...NOTHING, exponent: 1 }, 2, []);
    // a decay of exactly 0 has no error but that of exp
    expect(list(slips.step)).toEqual([4 + 6, 4]);
    expect(list(slips.source)).toEqual([0, 0]);
    expect(list(decaySlips(goodCase('linear', { T: 2, H: 1 }), { ...NOTHING, exponent: 1 }, 2, []).step)).toEqual([
      0, 0,
    ]);
  });
  it('of a rounded g: its size', () => {
    expect(list(decaySlips(gla(2, [-3, -0.5]), { ...NOTHING, 'rounded g': 1 }, 2, []).step)).toEqual([3, 0.5]);
  });
  it('of prefix sums: those of the tokens before, unless a strong decay hides them', () => {
    const prefix = { ...NOTHING, 'prefix sums': 1 };
    // unit: 2 * (3 + 4) = 14; the last token is told from its own sum
    const weak = decaySlips(gla(3, [-1, -0.5, -2]), prefix, 3, []);
    expect([list(weak.source), list(weak.step)]).toEqual([
      [14, 21, 0],
      [0, 0, 0],
    ]);
    const strong = decaySlips(gla(3, [-1, -2.5, -1]), prefix, 3, []);
    expect([list(strong.source), list(strong.step)]).toEqual([
      [0, 49, 0],
      [0, 14, 0],
    ]);
    const heads = decaySlips(gla(2, [-1, -2, 0, 0], 1, 2), prefix, 2, []);
    expect(list(heads.source)).toEqual([12, 24, 0, 0]);
    const one = decaySlips(gla(3, [-1, -1, -1, -3, -1, -1], 1, 2), prefix, 3, []);
    expect([list(one.source), list(one.step)]).toEqual([
      [14, 0, 28, 56, 0, 0],
      [0, 0, 0, 14, 0, 0],
    ]);
  });
  it('of prefix sums of channels: the largest is the token’s', () => {
    const slips = decaySlips(gla(2, [-1, -3, -0.5, -2.5], 2), { ...NOTHING, 'prefix sums': 1 }, 2, []);
    expect([list(slips.source), list(slips.step)]).toEqual([
      [12, 0],
      [0, 0, 0, 36],
    ]);
    const both = decaySlips(gla(2, [-1, -3, 0, 0], 2), { ...NOTHING, 'prefix sums': 1 }, 2, []);
    expect(list(both.source)).toEqual([36, 0]);
  });
  it('of prefix sums over two chunks: the one before counts too, and none before that', () => {
    const T = 193;
    const { source } = decaySlips(gla(T, new Array<number>(T).fill(-1)), { ...NOTHING, 'prefix sums': 1 }, T, []);
    // unit: 2 * (64 + 4)
    expect([0, 63, 64, 127, 128, 191, 192].map((t) => source[t] / 136)).toEqual([1, 64, 65, 128, 65, 128, 0]);
  });
  it('of states in memory: one for each chunk that begins, two where a state is kept once more', () => {
    const kept = { ...NOTHING, 'states in memory': 1 };
    const c = goodCase('mamba2', { B: 2, T: 66, H: 2 });
    const rows = (positions: number[]) =>
      list(decaySlips(c, kept, 66, positions).step).flatMap((value, i) => (value > 0 ? [[i, value]] : []));
    const chunks = [0, 1, 128, 129, 132, 133, 260, 261].map((i) => [i, 1]);
    expect(rows([])).toEqual(chunks);
    const once = [10, 11, 142, 143].map((i) => [i, 2]);
    // there is no token after the last one
    expect(rows([5, 66])).toEqual([...chunks, ...once].sort(([a], [b]) => a - b));
    const channels = decaySlips(gla(1, [-1, -1], 2), kept, 1, []);
    expect(list(channels.step)).toEqual([1, 1]);
    const { step } = decaySlips(gla(65, new Array<number>(130).fill(-1), 2), kept, 65, []);
    expect(list(step).flatMap((value, i) => (value > 0 ? [i] : []))).toEqual([0, 1, 128, 129]);
  });
  it('for norms: of the channel that still counts most beside the slowest one', () => {
    const kimi = (g: number[], T = 1) =>
      withInputs(goodCase('kimi-delta', { T, H: 1, K: 2 }), { g: of([1, T, 1, 2], ...g) });
    const rounded = (g: number[]) => list(decaySlips(kimi(g), { ...NOTHING, 'rounded g': 1 }, 1, []).step);
    expect(rounded([-1, -2])).toEqual([1]);
    expect(rounded([-0.5, -1])).toEqual([Math.exp(-0.5)]);
    expect(rounded([never, -0.5])).toEqual([0.5]);
    const later = kimi([-1, -1, -3, -2], 2);
    expect(list(decaySlips(later, { ...NOTHING, 'rounded g': 1 }, 2, []).step)).toEqual([1, 2]);
    const prefix = { ...NOTHING, 'prefix sums': 1 };
    const next = (g: number[]) => {
      const { source, step } = decaySlips(kimi([-1, -1, ...g], 2), prefix, 2, []);
      return [list(source), list(step)];
    };
    expect(next([-3, -1])).toEqual([
      [12, 0],
      [0, 0],
    ]);
    expect(next([-3, -2.5])).toEqual([
      [0, 0],
      [0, 12],
    ]);
  });
});

it('errors of steps that are known by their norms', () => {
  const steps = {
    value: new Float64Array(2),
    g: new Float64Array(2),
    beta: Float64Array.of(3, 0),
    k: new Float64Array(2),
  };
  const costs = { ...({} as Parameters<typeof stepSlips>[2]), sums: 2, factors: 10, inputs: 100 };
  // 4 sums, and (K + length + 4 sums, 4 * 110) erased (1 + erased length), erased = |beta| |dF/dbeta|
  const [K, length, erased] = [5, 7, 6];
  expect(list(stepSlips(steps, Float64Array.of(-2, 9), costs, K, length))).toEqual([
    8 + (32 + 440) * erased * (1 + erased * length),
    8,
  ]);
  expect(list(stepSlips(steps, null, costs, K, length))).toEqual([8 + 472 * 8, 8 + 472 * 8]);
});
