import { expect, it } from 'vitest';
import { type Dual, dual, float64 } from '../../reference/arithmetic.ts';

it('float64 is the arithmetic of doubles', () => {
  const { of, add, sub, mul, div, exp } = float64;
  expect([of(3), float64.valueOf(3), add(3, 4), sub(3, 4), mul(3, 4), div(3, 4), exp(0)]).toEqual([
    3, 3, 7, -1, 12, 0.75, 1,
  ]);
});

it('dual numbers carry the derivative along one direction', () => {
  const [a, b]: Dual[] = [
    { value: 3, tangent: 5 },
    { value: 4, tangent: 7 },
  ];
  expect(dual.of(3)).toEqual({ value: 3, tangent: 0 });
  expect(dual.valueOf(a)).toBe(3);
  expect(dual.add(a, b)).toEqual({ value: 7, tangent: 12 });
  expect(dual.sub(a, b)).toEqual({ value: -1, tangent: -2 });
  expect(dual.mul(a, b)).toEqual({ value: 12, tangent: 5 * 4 + 3 * 7 });
  expect(dual.div(a, b)).toEqual({ value: 0.75, tangent: (5 * 4 - 3 * 7) / 16 });
  expect(dual.exp({ value: 0, tangent: 5 })).toEqual({ value: 1, tangent: 5 });
});

it('exp of a reset is 0 with derivative 0, whatever the direction', () => {
  for (const tangent of [1, Number.POSITIVE_INFINITY]) {
    expect(dual.exp({ value: Number.NEGATIVE_INFINITY, tangent })).toEqual({ value: 0, tangent: 0 });
  }
});
