/** Decay systems: sizes are the operator on absolute values, and growth is what it gains where decays and sources are off. */
import { describe, expect, it } from 'vitest';
import { mapTensor, withInputs } from '../../properties/edit.ts';
import { byName, namesOf, type OutputName } from '../../properties/errors/by-element.ts';
import { differenced, perHead } from '../../properties/errors/layout.ts';
import type { Slips } from '../../properties/errors/slips.ts';
import { createSurrogate } from '../../properties/errors/surrogate.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, systems } from '../../reference/systems/registry.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const decaySystems = systems.filter(({ recurrence }) => recurrence?.transition.erases === 0).map(({ name }) => name);
const list = (values: ArrayLike<number>): number[] => Array.from(values);
const SIZES = { B: 2, T: 3, K: 2, V: 3, L: 3 };

/** Whole numbers of either sign, and decays of 1/2 and 1: sums are exact in any order. */
function whole(system: string, H: number, G: number): Case {
  const sizes = { ...SIZES, H, G };
  const c = withCotangents(goodCase(system, { ...sizes, stateLevels: 1 }, { scale: -0.5 }), sizes);
  const round = (value: Tensor): DenseTensor => mapTensor(value, (entry) => Math.round(entry * 4));
  const inputs: Case['inputs'] = {};
  for (const [name, value] of Object.entries(c.inputs) as [keyof Case['inputs'], Tensor][]) {
    inputs[name] = name === 'g' ? mapTensor(value, (entry) => (entry < -0.5 ? -Math.LN2 : 0)) : round(value);
  }
  const { o, finalState } = c.cotangents as NonNullable<Case['cotangents']>;
  return { ...c, inputs, cotangents: { o: round(o), finalState: round(finalState as Tensor) } };
}

const absolute = (c: Case): Case => {
  const inputs: Case['inputs'] = {};
  for (const [name, value] of Object.entries(c.inputs) as [keyof Case['inputs'], Tensor][]) {
    inputs[name] = name === 'g' ? value : mapTensor(value, Math.abs);
  }
  const { o, finalState } = c.cotangents as NonNullable<Case['cotangents']>;
  const cotangents = { o: mapTensor(o, Math.abs), finalState: mapTensor(finalState as Tensor, Math.abs) };
  return { ...c, inputs, scale: Math.abs(c.scale ?? 1), cotangents };
};

/** The answer of a case of absolute values, and what cancels in kernels' gradients of g. */
function answerOf(c: Case, H: number, G: number): (name: OutputName) => number[] {
  const { o, finalState, gradients = {} } = compute(c);
  return (name) => {
    if (name === 'o') return list(toDense(o));
    if (name === 'finalState') return list(toDense(finalState as DenseTensor));
    const values = toDense(gradients[name] as DenseTensor);
    if (name !== 'g') return list(values);
    // heads apart: each has a query of its own
    const apart = withInputs(c, {
      q: perHead(c.inputs.q as Tensor, H, G),
      k: perHead(c.inputs.k as Tensor, H, G),
    });
    const { q: dq, k: dk } = compute(apart).gradients as Record<'q' | 'k', DenseTensor>;
    const width = findSystem(c.system)?.recurrence?.decay === 'channel' ? SIZES.K : 1;
    const [q, k] = [apart.inputs.q, apart.inputs.k].map((value) => toDense(value as Tensor));
    const cancelling = differenced(c, q, toDense(dq), k, toDense(dk), SIZES.K, width);
    if (values.length === cancelling.length) return list(values.map((value, i) => value + cancelling[i]));
    // one decay a head
    cancelling.forEach((value, i) => {
      values[i % H] += value;
    });
    return list(values);
  };
}

describe.each(decaySystems)('%s', (system) => {
  it.each([
    [2, 1],
    [4, 2],
  ])('sizes of %i heads in %i groups', (H, G) => {
    const c = whole(system, H, G);
    const expected = answerOf(absolute(c), H, G);
    const { size } = createSurrogate(c);
    expect(namesOf(size).slice(2).sort()).toEqual(Object.keys(c.inputs).sort());
    for (const name of namesOf(size)) expect(list(byName(size, name)), name).toEqual(expected(name));
  });

  it('sizes without cotangents', () => {
    const c = { ...whole(system, 2, 2), cotangents: undefined };
    expect(createSurrogate(c).size.gradients).toEqual({});
  });

  const c = whole(system, 2, 2);
  const plain = absolute(c);
  const channels = findSystem(system)?.recurrence?.decay === 'channel' ? SIZES.K : 1;
  const tokens = SIZES.B * SIZES.T * 2;
  const slipsOf = (unit: number): Slips => ({
    step: Float64Array.from({ length: tokens * channels }, (_, i) => ((i % 5) / 4) * unit),
    source: Float64Array.from({ length: tokens }, (_, i) => ((i % 3) / 4) * unit),
  });

  /** The same with all errors `factor` times, as one of the systems whose decays differ from token to token. */
  function offBy(slips: Slips, factor: number): (name: OutputName) => number[] {
    const { g, v } = plain.inputs;
    const rate = (i: number): number => Math.exp(factor * slips.source[i]);
    const moved = mapTensor(v as Tensor, (value, [b, t, h]) => value * rate((b * SIZES.T + t) * 2 + h));
    const shape = [SIZES.B, SIZES.T, 2, ...(channels > 1 ? [channels] : [])];
    const given = g ? toDense(g) : new Float64Array(2);
    const decays = goodCase(channels > 1 ? 'gla' : 'mamba2', { ...SIZES, H: 2, G: 2 }).inputs.g as Tensor;
    expect(decays.shape).toEqual(shape);
    let i = 0;
    const all = mapTensor(decays, (_value, [, , h]) => {
      const log = given.length === 2 ? given[h] : given[i];
      return log + factor * slips.step[i++];
    });
    const stem = channels > 1 ? 'gla' : 'mamba2';
    const name = `${system.startsWith('log-linear-') ? 'log-linear-' : ''}${stem}`;
    const answer = answerOf({ ...withInputs(plain, { g: all, v: moved }), system: name }, 2, 2);
    return (output) => {
      const values = answer(output);
      if (output === 'v') return values.map((value, at) => value * rate(Math.floor(at / SIZES.V)));
      if (output !== 'g' || g?.shape.length !== 1) return values;
      const sums = [0, 0];
      values.forEach((value, at) => {
        sums[at % 2] += value;
      });
      return sums;
    };
  }
  const { size, growth, squaredGrowth } = createSurrogate(c);

  it.each([
    ['as large as they are', 1, 1],
    ['made visible where they are tiny', 2 ** -40, 2 ** 20],
  ])('growth by errors %s', (_, unit, factor) => {
    const slips = slipsOf(unit);
    const [grown, off] = [growth(slips), offBy(slips, factor)];
    for (const name of namesOf(size)) {
      const before = byName(size, name);
      const expected = off(name).map((value, i) => Math.max(0, value - before[i]) / factor);
      expect(list(byName(grown, name)), name).toEqual(expected);
      if (name === 'o') expect(Math.max(...expected)).toBeGreaterThan(0);
    }
  });

  it('growth of squares: second differences', () => {
    const slips = slipsOf(1);
    const h = 2 ** -8;
    const [grown, once, twice] = [squaredGrowth(slips), offBy(slips, h), offBy(slips, 2 * h)];
    for (const name of namesOf(size)) {
      const [before, one, two] = [byName(size, name), once(name), twice(name)];
      const expected = one.map((value, i) =>
        value === before[i] ? 0 : Math.max(0, two[i] - 2 * value + before[i]) / h ** 2,
      );
      expect(list(byName(grown, name)), name).toEqual(expected);
    }
  });

  it('no growth without errors', () => {
    for (const none of [growth(slipsOf(0)), squaredGrowth(slipsOf(0))]) {
      for (const name of namesOf(size)) expect(byName(none, name).every((value) => value === 0)).toBe(true);
    }
  });
});
