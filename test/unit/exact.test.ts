/** Integer cases: every step of every form is exact in float64, and the answers are those of integers without end, to the last bit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import type { Style } from '../../properties/arbitraries/values.ts';
import { answerIn } from '../../properties/definition-case.ts';
import { mapTensor } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Arithmetic } from '../../reference/arithmetic.ts';
import type { Answer } from '../../reference/case.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { InputName, LinearSystem } from '../../reference/systems/system.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';

/** Stands for the log decay of a reset. */
const RESET = -(10n ** 30n);

const integers: Arithmetic<bigint> = {
  of: (value) => (value === Number.NEGATIVE_INFINITY ? RESET : BigInt(value)),
  valueOf: Number,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  exp(a) {
    if (a === 0n) return 1n;
    if (a === RESET) return 0n;
    throw new Error('exp of this integer is no integer');
  },
  div() {
    throw new Error('no division');
  },
};

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

const integersOf = (value: Tensor): bigint[] => Array.from(toDense(value), (entry) => BigInt(entry));
const linear = systems.filter(({ recurrence }) => recurrence !== null);

describe.each(linear.map((system) => [system.name, system] as const))('%s', (name, system) => {
  it.each(builtIn.map((form) => [form.name, form] as const))('%s is exact', (_, { abilities, run }) => {
    const wish = {
      maxT: 9,
      maxChannels: 3,
      gradients: true,
      state: 'sometimes',
      packed: 'sometimes',
      structures: true,
      styles,
    } as const;
    fc.assert(
      fc.property(cases(system, abilities, wish), (drawn) => {
        // the delta rule's keys are drawn divided by their length: back to the integers that they were
        const keys = (system.recurrence as LinearSystem).beta
          ? { k: mapTensor(drawn.inputs.k as Tensor, Math.sign) }
          : {};
        const { o, finalState } = drawn.cotangents as { o: Tensor; finalState?: Tensor };
        const cotangents = {
          o: mapTensor(o, Math.sign),
          ...(finalState ? { finalState: mapTensor(finalState, Math.sign) } : {}),
        };
        const c = { ...drawn, scale: 1, cotangents, inputs: { ...drawn.inputs, ...keys } };
        const exact = answerIn(integers, c);
        const answer = run(c) as Answer;
        expect(integersOf(answer.o), name).toEqual(exact.o);
        expect(integersOf(answer.finalState as Tensor), name).toEqual(exact.finalState);
        for (const input of Object.keys(exact.gradients) as InputName[]) {
          expect(integersOf(answer.gradients?.[input] as Tensor), `${name} ${input}`).toEqual(exact.gradients[input]);
        }
      }),
      { numRuns: 20, seed: 11 },
    );
  });
});
