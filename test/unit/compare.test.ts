import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare, compareBits, compareExact, ratioOf, verdict } from '../../properties/compare.ts';
import { tensor } from '../../reference/tensor.ts';

const row = (...values: number[]) => tensor(Float64Array.from(values), [values.length]);
const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: negative } = Number;

describe('ratioOf', () => {
  it.each([
    ['equal numbers', 1, 1, 0, 0],
    ['half a bound apart', 1.5, 1, 1, 0.5],
    ['two bounds apart', 3, 1, 1, 2],
    ['apart where nothing is allowed', 1, 2, 0, inf],
    ['zeros of either sign', -0, 0, 0, 0],
    ['the same infinity', inf, inf, 1, 0],
    ['opposite infinities', inf, negative, 1, inf],
    ['infinity for a number', inf, 1, 1, inf],
    ['a number for infinity', 1, inf, 1, inf],
    ['NaN for a number', nan, 1, 1, inf],
    ['NaN for infinity', nan, inf, 1, inf],
    ['a number for NaN', 1, nan, 1, inf],
    ['NaN for NaN', nan, nan, 1, 0],
    ['a bound that is NaN', 1, 2, nan, inf],
    ['an infinite bound', 1, 2, inf, 0],
    ['NaN under an infinite bound', nan, 2, inf, inf],
  ])('%s', (_, actual, expected, bound, ratio) => {
    expect(ratioOf(actual, expected, bound)).toBe(ratio);
  });

  it('is above 1 exactly when the difference is not within the bound', () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), fc.double({ min: 0 }), (actual, expected, bound) => {
        const within =
          actual === expected ||
          (Number.isNaN(actual) && Number.isNaN(expected)) ||
          Math.abs(actual - expected) <= bound;
        expect(ratioOf(actual, expected, bound) <= 1).toBe(within);
      }),
    );
  });
});

describe('compare', () => {
  it('names the worst element by its indices', () => {
    const actual = tensor(Float64Array.of(1, 2, 3, 4, 5, 9), [2, 3]);
    const expected = tensor(Float64Array.of(1, 2, 3, 4, 6, 6), [2, 3]);
    const worst = compare('o', actual, expected, new Float64Array(6).fill(1));
    expect(worst).toEqual({ name: 'o', index: [1, 2], actual: 9, expected: 6, bound: 1, ratio: 3 });
  });

  it('reads strides, not memory', () => {
    const matrix = tensor(Float64Array.of(1, 2, 3, 4), [2, 2]);
    expect(compare('o', matrix.transpose(1, 0), tensor(Float64Array.of(1, 3, 2, 4), [2, 2]), 0).ratio).toBe(0);
  });

  it('never holds for another shape', () => {
    expect(verdict([compare('o', row(1, 2), tensor(Float64Array.of(1, 2), [2, 1]), 0)]).holds).toBe(false);
  });

  it('finds one NaN among many numbers', () => {
    const many = new Float64Array(1000);
    const broken = many.slice();
    broken[617] = nan;
    const worst = compare(
      'o',
      tensor(broken, [1000]),
      tensor(many, [1000]),
      many.map(() => 1e300),
    );
    expect(worst.index).toEqual([617]);
    expect(worst.ratio).toBe(inf);
  });

  it('holds for nothing to compare', () => {
    expect(verdict([compare('o', row(), row(), 0)])).toMatchObject({ holds: true });
  });
});

describe('compareBits', () => {
  it('tells zeros of different sign apart', () => {
    expect(compareBits('o', row(1, -0), row(1, 0))).toMatchObject({ index: [1], ratio: inf });
  });
  it('takes NaN for NaN', () => {
    expect(compareBits('o', row(nan, inf), row(nan, inf)).ratio).toBe(0);
  });
});

it('compareExact allows what underflow may cost, and no more', () => {
  expect(verdict([compareExact('o', row(2e-320), row(1e-320), 1e-319)]).holds).toBe(true);
  expect(verdict([compareExact('o', row(1 + 2 ** -52), row(1), 1e-319)]).holds).toBe(false);
});

it('a verdict holds only where every comparison does, and keeps the worst', () => {
  const good = compare('a', row(1), row(1), 0);
  const bad = compare('b', row(nan), row(1), 0);
  expect(verdict([good, bad, good])).toMatchObject({ holds: false, worst: { name: 'b' } });
  expect(verdict([good], 'a note')).toEqual({ holds: true, worst: good, note: 'a note' });
});
