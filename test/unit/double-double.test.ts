import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DoubleDouble, doubleDouble } from '../../reference/double-double.ts';
import { createTape } from '../../reference/tape.ts';
import { absolute, exactly, type Rational, rational, sumOf, within } from './rational.ts';

/** Doubles with all bits set at random, of middling size. */
const doubles = fc
  .tuple(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.nat(2 ** 22), fc.integer({ min: -60, max: 60 }))
  .map(([high, low, exponent]) => (high + low / 2 ** 22) * 2 ** exponent);
const pairs: fc.Arbitrary<DoubleDouble> = fc
  .tuple(doubles, fc.integer({ min: -(2 ** 52), max: 2 ** 52 }))
  .map(([hi, part]) => doubleDouble.add({ hi, lo: 0 }, { hi: hi * 2 ** -54 * (part / 2 ** 52), lo: 0 }));

describe('double-double against exact rationals', () => {
  it('is exact for sums and products of doubles', () => {
    fc.assert(
      fc.property(doubles, doubles, (a, b) => {
        const [x, y] = [doubleDouble.of(a), doubleDouble.of(b)];
        const sum = rational.sub(sumOf(doubleDouble.add(x, y)), rational.add(exactly(a), exactly(b)));
        const product = rational.sub(sumOf(doubleDouble.mul(x, y)), rational.mul(exactly(a), exactly(b)));
        // a sum of doubles of very different size needs more than two doubles only if it needs more than 106 bits
        expect(Math.abs(Math.log2(Math.abs(a || 1)) - Math.log2(Math.abs(b || 1))) > 50 || sum.top === 0n).toBe(true);
        expect(product.top).toBe(0n);
      }),
    );
  });

  // Joldes, Muller, Popescu 2017: 3 u^2 for the sum, 5 u^2 for this product, 10 u^2 is generous for the long division; u = 2^-53
  it('keeps 103 bits in sums, products and quotients', () => {
    fc.assert(
      fc.property(pairs, pairs, (x, y) => {
        const [a, b] = [sumOf(x), sumOf(y)];
        const size = rational.add(absolute(a), absolute(b));
        expect(within(sumOf(doubleDouble.add(x, y)), rational.add(a, b), size, 103n)).toBe(true);
        expect(within(sumOf(doubleDouble.sub(x, y)), rational.sub(a, b), size, 103n)).toBe(true);
        const product = rational.mul(a, b);
        expect(within(sumOf(doubleDouble.mul(x, y)), product, product, 103n)).toBe(true);
        if (b.top === 0n) return;
        const quotient = rational.div(a, b);
        expect(within(sumOf(doubleDouble.div(x, y)), quotient, quotient, 102n)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  /** exp of a rational, by its series over numbers of 400 bits; |x| < 16. */
  function expExactly(x: Rational): Rational {
    const one = 2n ** 400n;
    // exp(x) = exp(x / 16)^16
    const small = (x.top * one) / (x.bottom * 16n);
    let [term, sum] = [one, one];
    for (let n = 1n; n < 120n; n++) {
      term = (term * small) / (one * n);
      sum += term;
    }
    let power = sum;
    for (let i = 0; i < 4; i++) power = (power * power) / one;
    return { top: power, bottom: one };
  }

  it('keeps 95 bits in exp', () => {
    fc.assert(
      fc.property(fc.double({ min: -12, max: 12, noNaN: true }), (x) => {
        const truth = expExactly(exactly(Math.abs(x) < 2 ** -40 ? 0 : x));
        const argument = Math.abs(x) < 2 ** -40 ? 0 : x;
        expect(within(sumOf(doubleDouble.exp({ hi: argument, lo: 0 })), truth, truth, 95n)).toBe(true);
      }),
    );
  });

  it('agrees with Math.exp over the whole range, and at its ends', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
        const { hi, lo } = doubleDouble.exp({ hi: x, lo: 0 });
        expect(Math.abs(hi + lo - Math.exp(x))).toBeLessThanOrEqual(2 ** -52 * Math.exp(x));
      }),
    );
    const exp = (x: number): number => doubleDouble.exp({ hi: x, lo: 0 }).hi;
    expect([exp(Number.NEGATIVE_INFINITY), exp(-800), exp(0), exp(800), exp(Number.NaN)]).toEqual([
      0,
      0,
      1,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });
});

it('a tape differentiates sums, products, quotients and exp', () => {
  fc.assert(
    fc.property(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: 1, max: 2, noNaN: true }), (x, y) => {
      const { arithmetic: a, input, gradients } = createTape(doubleDouble);
      const [X, Y] = [input({ hi: x, lo: 0 }), input({ hi: y, lo: 0 })];
      // f = x y + exp(x) / y - y
      const f = a.sub(a.add(a.mul(X, Y), a.div(a.exp(X), Y)), Y);
      const d = gradients([{ output: f, weight: { hi: 1, lo: 0 } }]);
      const size = 8 * Math.exp(2);
      expect(Math.abs(d[X.id].hi - (y + Math.exp(x) / y))).toBeLessThanOrEqual(size * 2 ** -53);
      expect(Math.abs(d[Y.id].hi - (x - Math.exp(x) / y ** 2 - 1))).toBeLessThanOrEqual(size * 2 ** -53);
    }),
  );
});
