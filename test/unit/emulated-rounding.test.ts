/** The fast roundings of the emulated kernels against roundTo, and their sums and products against their definitions. */
import { describe, expect, it } from 'vitest';
import { noise } from '../../properties/arbitraries/noise.ts';
import {
  bfloat16,
  type Format,
  findPrecision,
  float16,
  float32,
  float64,
  type Precision,
  precisions,
  roundTo,
  smallestNormal,
  tf32,
} from '../../properties/precision.ts';
import { ones, type RoundedMatrix, roundedMatrices } from '../emulated/arithmetic.ts';
import { rounder } from '../emulated/rounding.ts';
import { type Machine, variants } from '../emulated/variant.ts';

const bits = new DataView(new ArrayBuffer(4));
/** Any float32 number: subnormals, infinities and NaN too. */
function anyFloat32(i: number): number {
  bits.setUint32(0, noise(i, 'bits', []));
  return bits.getFloat32(0);
}
const special = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  2 ** -149,
  2 ** -126,
  2 ** -14,
  2 ** -24,
  2 ** -25,
  65504,
  65519,
  65520,
];
const near = [2 ** -133, 2 ** -126, 2 ** -15, 2 ** -14, 1, 65504, 2 ** 127].flatMap((x) =>
  [1, 1 + 2 ** -11, 1 + 2 ** -8, 1 + 2 ** -12 + 2 ** -20, 1 + 3 * 2 ** -11, 1 + 3 * 2 ** -9].map((y) =>
    Math.fround(x * y),
  ),
);
const numbers = [
  ...special,
  ...near,
  ...near.map((x) => -x),
  ...Array.from({ length: 20000 }, (_, i) => anyFloat32(i)),
];

describe('rounding', () => {
  it.each([float32, tf32, bfloat16, float16].map((f) => [f.name, f] as const))('%s is roundTo', (_, f) => {
    const round = rounder(f);
    const differ = numbers.filter((x) => !Object.is(round(x), roundTo(f, x)));
    expect(differ).toEqual([]);
  });

  it('float64 rounds nothing, float32 rounds float64', () => {
    expect(rounder(float64)(Math.PI)).toBe(Math.PI);
    expect(rounder(float32)(Math.PI)).toBe(Math.fround(Math.PI));
  });

  it.each([float32, tf32].map((f) => [f.name, f] as const))(
    '%s cut off is the neighbour on the way to zero',
    (_, f) => {
      const cut = rounder(f, { cut: true });
      for (const x of numbers.map((each) => (f === float32 ? each * (1 + 2 ** -30) : each)).filter(Number.isFinite)) {
        const y = cut(x);
        const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), f.minExponent) + 1 - f.bits);
        if (!(Math.abs(y) <= Math.abs(x) && Math.abs(x - y) < unit * (1 + 2 ** -20) && roundTo(f, y) === y)) {
          // beyond the largest number there is nothing to cut to
          expect(Math.abs(x), String(x)).toBeGreaterThan(2 ** 127);
        }
      }
    },
  );

  it('flushes subnormals where the format may', () => {
    const flushed = (f: Format, x: number): number => rounder(f, { flush: true })(x);
    for (const f of [float32, tf32, bfloat16]) {
      expect(flushed(f, smallestNormal(f) / 2)).toBe(0);
      expect(flushed(f, -smallestNormal(f) / 2)).toBe(-0);
      expect(flushed(f, smallestNormal(f))).toBe(smallestNormal(f));
      expect(flushed(f, -Infinity)).toBe(-Infinity);
    }
    expect(flushed(float16, 2 ** -20)).toBe(2 ** -20);
    expect(flushed(float64, 2 ** -1070)).toBe(2 ** -1070);
  });
});

const machine = (choices: Partial<Machine> = {}): Machine => ({ ...variants[0], ...choices });
const named = (name: string): Precision => findPrecision(name) as Precision;
const row = (precision: Precision, data: number[], how: Partial<Machine> = {}) => {
  const a = roundedMatrices(precision, machine(how));
  return { a, x: a.of(data, 1, data.length) };
};

describe('matrices', () => {
  it('sums in the order that the machine has', () => {
    // 1 absorbs each 2^-24 alone, but not two of them at once
    const data = [1, ...new Array<number>(31).fill(2 ** -24)];
    const sum = (order: Machine['order']): number => {
      const { a, x } = row(named('float32'), data, { order });
      return a.product(x, ones(data.length, 1).value).data[0];
    };
    expect(sum('forward')).toBe(1);
    expect(sum('backward')).toBe(Math.fround(1 + 31 * 2 ** -24));
    expect(sum('blocked')).toBe(1 + 16 * 2 ** -24);
    expect(sum('pairwise')).toBeGreaterThan(1 + 28 * 2 ** -24);
  });

  it('adds a fused product with one rounding', () => {
    const x = 1 + 2 ** -12;
    const square = (fma: boolean): number => {
      const { a } = row(named('float32'), [], { fma });
      return a.product(a.of([1, x], 1, 2), a.of([-1, x], 2, 1)).data[0];
    };
    expect(square(true)).toBe(2 ** -11 + 2 ** -24);
    expect(square(false)).toBe(2 ** -11);
  });

  it('rounds the factors of tensor cores, not their products', () => {
    const { a, x } = row(named('bfloat16'), [1 + 2 ** -9, 1 + 2 ** -7]);
    expect(a.product(x, x, 'second').data[0]).toBe(1 + (1 + 2 ** -7) ** 2);
    expect(a.product(x, ones(2, 1).value).data[0]).toBe(2 + 2 ** -9 + 2 ** -7);
    const marked = a.mul(ones(1, 2).value, x);
    expect(a.product(marked, marked, 'second').data[0]).toBe(Math.fround((1 + 2 ** -9) ** 2 + (1 + 2 ** -7) ** 2));
  });

  it('cuts factors and sums off where told', () => {
    const x = 1 + 2 ** -10 - 2 ** -20;
    const product = (how: Partial<Machine>): number => {
      const { a } = row(named('tf32'), [], how);
      return a.product(a.of([x], 1, 1), a.of([1], 1, 1)).data[0];
    };
    expect(product({})).toBe(1 + 2 ** -10);
    expect(product({ cutFactors: true })).toBe(1);
    const sum = (how: Partial<Machine>): number => {
      const { a } = row(named('bfloat16'), [], how);
      return a.product(a.of([1, 1.5 * 2 ** -24], 1, 2), a.of([1, 1], 2, 1)).data[0];
    };
    expect(sum({})).toBe(1 + 2 ** -23);
    expect(sum({ cutSums: true })).toBe(1);
  });

  it('multiplies transposed factors, none of them changed', () => {
    const close = (m: RoundedMatrix): number[] => Array.from(m.data);
    for (const precision of precisions) {
      const a = roundedMatrices(precision, machine());
      const x = a.of([1, 2, 3, 4, 5, 6], 2, 3);
      const y = a.of([1, 0, 2, -1, 3, 1], 3, 2);
      const yT = a.of([1, 2, 3, 0, -1, 1], 2, 3);
      const xT = a.of([1, 4, 2, 5, 3, 6], 3, 2);
      expect(close(a.product(x, y))).toEqual([14, 1, 32, 1]);
      expect(close(a.product(x, yT, 'second'))).toEqual([14, 1, 32, 1]);
      expect(close(a.product(xT, y, 'first'))).toEqual([14, 1, 32, 1]);
      expect(close(a.product(a.of([], 2, 0), a.of([], 0, 1)))).toEqual([0, 0]);
    }
  });
});
