/** Element by element, with NaN-proof comparisons: a law holds only where `difference <= bound` is true. */
import { elements, type Tensor, tensor, toDense } from '../reference/tensor.ts';
import type { Verdict, Worst } from './law.ts';
import type { Parts } from './truth.ts';

/**
 * Distance in units of the bound: 0 when equal (infinities and zeros of either sign included), Infinity when a NaN is on one side
 * only, or on both where the bound is a number above 0. An infinite bound promises nothing, not even a number; a bound that is NaN is a fault, which nothing passes.
 */
export function ratioOf(actual: number, expected: number, bound: number): number {
  if (Number.isNaN(bound)) return Number.POSITIVE_INFINITY;
  if (actual === expected || bound === Number.POSITIVE_INFINITY) return 0;
  // where a bound promises a number, two NaN are no answer, however alike; where equality alone is asked they may be
  if (Number.isNaN(actual) && Number.isNaN(expected)) return bound > 0 ? Number.POSITIVE_INFINITY : 0;
  const difference = Math.abs(actual - expected);
  if (difference <= bound) return difference / bound;
  // here the law is broken, or a NaN is involved: never report that as below 1
  const ratio = difference / bound;
  return ratio > 1 ? ratio : Number.POSITIVE_INFINITY;
}

/** The indices of a row-major place. */
export function unravel(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}

/** The row-major place of indices. */
export const ravel = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((at, each, axis) => at * shape[axis] + each, 0);

const show = (shape: readonly number[]): string => `[${shape.join(',')}]`;

/** The worst element of one tensor. `bound`: one number for each element, or 0 where the two must be equal. */
export function compare(name: string, actual: Tensor, expected: Tensor, bound: Float64Array | 0): Worst {
  const { shape } = expected;
  if (show(actual.shape) !== show(shape)) {
    const what = `${name}: shape ${show(actual.shape)} where ${show(shape)} is wanted`;
    return {
      name: what,
      index: [],
      actual: Number.NaN,
      expected: Number.NaN,
      bound: 0,
      ratio: Number.POSITIVE_INFINITY,
    };
  }
  const a = toDense(actual);
  const e = toDense(expected);
  const worst: Worst = { name, index: [], actual: 0, expected: 0, bound: 0, ratio: -1 };
  let at = -1;
  for (let i = 0; i < e.length; i++) {
    // an element without a bound has NaN for one: it never passes
    const limit = bound === 0 ? 0 : (bound[i] ?? Number.NaN);
    const ratio = ratioOf(a[i], e[i], limit);
    if (ratio > worst.ratio) {
      at = i;
      worst.ratio = ratio;
      worst.bound = limit;
    }
  }
  if (at < 0) return { ...worst, ratio: 0 };
  return { ...worst, index: unravel(at, shape), actual: a[at], expected: e[at] };
}

/**
 * As `compare`, with the truth in two parts: to round it to float64 first would cost half a unit. Where the truth is no finite number
 * its first part alone says what is wanted.
 */
export function compareParts(
  name: string,
  actual: Tensor,
  { hi, lo }: Parts,
  shape: readonly number[],
  bound: Float64Array,
): Worst {
  const a = toDense(actual);
  const apart = a.map((value, i) => (Number.isFinite(hi[i]) ? value - hi[i] - lo[i] : value));
  const wanted = hi.map((value) => (Number.isFinite(value) ? 0 : value));
  const worst = compare(name, tensor(apart, [...actual.shape]), tensor(wanted, [...shape]), bound);
  if (worst.index.length === 0) return worst;
  const at = ravel(worst.index, shape);
  return { ...worst, actual: a[at], expected: hi[at] };
}

/** Equal, for answers that differ by exact operations alone; `underflow` is what products that became subnormal may lose. */
export function compareExact(name: string, actual: Tensor, expected: Tensor, underflow: number): Worst {
  return compare(name, actual, expected, new Float64Array(elements(expected.shape)).fill(underflow));
}

/** Bitwise: same numbers, NaN where NaN is wanted, and zeros of the same sign. */
export function compareBits(name: string, actual: Tensor, expected: Tensor): Worst {
  const worst = compare(name, actual, expected, 0);
  if (worst.ratio > 0) return worst;
  const a = toDense(actual);
  const e = toDense(expected);
  const at = e.findIndex((value, i) => !Object.is(a[i], value));
  if (at < 0) return worst;
  return {
    ...worst,
    index: unravel(at, expected.shape),
    actual: a[at],
    expected: e[at],
    ratio: Number.POSITIVE_INFINITY,
  };
}

/** Holds where every comparison does; the worst of them all is kept. */
export function verdict(comparisons: readonly Worst[], note?: string): Verdict {
  let worst: Worst | null = null;
  for (const each of comparisons) if (worst === null || each.ratio > worst.ratio) worst = each;
  const holds = comparisons.every(({ ratio }) => ratio <= 1);
  return note === undefined ? { holds, worst } : { holds, worst, note };
}
