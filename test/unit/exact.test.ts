/**
 * Cases in which every step of every form is exact in float64: their answers are those of exact rationals, to the last bit. Integers
 * with decays of 1 and 0 in all forms; decays of 1/2 and 2 where one exp makes the whole decay; softmax where its weights are 1 and 1/2.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import type { Style } from '../../properties/arbitraries/values.ts';
import { answerIn } from '../../properties/definition-case.ts';
import { mapTensor } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import { type Parts, truthOf } from '../../properties/truth.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import type { InputName, LinearSystem } from '../../reference/systems/system.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { exactly, type Rational, rational, sumOf } from './rational.ts';

/** Fewer where the run says so, as that for mutants does. */
const RUNS = fc.readConfigureGlobal().numRuns ?? 20;

/** -1, 0, 1, mostly not 0; log decays are 0 or a reset. */
const small: Style = (seed, name, index) => [1, -1, 1, 0, 1][noise(seed, name, index) % 5];
const decays: Style = (seed, name, index) => (noise(seed, name, index) % 6 === 0 ? Number.NEGATIVE_INFINITY : 0);
const styles: Record<InputName, Style[]> = {
  q: [small],
  k: [small],
  v: [small],
  g: [decays],
  beta: [small],
  lambda: [small],
  initialState: [small],
};

const halving: Style = (seed, name, index) =>
  [0, -Math.LN2, Math.LN2, Number.NEGATIVE_INFINITY, -Math.LN2][noise(seed, name, index) % 5];
const zero: Style = () => 0;

const WISH = {
  maxT: 9,
  maxChannels: 3,
  gradients: true,
  state: 'sometimes',
  packed: 'sometimes',
  structures: true,
} as const;

/** The drawn case in small integers throughout: the delta rule's keys are drawn divided by their length, cotangents need not be integers. */
function inIntegers(drawn: Case, system: System): Case {
  const keys = system.recurrence?.beta ? { k: mapTensor(drawn.inputs.k as Tensor, Math.sign) } : {};
  const { o, finalState } = drawn.cotangents as { o: Tensor; finalState?: Tensor };
  const cotangents = {
    o: mapTensor(o, Math.sign),
    ...(finalState ? { finalState: mapTensor(finalState, Math.sign) } : {}),
  };
  return { ...drawn, scale: 1, cotangents, inputs: { ...drawn.inputs, ...keys } };
}

/** As text: what test runners compare fastest. */
const show = (list: readonly Rational[]): string => list.map(({ top, bottom }) => `${top}/${bottom}`).join(' ');
const tensorText = (value: Tensor): string => show(Array.from(toDense(value), exactly));
const partsText = ({ hi, lo }: Parts): string => show(Array.from(hi, (value, i) => sumOf({ hi: value, lo: lo[i] })));

function expectExact(c: Case, answer: Answer): void {
  const exact = answerIn(rational, c);
  expect(tensorText(answer.o), c.system).toBe(show(exact.o));
  if (answer.finalState) expect(tensorText(answer.finalState), c.system).toBe(show(exact.finalState));
  for (const [input, wanted] of Object.entries(exact.gradients) as [InputName, Rational[]][]) {
    expect(tensorText(answer.gradients?.[input] as Tensor), `${c.system} ${input}`).toBe(show(wanted));
  }
}

const forms = builtIn.map((form) => [form.name, form] as const);
const linear = systems.filter(({ recurrence }) => recurrence !== null);
const decaying = linear.filter(({ recurrence }) => (recurrence as LinearSystem).decay !== 'none');
const named = (list: readonly System[]) => list.map((system) => [system.name, system] as const);

describe.each(named(linear))('%s in integers', (_, system) => {
  it.each(forms)('%s is exact', (_name, { abilities, run }) => {
    fc.assert(
      fc.property(cases(system, abilities, { ...WISH, styles }), (drawn) => {
        const c = inIntegers(drawn, system);
        expectExact(c, run(c) as Answer);
      }),
      { numRuns: RUNS, seed: 11 },
    );
  });

  it('the truth is exact', () => {
    fc.assert(
      fc.property(cases(system, builtIn[0].abilities, { ...WISH, maxT: 17, styles }), (drawn) => {
        const c = inIntegers(drawn, system);
        const [exact, truth] = [answerIn(rational, c), truthOf(c)];
        expect(partsText(truth.o)).toBe(show(exact.o));
        expect(partsText(truth.finalState)).toBe(show(exact.finalState));
        for (const [input, wanted] of Object.entries(exact.gradients) as [InputName, Rational[]][]) {
          expect(partsText(truth.gradients[input] as Parts), input).toBe(show(wanted));
        }
      }),
      { numRuns: 10, seed: 12 },
    );
  });
});

// exp is never exact at the double next to n ln 2, but its 53 bits are 2^n for |n| <= 2; from |n| = 4 on they need not be
it('exp of ln 2, doubled and negated, rounds to a power of two', () => {
  for (const n of [-2, -1, 0, 1, 2]) expect(Math.exp(n * Math.LN2)).toBe(2 ** n);
});

describe.each(named(decaying))('%s with decays of 1/2 and 2', (_, system) => {
  // the recurrence takes exp of one log decay at a time; the other forms of a sum of them, here of at most two
  it.each(forms)('%s is exact', (name, { abilities, run }) => {
    const wish = { ...WISH, maxT: name === 'recurrent' ? 9 : 2, styles: { ...styles, g: [halving] } };
    fc.assert(
      fc.property(cases(system, abilities, wish), (drawn) => {
        const c = inIntegers(drawn, system);
        expectExact(c, run(c) as Answer);
      }),
      { numRuns: 10, seed: 13 },
    );
  });
});

it('softmax of equal scores is exact for two positions', () => {
  const softmax = findSystem('softmax') as System;
  const wish = { ...WISH, maxT: 2, styles: { ...styles, q: [zero] } };
  fc.assert(
    fc.property(cases(softmax, builtIn[0].abilities, wish), (drawn) => {
      const c = inIntegers(drawn, softmax);
      expectExact(c, builtIn[0].run(c) as Answer);
    }),
    { numRuns: 50, seed: 14 },
  );
});
