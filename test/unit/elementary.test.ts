/** exp, expm1 and log against double-double, which has twice their bits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DoubleDouble, doubleDouble, LN2 } from '../../reference/double-double.ts';
import { exp, expm1, log } from '../../reference/elementary.ts';

const bits = new DataView(new ArrayBuffer(8));
/** The unit in the last place of a number of that size. */
function ulp(value: number): number {
  bits.setFloat64(0, Math.abs(value));
  const exponent = ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023;
  return 2 ** (Math.max(exponent, -1022) - 52);
}
const unitsOff = (value: number, exact: DoubleDouble): number => Math.abs(value - exact.hi - exact.lo) / ulp(exact.hi);

const within = (most: number) => fc.double({ min: -most, max: most, noNaN: true });
const runs = { numRuns: 3000 };

describe('exp', () => {
  it('is within 0.6 units of the exact value wherever that is a normal number', () => {
    const anywhere = fc.oneof(within(708), within(30), within(1), within(2 ** -20));
    fc.assert(
      fc.property(anywhere, (x) => unitsOff(exp(x), doubleDouble.exp(doubleDouble.of(x))) <= 0.6),
      runs,
    );
  });

  it('is within one unit where it is subnormal', () => {
    fc.assert(
      fc.property(fc.double({ min: -745.1, max: -708, noNaN: true }), (x) => {
        // 2^100 exp(x) = exp(x + 100 ln 2), which is normal
        const shift = doubleDouble.mul(LN2, doubleDouble.of(100));
        const exact = doubleDouble.exp(doubleDouble.add(doubleDouble.of(x), shift));
        return Math.abs(exp(x) * 2 ** 100 - exact.hi) <= 2 ** (100 - 1074);
      }),
      runs,
    );
  });

  it('keeps what has one answer', () => {
    expect([exp(0), exp(-0), exp(-Infinity), exp(Infinity), exp(NaN), exp(710), exp(-746)]).toEqual([
      1,
      1,
      0,
      Infinity,
      NaN,
      Infinity,
      0,
    ]);
    expect(Number.isFinite(exp(709.782712893384))).toBe(true);
    expect(exp(709.7827128933841)).toBe(Infinity);
    expect(exp(-745.1332191019411)).toBe(5e-324);
  });
});

describe('expm1', () => {
  it('is within two units, however small its argument', () => {
    const anywhere = fc.oneof(within(700), within(1), within(0.31), within(2 ** -20));
    fc.assert(
      fc.property(anywhere, (x) => {
        fc.pre(Math.abs(x) > 2 ** -40);
        const exact = doubleDouble.sub(doubleDouble.exp(doubleDouble.of(x)), doubleDouble.of(1));
        return unitsOff(expm1(x), exact) <= 2;
      }),
      runs,
    );
    expect([0, -0, 5e-324, -Infinity, Infinity, NaN].map(expm1)).toEqual([0, -0, 5e-324, -1, Infinity, NaN]);
  });
});

describe('log', () => {
  it('is within two units', () => {
    fc.assert(
      fc.property(fc.oneof(within(700), within(1), within(2 ** -10)), (y) => {
        const x = doubleDouble.exp(doubleDouble.of(y)).hi;
        const result = log(x);
        fc.pre(Math.abs(result) > 2 ** -30);
        // log x - result = log(x exp(-result)), which is x exp(-result) - 1 as far as anybody sees
        const left = doubleDouble.sub(
          doubleDouble.mul(doubleDouble.of(x), doubleDouble.exp(doubleDouble.of(-result))),
          doubleDouble.of(1),
        );
        return Math.abs(left.hi) / ulp(result) <= 2;
      }),
      runs,
    );
  });

  it('keeps what has one answer', () => {
    expect([1, 0, -0, -1, Infinity, NaN].map(log)).toEqual([0, -Infinity, -Infinity, NaN, Infinity, NaN]);
    expect(log(5e-324)).toBeCloseTo(-1074 * Math.LN2, 10);
    expect(log(2 ** -1022)).toBeCloseTo(-1022 * Math.LN2, 10);
  });
});
