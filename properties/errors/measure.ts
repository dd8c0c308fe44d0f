/**
 * Two ways to add up errors. The model is a sum of products of sizes, so that the same code does both:
 *   - certain: sizes are absolute values, and errors meet with one sign. No correct implementation exceeds that.
 *   - likely: sizes are squares, and the squares of errors add, as those of independent errors do. It holds for inputs in which
 *     nothing is repeated and nothing lines up (properties/likely.ts).
 */
import type { Precision } from '../precision.ts';

export interface Measure {
  of(value: number): number;
  /** Back to what `of` was taken of, or a bound of it. */
  to(measured: number): number;
  /** `count` roundings of one unit each, in different factors. */
  roundings(count: number, unit: number): number;
  /** What an inner product of two vectors of K channels has of the product of their norms. */
  across(K: number): number;
}

export const certain: Measure = {
  of: Math.abs,
  to: (measured) => measured,
  roundings: (count, unit) => count * unit,
  across: () => 1,
};

/**
 * Vectors that point anywhere meet at an angle of cosine 1 / sqrt(K), twice that to be safe. Where factors are cut off instead of
 * rounded their errors have a mean, and add up.
 */
export const likely = (p: Precision): Measure => ({
  of: (value) => value * value,
  to: Math.sqrt,
  roundings: (count, unit) => (p.product.cuts ? (count * unit) ** 2 : count * unit * unit),
  across: (K) => Math.min(1, 4 / K),
});
