import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../../properties/arbitraries/cases.ts';
import { certify, defineAnswer } from '../../properties/definition-case.ts';
import { builtIn } from '../../properties/implementations.ts';
import { boundsOf, underflowOf } from '../../properties/tolerance.ts';
import { type Parts, truthOf } from '../../properties/truth.ts';
import type { DoubleDouble } from '../../reference/double-double.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

/**
 * Bounds of float64 hold for any order of the same operations with u = 2^-53. Double-double has 2^-106 in place of u, and loses at most
 * 20 of that in an operation (products, Joldes et al. 2017), 2^11 in exp (95 bits, double-double.test.ts), n^2 in a dot product of
 * n <= 70 terms: less than 2^13 u^2 = 2^-40 u. What underflows is no smaller than in float64.
 */
const DOUBLE_DOUBLE = 2 ** -40;

function expectClose(name: string, actual: Parts, expected: DoubleDouble[], bounds: Float64Array, floor: number) {
  expect(actual.hi.length, name).toBe(expected.length);
  const far = expected.findIndex(({ hi, lo }, i) => {
    const apart = Math.abs(actual.hi[i] - hi + (actual.lo[i] - lo));
    return !(apart <= DOUBLE_DOUBLE * bounds[i] + floor);
  });
  expect(far, name).toBe(-1);
}

describe.each(systems.map((system) => [system.name, system] as const))('truth of %s', (_, system) => {
  it('by panels of matrices is that by the definition, one number at a time', () => {
    const wish = {
      state: 'sometimes',
      packed: 'sometimes',
      structures: true,
      gradients: true,
      maxT: 20,
      work: 2e3,
    } as const;
    fc.assert(
      fc.property(cases(system, builtIn[0].abilities, wish), (c) => {
        const [actual, expected, bounds, floor] = [truthOf(c), certify(c), boundsOf(c), underflowOf(c)];
        expectClose('o', actual.o, expected.o, bounds.o, floor);
        expectClose('finalState', actual.finalState, expected.finalState, bounds.finalState, floor);
        expect(Object.keys(actual.gradients).sort()).toEqual(Object.keys(expected.gradients).sort());
        for (const [name, wanted] of Object.entries(expected.gradients) as [InputName, DoubleDouble[]][]) {
          expectClose(name, actual.gradients[name] as Parts, wanted, bounds.gradients[name] as Float64Array, floor);
        }
      }),
      { numRuns: 10, seed: 21 },
    );
  });
});

it.each(['linear', 'log-linear-kimi-delta', 'softmax'])(
  'truth of %s in several blocks of rows and of channels',
  (name) => {
    const sizes = { T: 17, H: 1, K: 17, V: 2, L: 6, stateLevels: name.startsWith('log-linear') ? 2 : 1 };
    const c = withCotangents(goodCase(name, name === 'softmax' ? { ...sizes, stateLevels: undefined } : sizes), sizes);
    const [actual, expected, bounds, floor] = [truthOf(c), certify(c), boundsOf(c), underflowOf(c)];
    expectClose('o', actual.o, expected.o, bounds.o, floor);
    expectClose('finalState', actual.finalState, expected.finalState, bounds.finalState, floor);
    for (const [input, wanted] of Object.entries(expected.gradients) as [InputName, DoubleDouble[]][]) {
      expectClose(input, actual.gradients[input] as Parts, wanted, bounds.gradients[input] as Float64Array, floor);
    }
  },
);

it.each(['linear', 'softmax'])('of %s without cotangents there are no gradients, and the same outputs', (name) => {
  const c = goodCase(name);
  const { finalState: _, ...outputs } = withCotangents(c).cotangents as { o: Tensor; finalState?: Tensor };
  const derived = truthOf({ ...c, cotangents: outputs });
  expect(Object.keys(derived.gradients).sort()).toEqual(Object.keys(c.inputs).sort());
  const { o, finalState, gradients } = truthOf(c);
  expect([o, finalState, gradients]).toEqual([derived.o, derived.finalState, {}]);
  const numbers = certify(c);
  expect(numbers.gradients).toEqual({});
  expect(Float64Array.from(numbers.o, ({ hi }) => hi)).toEqual(o.hi);
  expect(defineAnswer(c).finalState?.size).toBe(name === 'softmax' ? undefined : 2 * 3 * 2);
});
