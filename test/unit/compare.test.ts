import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compare,
  compareBits,
  compareExact,
  compareParts,
  ratioOf,
  ravel,
  unravel,
  verdict,
} from '../../properties/compare.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { certifiedBackward, certifiedForward } from '../../properties/laws/certified.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const row = (...values: number[]) => tensor(Float64Array.from(values), [values.length]);
const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: negative, MAX_VALUE: max, MIN_VALUE: min } = Number;

describe('ratioOf', () => {
  it.each([
    ['equal numbers', 1, 1, 0, 0],
    ['half a bound apart', 1.5, 1, 1, 0.5],
    ['two bounds apart', 3, 1, 1, 2],
    ['apart where nothing is allowed', 1, 2, 0, inf],
    ['the smallest difference where nothing is allowed', min, 0, 0, inf],
    ['zeros of either sign', -0, 0, 0, 0],
    ['the same infinity', inf, inf, 1, 0],
    ['the same infinity, where nothing is allowed', negative, negative, 0, 0],
    ['opposite infinities', inf, negative, 1, inf],
    ['opposite infinities, the other way', negative, inf, max, inf],
    ['infinity for a number', inf, 1, 1, inf],
    ['infinity for the largest number', inf, max, max, inf],
    ['minus infinity for a number', negative, 1, max, inf],
    ['a number for infinity', 1, inf, 1, inf],
    ['a number for minus infinity', max, negative, max, inf],
    ['NaN for a number', nan, 1, 1, inf],
    ['NaN for 0 where nothing is allowed', nan, 0, 0, inf],
    ['NaN for infinity', nan, inf, 1, inf],
    ['a number for NaN', 1, nan, 1, inf],
    ['infinity for NaN', inf, nan, max, inf],
    ['NaN for NaN, where a bound promises a number', nan, nan, 1, inf],
    ['NaN for NaN under an infinite bound', nan, nan, inf, 0],
    ['NaN for NaN, where nothing is allowed', nan, nan, 0, 0],
    ['a bound that is NaN', 1, 2, nan, inf],
    ['equal numbers under a bound that is NaN', 1, 1, nan, inf],
    ['NaN all over', nan, nan, nan, inf],
    ['an infinite bound', 1, 2, inf, 0],
    ['NaN under an infinite bound: nothing is promised, not even a number', nan, 2, inf, 0],
    ['a number for NaN under an infinite bound', 2, nan, inf, 0],
    ['opposite infinities under an infinite bound', inf, negative, inf, 0],
    ['equal numbers under a negative bound', 1, 1, -1, 0],
    ['a negative bound', 1, 2, -1, inf],
    ['a negative bound larger than the difference', 1, 2, -4, inf],
    ['minus infinity as a bound', 1, 2, negative, inf],
    ['minus zero as a bound', 1, 2, -0, inf],
    ['a subnormal difference within a subnormal bound', min, 0, 2 * min, 0.5],
    ['a subnormal difference of just the bound', 3 * min, 2 * min, min, 1],
    ['a subnormal difference beyond it', 3 * min, min, min, 2],
    ['a difference that overflows', max, -max, max, inf],
    ['a ratio that overflows', max, 0, min, inf],
  ])('%s', (_, actual, expected, bound, ratio) => {
    expect(ratioOf(actual, expected, bound)).toBe(ratio);
  });

  it('is above 1 exactly when the difference is not within the bound', () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), fc.double(), (actual, expected, bound) => {
        const equal = actual === expected || (Number.isNaN(actual) && Number.isNaN(expected));
        const within = equal || bound === inf || Math.abs(actual - expected) <= bound;
        expect(ratioOf(actual, expected, bound) <= 1).toBe(within && !Number.isNaN(bound));
      }),
    );
  });

  it('is never NaN and never negative, whatever the numbers', () => {
    const special = [nan, inf, negative, 0, -0, min, -min, max, -max, 1, -1];
    for (const actual of special) {
      for (const expected of special) {
        for (const bound of special) expect(ratioOf(actual, expected, bound)).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('a difference of exactly the bound passes, and the next number above fails', () => {
    const bits = new DataView(new ArrayBuffer(8));
    const nextAbove = (value: number): number => {
      bits.setFloat64(0, value);
      bits.setBigUint64(0, bits.getBigUint64(0) + 1n);
      return bits.getFloat64(0);
    };
    fc.assert(
      fc.property(fc.double({ min: 0, max, minExcluded: true, maxExcluded: true, noNaN: true }), (bound) => {
        expect(ratioOf(bound, 0, bound)).toBe(1);
        expect(ratioOf(0, -bound, bound)).toBe(1);
        expect(ratioOf(nextAbove(bound), 0, bound)).toBeGreaterThan(1);
        expect(ratioOf(0, nextAbove(bound), bound)).toBeGreaterThan(1);
      }),
    );
  });
});

describe('unravel and ravel', () => {
  it.each([
    [0, [2, 3, 4], [0, 0, 0]],
    [23, [2, 3, 4], [1, 2, 3]],
    [5, [1, 6, 1], [0, 5, 0]],
  ])('place %i of %j', (at, shape, index) => {
    expect(unravel(at, shape)).toEqual(index);
    expect(ravel(index, shape)).toBe(at);
  });
});

describe('compare', () => {
  it('names the worst element by its indices', () => {
    const actual = tensor(Float64Array.of(1, 2, 3, 4, 5, 9), [2, 3]);
    const expected = tensor(Float64Array.of(1, 2, 3, 4, 6, 6), [2, 3]);
    const worst = compare('o', actual, expected, new Float64Array(6).fill(1));
    expect(worst).toEqual({ name: 'o', index: [1, 2], actual: 9, expected: 6, bound: 1, ratio: 3 });
  });

  it('judges each element by its own bound', () => {
    const worst = compare('o', row(1.5, 1.25), row(1, 1), Float64Array.of(1, 0.25));
    expect(worst).toMatchObject({ index: [1], bound: 0.25, ratio: 1 });
  });

  it('reads strides, not memory', () => {
    const matrix = tensor(Float64Array.of(1, 2, 3, 4), [2, 2]);
    expect(compare('o', matrix.transpose(1, 0), tensor(Float64Array.of(1, 3, 2, 4), [2, 2]), 0).ratio).toBe(0);
  });

  it.each([
    ['of another rank', [2, 1]],
    ['transposed', [1, 2, 1]],
    ['longer', [3]],
    ['empty', [0]],
  ])('never holds for a shape that is %s', (_, shape) => {
    const other = tensor(new Float64Array(shape.reduce((a, b) => a * b)), shape);
    for (const [actual, expected] of [
      [other, row(0, 0)],
      [row(0, 0), other],
    ]) {
      const worst = compare('o', actual, expected, new Float64Array(6).fill(inf));
      expect(verdict([worst]).holds).toBe(false);
      expect(worst.name).toContain('shape');
    }
  });

  it('shapes whose digits are the same are not', () => {
    const of = (...shape: number[]) => tensor(new Float64Array(shape[0] * shape[1]), shape);
    expect(compare('o', of(1, 12), of(11, 2), 0)).toEqual({
      name: 'o: shape [1,12] where [11,2] is wanted',
      index: [],
      actual: nan,
      expected: nan,
      bound: 0,
      ratio: inf,
    });
  });

  it('of several that are equally bad the first is named', () => {
    expect(compare('o', row(1, 3, 3), row(1, 1, 1), new Float64Array(3).fill(1)).index).toEqual([1]);
  });

  it('finds one NaN among many numbers', () => {
    const many = new Float64Array(1000);
    const broken = many.slice();
    broken[617] = nan;
    const bounds = many.map(() => 1e300);
    expect(compare('o', tensor(broken, [1000]), tensor(many, [1000]), bounds)).toMatchObject({
      index: [617],
      ratio: inf,
    });
    expect(compare('o', tensor(many, [1000]), tensor(broken, [1000]), bounds)).toMatchObject({
      index: [617],
      ratio: inf,
    });
  });

  it('finds one bound that is NaN, even where the numbers are equal', () => {
    expect(compare('o', row(1, 1, 1), row(1, 1, 1), Float64Array.of(1, nan, 1))).toMatchObject({
      index: [1],
      bound: nan,
      ratio: inf,
    });
  });

  it('an element without a bound never passes', () => {
    expect(compare('o', row(1, 1), row(1, 1), Float64Array.of(1)).ratio).toBe(inf);
  });

  it('takes zeros of either sign, equal infinities and NaN for NaN as equal', () => {
    expect(compare('o', row(0, -0, inf, negative, nan), row(-0, 0, inf, negative, nan), 0).ratio).toBe(0);
  });

  it('holds for nothing to compare', () => {
    expect(verdict([compare('o', row(), row(), 0)])).toMatchObject({ holds: true, worst: { ratio: 0, index: [] } });
    const empty = tensor(new Float64Array(0), [1, 0, 2, 3]);
    expect(compare('o', empty, empty, new Float64Array(0)).ratio).toBe(0);
    expect(verdict([])).toEqual({ holds: true, worst: null });
  });
});

describe('compareBits', () => {
  it('tells zeros of different sign apart', () => {
    expect(compareBits('o', row(1, -0), row(1, 0))).toMatchObject({ index: [1], ratio: inf });
    expect(compareBits('o', row(0), row(-0))).toMatchObject({ index: [0], ratio: inf });
    expect(compareBits('o', row(0, -0), row(0, -0)).ratio).toBe(0);
  });
  it('takes NaN for NaN', () => {
    expect(compareBits('o', row(nan, inf), row(nan, inf)).ratio).toBe(0);
  });
  it.each([
    ['NaN for a number', nan, 1],
    ['a number for NaN', 1, nan],
    ['an infinity for a number', inf, max],
    ['the other infinity', inf, negative],
    ['the next number', 1 + 2 ** -52, 1],
    ['a subnormal for 0', min, 0],
  ])('fails for %s', (_, actual, expected) => {
    expect(compareBits('o', row(7, actual), row(7, expected))).toMatchObject({ index: [1], ratio: inf });
  });
  it('fails for another shape, and holds for nothing', () => {
    expect(compareBits('o', row(1), row(1, 1))).toMatchObject({ index: [], ratio: inf });
    expect(compareBits('o', row(), row()).ratio).toBe(0);
  });
});

describe('compareExact', () => {
  it('allows what underflow may cost, and no more', () => {
    expect(verdict([compareExact('o', row(2e-320), row(1e-320), 1e-319)]).holds).toBe(true);
    expect(verdict([compareExact('o', row(1 + 2 ** -52), row(1), 1e-319)]).holds).toBe(false);
  });
  it('no NaN, neither as an answer nor as what may be lost', () => {
    expect(verdict([compareExact('o', row(nan), row(1), 1e300)]).holds).toBe(false);
    expect(verdict([compareExact('o', row(1), row(1), nan)]).holds).toBe(false);
  });
});

describe('compareParts', () => {
  const one = (actual: number, hi: number, lo: number, bound: number) =>
    compareParts('o', row(actual), { hi: Float64Array.of(hi), lo: Float64Array.of(lo) }, [1], Float64Array.of(bound));

  it.each([
    ['the truth rounded: half a unit of difference is seen', 1, 1, 2 ** -54, 2 ** -54, 1],
    ['and is not allowed for nothing', 1, 1, 2 ** -54, 0, inf],
    ['the second part is taken off', 1 + 2 ** -52, 1, 2 ** -53, 2 ** -53, 1],
    ['NaN for a number', nan, 1, 0, max, inf],
    ['infinity for a number', inf, 1, 0, max, inf],
    ['a number for infinity, whose second part is NaN', 1, inf, nan, max, inf],
    ['the same infinity, whose second part is NaN', negative, negative, nan, 1, 0],
    ['the other infinity', negative, inf, nan, max, inf],
    ['a number where the truth is NaN', 1, nan, nan, max, inf],
    ['NaN where the truth is NaN', nan, nan, nan, 0, 0],
    ['NaN where the truth is NaN, and a bound promises a number', nan, nan, nan, 1, inf],
    ['a second part that is NaN beside a number', 1, 1, nan, max, inf],
    ['zero of the other sign', -0, 0, 0, 0, 0],
    ['a bound that is NaN', 1, 1, 0, nan, inf],
    ['a negative bound', 1, 2, 0, -1, inf],
    ['an infinite bound', nan, 1, 0, inf, 0],
    ['a difference that overflows', max, -max, 0, max, inf],
    ['a subnormal difference', 3 * min, min, 0, 2 * min, 1],
  ])('%s', (_, actual, hi, lo, bound, ratio) => {
    expect(one(actual, hi, lo, bound).ratio).toBe(ratio);
  });

  it('names the element with both numbers, not their difference', () => {
    const truth = { hi: Float64Array.of(1, 2, 3, 4), lo: new Float64Array(4) };
    const actual = tensor(Float64Array.of(1, 2, 3.5, 4), [2, 2]);
    expect(compareParts('o', actual, truth, [2, 2], new Float64Array(4).fill(1))).toEqual({
      name: 'o',
      index: [1, 0],
      actual: 3.5,
      expected: 3,
      bound: 1,
      ratio: 0.5,
    });
  });

  it('never holds for another shape of the same size; holds for nothing', () => {
    const truth = { hi: Float64Array.of(1, 1), lo: new Float64Array(2) };
    const worst = compareParts('o', row(1, 1), truth, [2, 1], new Float64Array(2).fill(inf));
    expect(worst).toMatchObject({ index: [], actual: nan, expected: nan, ratio: inf });
    const nothing = { hi: new Float64Array(0), lo: new Float64Array(0) };
    expect(compareParts('o', row(), nothing, [0], new Float64Array(0)).ratio).toBe(0);
  });
});

describe('laws against the truth', () => {
  const [masked] = builtIn;
  const c = withCotangents(goodCase('log-linear-gated-deltanet'));
  const answering = (change: (answer: ReturnType<Implementation['run']>) => ReturnType<Implementation['run']>) => ({
    ...masked,
    run: (given: typeof c) => change(masked.run(given)),
  });
  const holds = async (change: (value: Tensor) => Tensor): Promise<boolean[]> => {
    const subject = answering(async (answer) => {
      const { o, finalState, gradients, position } = await answer;
      const changed = { ...gradients };
      for (const name of ['q', 'lambda'] as const) changed[name] = change(gradients?.[name] as Tensor) as typeof o;
      return { o: change(o) as typeof o, finalState, position, gradients: changed };
    });
    const verdicts = await Promise.all([
      certifiedForward.check(subject, { c }),
      certifiedBackward.check(subject, { c }),
    ]);
    return verdicts.map((each) => each.holds);
  };
  const withFirst = (first: number) => (value: Tensor) => {
    const data = toDense(value);
    data[0] = first;
    return tensor(data, [...value.shape]);
  };

  it('hold for the answer itself', async () => {
    expect(await holds((value) => value)).toEqual([true, true]);
  });
  it.each([nan, inf, negative])('fail for one %s', async (first) => {
    expect(await holds(withFirst(first))).toEqual([false, false]);
  });
  it('fail for the same numbers in another shape', async () => {
    expect(await holds((value) => tensor(toDense(value), [...value.shape].reverse()))).toEqual([false, false]);
  });
  it('fail for gradients that are left out, one or all', async () => {
    for (const gradients of [undefined, {}]) {
      const silent = answering(async (answer) => ({ ...(await answer), gradients }));
      const { holds: backward, worst } = await certifiedBackward.check(silent, { c });
      expect([backward, worst?.name]).toEqual([false, 'gradients.q: missing, or of another shape']);
    }
  });
  it('fail for a final state that is left out by who keeps states', async () => {
    const stateless = answering(async (answer) => ({ ...(await answer), finalState: undefined }));
    expect((await certifiedForward.check(stateless, { c })).holds).toBe(false);
    const unable = { ...stateless, abilities: { ...masked.abilities, state: false } };
    expect((await certifiedForward.check(unable, { c })).holds).toBe(true);
  });
});

it('a verdict holds only where every comparison does, and keeps the worst', () => {
  const good = compare('a', row(1), row(1), 0);
  const bad = compare('b', row(nan), row(1), 0);
  expect(verdict([good, bad, good])).toMatchObject({ holds: false, worst: { name: 'b' } });
  expect(verdict([good], 'a note')).toEqual({ holds: true, worst: good, note: 'a note' });
  expect(verdict([good])).toStrictEqual({ holds: true, worst: good });
  const limit = compare('c', row(2), row(1), Float64Array.of(1));
  expect(verdict([limit, { ...limit, name: 'd' }])).toEqual({ holds: true, worst: limit });
});
