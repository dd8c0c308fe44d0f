/** Exact rationals: what floating-point answers are held against where nothing may be rounded. */
import type { Arithmetic } from '../../reference/arithmetic.ts';
import type { DoubleDouble } from '../../reference/double-double.ts';

/** In lowest terms, bottom positive; -1/0 stands for -Infinity, of which only exp may be taken. */
export interface Rational {
  top: bigint;
  bottom: bigint;
}

export const MINUS_INFINITY: Rational = { top: -1n, bottom: 0n };

export const magnitude = (n: bigint): bigint => (n < 0n ? -n : n);

function reduced(top: bigint, bottom: bigint): Rational {
  if (bottom === 1n) return { top, bottom };
  let [a, b] = [magnitude(top), magnitude(bottom)];
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = bottom < 0n ? -a : a;
  return { top: top / divisor, bottom: bottom / divisor };
}

/** A double as the fraction that it is. */
export function exactly(value: number): Rational {
  if (value === Number.NEGATIVE_INFINITY) return MINUS_INFINITY;
  if (!Number.isFinite(value)) throw new Error(`${value} is not rational`);
  let [scaled, halvings] = [value, 0n];
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    halvings++;
  }
  return { top: BigInt(scaled), bottom: 2n ** halvings };
}

export const equal = (a: Rational, b: Rational): boolean => a.top === b.top && a.bottom === b.bottom;

/** |a - b| <= 2^-bits |scale| */
export function within(a: Rational, b: Rational, scale: Rational, bits: bigint): boolean {
  const { top, bottom } = rational.sub(a, b);
  return magnitude(top) * 2n ** bits * scale.bottom <= magnitude(scale.top) * bottom;
}

const EXPONENTIALS = [0, 1, -1, 2, -2].map((n) => ({ of: exactly(n * Math.LN2), value: exactly(2 ** n) }));

export const rational: Arithmetic<Rational> = {
  of: exactly,
  valueOf: ({ top, bottom }) => Number(top) / Number(bottom),
  add: (a, b) =>
    a.bottom === b.bottom
      ? reduced(a.top + b.top, a.bottom)
      : reduced(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom),
  sub: (a, b) => reduced(a.top * b.bottom - b.top * a.bottom, a.bottom * b.bottom),
  mul: (a, b) => reduced(a.top * b.top, a.bottom * b.bottom),
  div: (a, b) => reduced(a.top * b.bottom, a.bottom * b.top),
  /**
   * Rational at 0 and -Infinity alone. The double next to n ln 2 stands for n ln 2 itself: exp of that double is no rational, but
   * for |n| <= 2 it is 2^n once it is rounded to 53 bits.
   */
  exp(a) {
    if (equal(a, MINUS_INFINITY)) return exactly(0);
    const known = EXPONENTIALS.find(({ of }) => equal(a, of));
    if (known) return known.value;
    throw new Error('exp of this number is not rational');
  },
};

export const sumOf = ({ hi, lo }: DoubleDouble): Rational => rational.add(exactly(hi), exactly(lo));
export const absolute = (a: Rational): Rational => ({ ...a, top: magnitude(a.top) });
