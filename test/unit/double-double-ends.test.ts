/** Double-double where doubles end: no error term of an overflow is NaN, and what needs no second double has none. */
import { describe, expect, it } from 'vitest';
import { type DoubleDouble, doubleDouble } from '../../reference/double-double.ts';

const { of, add, sub, mul, div, exp } = doubleDouble;
const dd = (hi: number, lo = 0): DoubleDouble => ({ hi, lo });

it('is what it was made of', () => {
  expect(of(0.1)).toEqual(dd(0.1));
  expect(doubleDouble.valueOf(dd(1, 2 ** -30))).toBe(1 + 2 ** -30);
});

it('a sum keeps what is left of the second doubles when the first ones cancel', () => {
  expect(add(dd(1, 2 ** -54), dd(-1, 2 ** -108))).toEqual(dd(2 ** -54, 2 ** -108));
});

describe('beyond the largest double', () => {
  const most = of(Number.MAX_VALUE);
  const endless = of(Number.POSITIVE_INFINITY);
  it('sums and products are infinite, and stay so', () => {
    expect(add(most, most)).toEqual(endless);
    expect(sub(of(-Number.MAX_VALUE), most)).toEqual(of(Number.NEGATIVE_INFINITY));
    expect(mul(most, of(2))).toEqual(endless);
    expect(add(endless, of(1))).toEqual(endless);
    expect(mul(endless, of(-1))).toEqual(of(Number.NEGATIVE_INFINITY));
  });

  it('quotients are infinite, or nothing', () => {
    expect(div(of(1), of(0))).toEqual(endless);
    expect(div(of(1), endless)).toEqual(of(0));
    expect(div(of(0), of(3))).toEqual(of(0));
    expect(div(of(0), of(0)).hi).toBeNaN();
  });

  it('a product with a factor that splitting would overflow keeps its first double', () => {
    const factor = 1 + 2 ** -52;
    for (const [a, b] of [
      [2 ** 1000 * factor, 2 ** -10 * factor],
      [-(2 ** 1000) * factor, 2 ** -10 * factor],
    ]) {
      expect(mul(of(a), of(b))).toEqual(dd(a * b));
      expect(mul(of(b), of(a))).toEqual(dd(a * b));
    }
  });

  it('a product of factors up to 2^996 keeps both', () => {
    const factor = 1 + 2 ** -52;
    // (1 + e)^2 = 1 + 2 e + e^2
    for (const sign of [1, -1]) {
      const scale = sign * 2 ** 995;
      expect(mul(of(scale * factor), of(factor))).toEqual(dd(scale * (1 + 2 ** -51), scale * 2 ** -104));
      expect(mul(of(factor), of(scale * factor))).toEqual(dd(scale * (1 + 2 ** -51), scale * 2 ** -104));
    }
    expect(mul(of(2 ** 996), of(factor))).toEqual(of(2 ** 996 * factor));
  });
});

describe('exp', () => {
  it('is 0, infinite or NaN where it has to be', () => {
    expect(exp(of(Number.NEGATIVE_INFINITY))).toEqual(of(0));
    expect(exp(of(-747))).toEqual(of(0));
    expect(exp(of(711))).toEqual(of(Number.POSITIVE_INFINITY));
    expect(exp(of(Number.POSITIVE_INFINITY))).toEqual(of(Number.POSITIVE_INFINITY));
    expect(exp(of(Number.NaN))).toEqual(of(Number.NaN));
    expect(exp(of(0))).toEqual(of(1));
  });

  it('reaches the largest and the smallest double', () => {
    for (const x of [709.7, -708, -740]) expect(doubleDouble.valueOf(exp(of(x)))).toBe(Math.exp(x));
  });

  it('reads the second double: exp(x + d) = exp(x) (1 + d) for a small d', () => {
    const [without, d] = [exp(of(1)), 2 ** -60];
    // the difference is good to many more bits than the 24 that are compared
    expect(Math.fround(sub(exp(dd(1, d)), without).hi)).toBe(Math.fround(d * Math.E));
  });
});
