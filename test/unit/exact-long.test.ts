/** Integer cases that are longer than a strip of rows and than a chunk: every step of every form is exact, so that all agree to the last bit. */
import { describe, expect, it } from 'vitest';
import { noise } from '../../properties/arbitraries/noise.ts';
import { mapTensor, withInputs } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const SIZES = { B: 1, T: 37, H: 1, G: 1, K: 3, V: 2 };

/** -1, 0 or 1; log decays 0 or now and then a reset; beta 0 or 1, and keys along one axis: the delta rule erases it all. */
const small = (name: string) => (_: number, index: readonly number[]) => (noise(5, name, index) % 3) - 1;
const values: Record<string, (value: number, index: readonly number[]) => number> = {
  g: (_, index) => (noise(5, 'g', index) % 40 === 0 ? Number.NEGATIVE_INFINITY : 0),
  beta: (_, index) => noise(5, 'beta', index) % 2,
  k: (_, index) => (noise(5, 'axis', index.slice(0, 3)) % 3 === index[3] ? 1 : 0),
};

function integerCase(system: string, position: number): Case {
  const levels = system.startsWith('log-linear') ? 8 : 1;
  const sizes = { ...SIZES, L: levels, stateLevels: levels };
  const c = withCotangents(goodCase(system, sizes, { position: [position] }), sizes);
  const inputs = Object.entries(c.inputs).map(([name, value]) => [name, mapTensor(value, values[name] ?? small(name))]);
  const { o, finalState } = c.cotangents as { o: Tensor; finalState: Tensor };
  return {
    ...withInputs(c, Object.fromEntries(inputs)),
    cotangents: { o: mapTensor(o, small('do')), finalState: mapTensor(finalState, small('dstate')) },
  };
}

/** Every number of an answer by name; -0 is 0. */
const numbersOf = (c: Case): Record<string, number[]> => {
  const { o, finalState, gradients } = compute(c);
  const tensors = Object.entries({ o, finalState, ...gradients }) as [string, Tensor][];
  return Object.fromEntries(tensors.map(([name, value]) => [name, Array.from(toDense(value), (each) => each + 0)]));
};

const linear = systems.filter(({ recurrence }) => recurrence !== null).map(({ name }) => name);

describe.each(linear)('%s', (system) => {
  it.each([0, 50])('is the same in every form, from position %i on', (position) => {
    const c = integerCase(system, position);
    const expected = numbersOf({ ...c, form: 'recurrent' });
    expect(expected.o.some(Boolean)).toBe(true);
    expect(numbersOf({ ...c, form: 'masked' })).toEqual(expected);
    for (const chunkSize of [8, 64]) {
      expect(numbersOf({ ...c, form: 'chunked', chunkSize }), `${chunkSize}`).toEqual(expected);
    }
  });
});
