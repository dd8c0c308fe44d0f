/** Sizes of softmax attention's terms, and what errors of its scores add: where all scores are 0 the weights are exact. */
import { describe, expect, it } from 'vitest';
import { mapTensor, takeAlong } from '../../properties/edit.ts';
import { certain, likely, type Measure } from '../../properties/errors/measure.ts';
import { softmaxSizes } from '../../properties/errors/softmax.ts';
import { bfloat16, DOUBLE, float32, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';
import { NOTHING } from './costs-of-nothing.ts';
import { goodCase, withCotangents } from './good-case.ts';

const of = (shape: number[], ...values: number[]): Tensor => tensor(Float64Array.from(values), shape);
const list = (values: Float64Array | undefined): number[] => [...(values ?? [])];

/** One token by itself, then two: queries and keys that meet at right angles, two heads of one group. */
const SCALE = -0.5;
const c: Case = {
  system: 'softmax',
  inputs: {
    q: of([1, 3, 1, 2], 1, 1, 2, 2, 4, 2),
    k: of([1, 3, 1, 2], 9, 9, 2, -4, -2, 4),
    v: of([1, 3, 2, 1], 100, 100, 3, 1, 5, 9),
  },
  scale: SCALE,
  cuSeqlens: [0, 1, 3],
  cotangents: { o: of([1, 3, 2, 1], 0, 0, 0, 0, 2, -1) },
};

/** What one query of two keys, each of weight 1/2 and score 0, is off by: the logarithm of Z is that of 2. */
function expected(x: number, m: Measure, sums: number, stored: number) {
  const half = m.of(0.5);
  const moved = m.of(0.5 * Math.expm1(x)) / m.of(Math.exp(-x));
  const off = moved + half * (2 * moved + m.of(6 * sums * Math.LN2));
  return { half, moved, off, stored: m.of(stored) };
}

describe.each<[string, Precision, Measure]>([
  ['certain', DOUBLE, certain],
  ['likely', DOUBLE, likely(DOUBLE)],
  ['certain, outputs stored in fewer bits', { ...DOUBLE, output: bfloat16 }, certain],
  ['likely, outputs stored in fewer bits', { ...DOUBLE, output: bfloat16 }, likely(DOUBLE)],
])('%s', (_, p, m) => {
  const costs = { ...NOTHING, sums: 2 ** -20, factors: 2 ** -12, inputs: 2 ** -13 };
  const { size, growth } = softmaxSizes(c, p, costs, m);
  // query (4, 2) and keys (2, -4), (-2, 4), scaled by 1/2: products 4 and -4 in each score
  const [sizes, measured] = [8, m.of(4) + m.of(4)];
  const scoreError = m.of((2 + 6) * costs.sums * sizes);
  const x = m.to(scoreError + m.roundings(2, costs.factors + costs.inputs) * measured);
  const { half, moved, off, stored } = expected(x, m, costs.sums, p.output === bfloat16 ? 2 ** -8 : 0);
  const [scale, two, one] = [m.of(SCALE), m.of(2), m.of(1)];

  it('sizes', () => {
    // the first token of the pair sees itself alone
    const own = [half * m.of(3) + half * m.of(5), half * m.of(1) + half * m.of(9)];
    expect(list(size.o)).toEqual([m.of(100), m.of(100), m.of(3), m.of(1), ...own]);
    expect(list(size.finalState)).toEqual([]);
    expect(list(size.gradients.v)).toEqual([0, 0, half * two, half * one, half * two, half * one]);
    // dP: 6, 10 and -1, -9
    const dA = [6, 10].map((dP, i) => {
      const first = half * m.of(6) + half * m.of(10);
      const second = half * m.of(1) + half * m.of(9);
      const ofHeads = [m.of(dP) + first, m.of([1, 9][i]) + second];
      return ofHeads.map((each) => scale * half * each);
    });
    const keys = dA.map(([first, second]) => first + second);
    const toK = keys.flatMap((each) => [each * m.of(4), each * m.of(2)]);
    expect(list(size.gradients.k)).toEqual([0, 0, ...toK]);
    const toQ = [two, m.of(4)].map((each) => (keys[0] + keys[1]) * each);
    expect(list(size.gradients.q)).toEqual([0, 0, 0, 0, ...toQ]);
  });

  it('growth of outputs: by the distance from the mean', () => {
    const grown = [2 * moved * one, 2 * moved * m.of(4)];
    expect(list(growth.o)).toEqual([0, 0, 0, 0, ...grown]);
    expect(list(growth.finalState)).toEqual([]);
  });

  it('growth of gradients', () => {
    expect(list(growth.gradients.v)).toEqual([0, 0, off * two, off * one, off * two, off * one]);
    const whole = half + off;
    // dP is 2 and 4 away from its means of 8 and -5
    const sums = [half * m.of(6) + half * m.of(10), half * m.of(1) + half * m.of(9)];
    const heads = [2, 4].map((apart, h) => {
      const mean = moved * m.of(apart) + moved * m.of(apart);
      return scale * (off * m.of(apart) + whole * (mean + stored * sums[h]));
    });
    const key = heads[0] + heads[1];
    expect(list(growth.gradients.k)).toEqual([0, 0, key * m.of(4), key * m.of(2), key * m.of(4), key * m.of(2)]);
    const query = [two, m.of(4)].map((each) => [0, 0, 1, 1].reduce((sum, h) => sum + heads[h] * each, 0));
    expect(list(growth.gradients.q)).toEqual([0, 0, 0, 0, ...query]);
  });
});

describe('an error of any size', () => {
  const wild = softmaxSizes(c, DOUBLE, { ...NOTHING, sums: 1e6 });

  it('leaves outputs among the values', () => {
    expect(list(wild.growth.o)).toEqual([0, 0, 0, 0, 1, 4]);
  });

  it('promises nothing of a gradient that it reaches', () => {
    const any = Number.POSITIVE_INFINITY;
    // the queries of the first two tokens have no cotangents
    expect(list(wild.growth.gradients.v)).toEqual([0, 0, any, any, any, any]);
    expect(list(wild.growth.gradients.k)).toEqual([0, 0, any, any, any, any]);
    expect(list(wild.growth.gradients.q)).toEqual([0, 0, 0, 0, any, any]);
  });

  it('reaches nothing through a 0: of a cotangent, a query, a key', () => {
    const any = Number.POSITIVE_INFINITY;
    const inputs = { ...c.inputs, q: of([1, 3, 1, 2], 1, 1, 2, 2, 4, 0), k: of([1, 3, 1, 2], 9, 9, 2, 0, -2, 0) };
    const zeros: Case = { ...c, inputs, cotangents: { o: of([1, 3, 2, 1], 0, 0, 0, 0, 2, 0) } };
    const { gradients } = softmaxSizes(zeros, DOUBLE, { ...NOTHING, sums: 1e6 }).growth;
    expect(list(gradients.v)).toEqual([0, 0, any, 0, any, 0]);
    expect(list(gradients.k)).toEqual([0, 0, any, 0, any, 0]);
    expect(list(gradients.q)).toEqual([0, 0, 0, 0, any, 0]);
  });
});

describe("a backward's weight", () => {
  // one key of score 5 * -8 sees itself alone: the logarithm of Z is -40, the weight 1
  const alone: Case = {
    system: 'softmax',
    inputs: { q: of([1, 1, 1, 1], 5), k: of([1, 1, 1, 1], -8), v: of([1, 1, 1, 1], 3) },
    cotangents: { o: of([1, 1, 1, 1], 7) },
  };
  it.each<[string, number]>([
    ['is off by the logarithm of Z too', 2 ** -20],
    ['may be off by more than 1', 2 ** -8],
  ])('%s', (_, sums) => {
    // a score of one product, 6 roundings more
    const x = 7 * sums * 40;
    const moved = Math.expm1(x) / Math.exp(-x);
    const { growth } = softmaxSizes(alone, DOUBLE, { ...NOTHING, sums });
    expect(list(growth.gradients.v)[0] / (7 * (2 * moved + 6 * sums * 40))).toBeCloseTo(1, 12);
    // the output is the value, and dP its mean
    expect([growth.o, growth.gradients.q, growth.gradients.k].map(list)).toEqual([[0], [0], [0]]);
  });
});

it("a backward's weight is off by the logarithm of a sum of several, too", () => {
  // two equal keys of score -40: the logarithm of Z is -40 + ln 2
  const two: Case = {
    system: 'softmax',
    inputs: { q: of([1, 2, 1, 1], 5, 5), k: of([1, 2, 1, 1], -8, -8), v: of([1, 2, 1, 1], 3, 3) },
    cotangents: { o: of([1, 2, 1, 1], 0, 7) },
  };
  const sums = 2 ** -20;
  const moved = (0.5 * Math.expm1(7 * sums * 40)) / Math.exp(-7 * sums * 40);
  const off = moved + 0.5 * (2 * moved + 6 * sums * (40 + Math.LN2));
  const { growth } = softmaxSizes(two, DOUBLE, { ...NOTHING, sums });
  expect(list(growth.gradients.v).map((value) => value / (7 * off))).toEqual([
    expect.closeTo(1, 12),
    expect.closeTo(1, 12),
  ]);
});

it('no error without a cause; no gradients without cotangents', () => {
  const { size, growth } = softmaxSizes({ ...c, cotangents: undefined }, DOUBLE, NOTHING);
  expect(list(growth.o)).toEqual([0, 0, 0, 0, 0, 0]);
  expect([size.gradients, growth.gradients]).toEqual([{}, {}]);
  const stored = softmaxSizes(c, { ...DOUBLE, output: float32, accumulate: float32 }, NOTHING).growth;
  expect(list(stored.gradients.q)).toEqual([0, 0, 0, 0, 0, 0]);
});

it('scores that are far below the largest are off by their distance from it too', () => {
  const far: Case = {
    system: 'softmax',
    inputs: { q: of([1, 3, 1, 1], 0, 0, 1), k: of([1, 3, 1, 1], 0, 0, -200), v: of([1, 3, 1, 1], 0, 0, 1) },
  };
  // the far weight is next to 0; an error of its score may bring it back: 7 of the sum's size 200, and 2 of the distance
  const grown = (sums: number): number[] => list(softmaxSizes(far, DOUBLE, { ...NOTHING, sums }).growth.o);
  expect(grown(2 ** -2)).toEqual([0, 0, 1]);
  const [first, second, third] = grown(2 ** -4);
  expect([first, second]).toEqual([0, 0]);
  expect(third / (Math.exp(-200 + (7 + 2) * 200 * 2 ** -4) / 2)).toBeCloseTo(1, 12);
});

it('a mean of what comes back is never off by more than the farthest is away from it', () => {
  // errors of 0.8 in both scores: weights of 1/2 may move by more than 1
  const [sums, x] = [1 / 80, 0.8];
  const { moved, off } = expected(x, certain, sums, 0);
  expect(moved).toBeGreaterThan(1);
  const { growth } = softmaxSizes(c, DOUBLE, { ...NOTHING, sums });
  const heads = [2, 4].map((apart) => 0.5 * (off * apart + (0.5 + off) * apart));
  expect(list(growth.gradients.k)[2] / ((heads[0] + heads[1]) * 4)).toBeCloseTo(1, 12);
});

describe('heads, groups, rows and channels', () => {
  const sizes = { B: 2, T: 5, H: 4, G: 2, K: 3, V: 3 };
  const many = withCotangents(goodCase('softmax', sizes), sizes);
  const costs = { ...NOTHING, sums: 2 ** -9, factors: 2 ** -12 };
  const both = (each: Case) => Object.values(softmaxSizes(each, { ...DOUBLE, output: bfloat16 }, costs));

  it('are each what they are alone; gradients of a group are sums over its heads', () => {
    const whole = both(many);
    const { T, H, G, K, V } = sizes;
    const sums = whole.map(({ gradients }) =>
      [gradients.q, gradients.k].map((value) => new Float64Array(value?.length ?? 0)),
    );
    for (let b = 0; b < sizes.B; b++) {
      for (let h = 0; h < H; h++) {
        const group = Math.floor(h / 2);
        const one = takeAlong(takeAlong(takeAlong(many, 'B', [b]), 'H', [h]), 'G', [group]);
        both(one).forEach((part, i) => {
          for (let t = 0; t < T; t++) {
            const at = ((b * T + t) * H + h) * V;
            expect(list(whole[i].o.subarray(at, at + V))).toEqual(list(part.o.subarray(t * V, (t + 1) * V)));
            const [mine, alone] = [whole[i].gradients.v, part.gradients.v] as Float64Array[];
            expect(list(mine.subarray(at, at + V))).toEqual(list(alone.subarray(t * V, (t + 1) * V)));
            [part.gradients.q, part.gradients.k].forEach((value, which) => {
              for (let j = 0; j < K; j++) sums[i][which][((b * T + t) * G + group) * K + j] += value?.[t * K + j] ?? 0;
            });
          }
        });
      }
    }
    whole.forEach(({ gradients }, i) => {
      [gradients.q, gradients.k].forEach((value, which) => {
        value?.forEach((entry, at) => {
          expect(entry / sums[i][which][at]).toBeCloseTo(1, 12);
        });
      });
    });
  });

  it('a channel of values without a cotangent gives queries and keys nothing', () => {
    const o = mapTensor(many.cotangents?.o as Tensor, (value, [, , , j]) => (j === 1 ? value : 0));
    const [size, growth] = both({ ...many, cotangents: { o } });
    const [sizeAlone, growthAlone] = both(takeAlong({ ...many, cotangents: { o } }, 'V', [1]));
    for (const name of ['q', 'k'] as const) {
      expect(list(size.gradients[name])).toEqual(list(sizeAlone.gradients[name]));
      expect(list(growth.gradients[name])).toEqual(list(growthAlone.gradients[name]));
    }
  });
});
