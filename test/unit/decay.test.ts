import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentDecay, segmentDecayUnstable } from '../../reference/decay.ts';
import { exp } from '../../reference/elementary.ts';

/** Log decays that are multiples of 1/8: every segment sum is exact, and so D has one right answer. */
const exactDecays = fc.array(
  fc.integer({ min: -64, max: 8 }).map((n) => n / 8),
  { minLength: 2, maxLength: 40 },
);
const entries = (T: number): [number, number][] =>
  Array.from({ length: T }, (_, t) => Array.from({ length: t + 1 }, (_, s): [number, number] => [t, s])).flat();
const sumOf = (g: readonly number[], t: number, s: number): number =>
  g.slice(s + 1, t + 1).reduce((sum, each) => sum + each, 0);

describe('the segment sum', () => {
  it('is the decay over the segment', () => {
    fc.assert(
      fc.property(exactDecays, (g) => {
        const D = segmentDecay(Float64Array.from(g));
        for (const [t, s] of entries(g.length)) expect(D[t * g.length + s]).toBe(exp(sumOf(g, t, s)));
      }),
    );
  });

  it('is 0 across a reset, and never NaN', () => {
    fc.assert(
      fc.property(exactDecays, fc.nat(), (g, at) => {
        const reset = at % g.length;
        const D = segmentDecay(Float64Array.from(g, (each, t) => (t === reset ? Number.NEGATIVE_INFINITY : each)));
        for (const [t, s] of entries(g.length)) {
          const crosses = s < reset && reset <= t;
          expect(D[t * g.length + s]).toBe(crosses ? 0 : exp(sumOf(g, t, s)));
        }
      }),
    );
  });
});

describe('differences of prefix sums, the unstable form', () => {
  it('agree while every prefix sum is exact', () => {
    fc.assert(
      fc.property(exactDecays, (g) => {
        expect(segmentDecayUnstable(Float64Array.from(g))).toEqual(segmentDecay(Float64Array.from(g)));
      }),
    );
  });

  it('give NaN for every entry between two positions at or after a reset', () => {
    fc.assert(
      fc.property(exactDecays, fc.nat(), (g, at) => {
        const reset = at % g.length;
        const D = segmentDecayUnstable(
          Float64Array.from(g, (each, t) => (t === reset ? Number.NEGATIVE_INFINITY : each)),
        );
        for (const [t, s] of entries(g.length)) {
          expect(Number.isNaN(D[t * g.length + s])).toBe(s >= reset);
        }
      }),
    );
  });

  it('lose the digits that the prefix has grown by: a shift of the past changes a segment that it does not reach', () => {
    // one strong decay long ago, then ordinary ones: exact value of the last segment is exp(-0.1)
    const lossAfter = (past: number): number => {
      const g = Float64Array.of(0, -past, -0.1);
      return Math.abs(segmentDecayUnstable(g)[2 * 3 + 1] - Math.exp(-0.1));
    };
    const losses = [2 ** 10, 2 ** 20, 2 ** 30, 2 ** 40].map(lossAfter);
    for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeGreaterThan(16 * losses[i - 1]);
    expect(segmentDecay(Float64Array.of(0, -(2 ** 40), -0.1))[2 * 3 + 1]).toBe(Math.exp(-0.1));
  });
});
