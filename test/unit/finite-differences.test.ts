/** Extrapolated differences of powers, where every step is a power of two: exact. */
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../properties/finite-differences.ts';

const power = (n: number) => async (h: number) => h ** n;

describe('differentiate', () => {
  it('a line is its slope already', async () => {
    expect(await differentiate(async (h) => 5 + 3 * h, 0, 1)).toEqual({ value: 3, error: 0, step: 1, order: 4 });
  });
  it('the cube is gone with the first column; the second one shows it', async () => {
    expect(await differentiate(power(3), 0, 1)).toEqual({ value: 0, error: 0, step: 1, order: 6 });
  });
  it('the fifth power with the second', async () => {
    expect(await differentiate(power(5), 0, 2)).toEqual({ value: 0, error: 0, step: 2, order: 8 });
  });
  it('rounding counts twice, and more the smaller the step: a smaller step is worse', async () => {
    // at 1/2: two estimates that are 1 apart, and 2 * 1 / (1/2)
    expect(await differentiate(power(3), 1, 1)).toEqual({ value: 0, error: 5, step: 1, order: 4 });
    // at 1/4 1/4 apart and 8 / 64, against 1 and 4 / 64, and 8 / 64 alone
    expect(await differentiate(power(3), 1 / 64, 1)).toEqual({ value: 0, error: 1 / 8, step: 1, order: 6 });
  });
  it('five steps there and back, each half of the one before', async () => {
    const steps: number[] = [];
    await differentiate(
      async (h) => {
        steps.push(h);
        return h;
      },
      0,
      16,
    );
    expect(steps).toEqual([16, -16, 8, -8, 4, -4, 2, -2, 1, -1]);
  });
  it('no number has no derivative', async () => {
    const none = await differentiate(async () => Number.NaN, 0, 0.5);
    expect(none).toEqual({ value: Number.NaN, error: Number.POSITIVE_INFINITY, step: 0.5, order: 2 });
  });
});
