/** Systems that erase twice a step, of which the table has none yet (CONTRIBUTING.md adds one): bounds know their steps by norms alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certify } from '../../properties/definition-case.ts';
import { costsOf, only } from '../../properties/errors/costs.ts';
import { createModel } from '../../properties/errors/model.ts';
import { type Slips, stepSlips } from '../../properties/errors/slips.ts';
import { createSurrogate } from '../../properties/errors/surrogate.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { DOUBLE } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import type { Transition } from '../../reference/head.ts';
import { compute } from '../../reference/operator.ts';
import { type System, systems } from '../../reference/systems/registry.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { compose, deltaRule, diagonalDecay, scalarDecay } from '../../reference/transitions.ts';
import { goodCase, withCotangents } from './good-case.ts';
import { expectHeadByHead, expectSequenceBySequence, wholeCase } from './head-by-head.ts';

const twice = (name: string, decay: 'token' | 'channel', transition: Transition): System => {
  const prose = { title: '', citation: '', formula: '' };
  const recurrence = {
    name,
    ...prose,
    decay,
    beta: true,
    transition: compose(compose(deltaRule, transition), deltaRule),
  };
  return { name, ...prose, logLinear: false, recurrence, required: ['q', 'k', 'v', 'g', 'beta'] };
};
const table = systems as System[];
const added = [twice('twice', 'token', scalarDecay), twice('twice-by-channel', 'channel', diagonalDecay)];
beforeAll(() => {
  table.push(...added);
});
afterAll(() => {
  table.splice(table.length - added.length);
});

const of = (shape: number[], ...values: number[]): Tensor => tensor(Float64Array.from(values), shape);
const list = (values: Float64Array | undefined): number[] => [...(values ?? [])];

/** One token: |q| = 5, |k| = 2, |beta v| = 2.5, |S| = 5, |dO| = 3, |dS| = 5; every norm of F is 1. */
const one = (system: string, g: Tensor): Case => ({
  system,
  scale: -1,
  inputs: {
    q: of([1, 1, 1, 2], 3, -4),
    k: of([1, 1, 1, 2], 0, 2),
    v: of([1, 1, 1, 1], -5),
    beta: of([1, 1, 1], 0.5),
    g,
    initialState: of([1, 1, 1, 2, 1], 4, 3),
  },
  cotangents: { o: of([1, 1, 1, 1], 3), finalState: of([1, 1, 1, 2, 1], -3, 4) },
});

describe.each([
  ['twice', of([1, 1, 1], 0), [1150]],
  // a channel that decays by half passes half
  ['twice-by-channel', of([1, 1, 1, 2], 0, -Math.LN2), [1150, 1100]],
])('%s', (system, g, ofG) => {
  it('sizes are products of norms', () => {
    const { size, steps } = createSurrogate(one(system, g));
    // the product rule over two erasures, |k|^2 = 4 and 2 beta |k| = 2 each, and a decay
    expect([steps.value, steps.g, steps.beta, steps.k].map(list)).toEqual([[1], [1], [8], [4]]);
    expect(list(size.o)).toEqual([50]);
    expect(list(size.finalState)).toEqual([10, 10]);
    const { q, k, v, beta, initialState } = size.gradients;
    expect(list(q)).toEqual([30, 30]);
    // the gradient of the state is 5 * 3 + 5; it crosses F at 5 * 20
    expect(list(k)).toEqual([2.5 * 20 + 4 * 100, 2.5 * 20 + 4 * 100]);
    expect(list(v)).toEqual([0.5 * 2 * 20]);
    expect(list(beta)).toEqual([8 * 100 + 5 * 2 * 20]);
    expect(list(initialState)).toEqual([20, 20]);
    // what crosses, and q dq + k dk
    expect(list(size.gradients.g)).toEqual(ofG);
  });

  it('growth is that of the errors of its steps', () => {
    const c = one(system, g);
    const costs = only(costsOf(c, DOUBLE), 'sums');
    const { size, growth, steps } = createModel(c, DOUBLE, costs);
    const surrogate = createSurrogate(c);
    expect(size).toEqual(surrogate.size);
    const step = stepSlips(steps as NonNullable<typeof steps>, Float64Array.of(0.5), costs, 2, 1);
    expect(growth(costs)).toEqual(surrogate.growth({ step, source: new Float64Array(1) }));
    expect(growth(costs).o[0]).toBeGreaterThan(0);
  });

  it('is made of the errors of its heads and sequences', () => {
    const errors = (c: Case, slips: Slips) => {
      const { size, growth } = createSurrogate(c);
      return { size, growth: growth(slips) };
    };
    expectHeadByHead(wholeCase(system), errors);
    expectSequenceBySequence(system, errors);
  });

  it('the operator is within its bounds, and nothing closer is promised', () => {
    const decays = goodCase(system === 'twice' ? 'gated-deltanet' : 'kimi-delta', { stateLevels: 1 });
    const c = withCotangents({ ...decays, system });
    const [answer, truth, bounds] = [compute(c), certify(c), boundsOf(c)];
    expect(likelyBoundsOf(c)).toEqual(bounds);
    toDense(answer.o).forEach((value, i) => {
      expect(Math.abs(value - truth.o[i].hi - truth.o[i].lo)).toBeLessThanOrEqual(bounds.o[i]);
    });
  });
});

it('values have columns of their own, and a final state need not have a cotangent', () => {
  const c = one('twice', of([1, 1, 1], 0));
  const state = of([1, 1, 1, 2, 2], 4, 0, 3, 0);
  const wide: Case = {
    ...c,
    inputs: { ...c.inputs, v: of([1, 1, 1, 2], -5, 0), initialState: state },
    cotangents: { o: of([1, 1, 1, 2], 3, 0), finalState: of([1, 1, 1, 2, 2], -3, 0, 4, 0) },
  };
  const { size } = createSurrogate(wide);
  expect(list(size.finalState)).toEqual([10, 0, 10, 0]);
  expect(list(size.gradients.initialState)).toEqual([20, 0, 20, 0]);
  const outputs = createSurrogate({ ...wide, cotangents: { o: of([1, 1, 1, 2], 3, 0) } }).size;
  expect(list(outputs.gradients.initialState)).toEqual([15, 0, 15, 0]);
});

it('what crosses a step is taken before its decay, and nothing crosses a reset', () => {
  const keysOf = (g: number): number[] => list(createSurrogate(one('twice', of([1, 1, 1], g))).size.gradients.k);
  // 2.5 * 20 of what is written; the erasures of 5 * 20, half of it after a decay by half
  expect(keysOf(0)).toEqual([450, 450]);
  expect(keysOf(-Math.LN2)).toEqual([50 + 200, 50 + 200]);
  expect(keysOf(Number.NEGATIVE_INFINITY)).toEqual([50, 50]);
});
