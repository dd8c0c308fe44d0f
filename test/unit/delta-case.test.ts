/** Errors of the delta rule on whole cases are those of each head of each sequence by itself. */
import { describe, expect, it } from 'vitest';
import { withInputs } from '../../properties/edit.ts';
import type { Costs } from '../../properties/errors/costs.ts';
import { deltaSizes } from '../../properties/errors/delta-case.ts';
import { certain, likely, type Measure } from '../../properties/errors/measure.ts';
import { DOUBLE } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';
import { goodCase } from './good-case.ts';
import { expectHeadByHead, expectSequenceBySequence, SIZES, slipsOf, wholeCase } from './head-by-head.ts';

const { B, H, K, V } = SIZES;
const COSTS: Costs = {
  sums: 2 ** -20,
  factors: 2 ** -12,
  inputs: 2 ** -13,
  exponent: 0,
  'prefix sums': 0,
  'rounded g': 0,
  'states in memory': 0,
};

describe.each<[string, Measure]>([
  ['certain', certain],
  ['likely', likely(DOUBLE)],
])('%s', (_, m) => {
  it.each(['deltanet', 'gated-deltanet', 'kimi-delta', 'log-linear-gated-deltanet', 'log-linear-kimi-delta'])(
    '%s: rows, heads and groups',
    (system) => {
      const c = wholeCase(system, system.startsWith('log-linear') ? { position: [0, 3] } : {});
      expectHeadByHead(c, (each, slips) => deltaSizes(each, COSTS, slips, m));
    },
  );

  it('packed sequences', () => {
    expectSequenceBySequence('log-linear-kimi-delta', (each, slips) => deltaSizes(each, COSTS, slips, m));
  });
});

it('no gradients without cotangents, none of the final state where it has none', () => {
  const c = wholeCase('gated-deltanet');
  const slips = slipsOf((value) => value);
  const { cotangents: _, ...forward } = c;
  expect(deltaSizes(forward, COSTS, slips).growth.gradients).toEqual({});
  const nothing = tensor(new Float64Array(B * H * K * V), [B, H, 1, K, V]);
  const zeros: Case = { ...c, cotangents: { o: c.cotangents?.o as Tensor, finalState: nothing } };
  const without: Case = { ...c, cotangents: { o: c.cotangents?.o as Tensor } };
  expect(deltaSizes(without, COSTS, slips)).toEqual(deltaSizes(zeros, COSTS, slips));
});

it('a state that is short, or none, has gradients of its own shape', () => {
  const c = wholeCase('log-linear-gated-deltanet');
  const slips = slipsOf((value) => value);
  expect(deltaSizes(c, COSTS, slips).size.gradients.initialState?.length).toBe(B * H * 3 * K * V);
  const none = deltaSizes(withInputs(c, { initialState: undefined }), COSTS, slips).size.gradients;
  expect(Object.keys(none)).toEqual(['q', 'k', 'v', 'beta', 'g', 'lambda']);
});

it('what is written with half the strength passes half to the value', () => {
  const gradientOf = (beta: number): number[] => {
    const { q, k, v } = goodCase('deltanet', { T: 1, H: 1 }).inputs as Record<'q' | 'k' | 'v', Tensor>;
    const c: Case = {
      system: 'deltanet',
      inputs: { q, k, v, beta: tensor(Float64Array.of(beta), [1, 1, 1]) },
      cotangents: { o: tensor(Float64Array.of(3, 5), [1, 1, 1, 2]) },
    };
    const slips = { step: Float64Array.of(0), source: Float64Array.of(0) };
    return [...(deltaSizes(c, COSTS, slips).size.gradients.v ?? [])];
  };
  expect(gradientOf(0.25)).toEqual(gradientOf(-0.5).map((value) => value / 2));
  expect(Math.min(...gradientOf(0.25))).toBeGreaterThan(0);
});

describe.each([
  ['kimi-delta', 0.5],
  ['gated-deltanet', 1],
])('%s, where vectors meet at an angle', (system, share) => {
  const angle = (across: number): Measure => ({ ...certain, across: () => across });
  const slips = { step: Float64Array.of(0), source: Float64Array.of(0) };
  const of = (shape: number[], ...values: number[]): Tensor => tensor(Float64Array.from(values), shape);
  const g = system === 'kimi-delta' ? of([1, 1, 1, 2], -1, -2) : of([1, 1, 1], -1);
  const cotangents = { o: of([1, 1, 1, 1], 2), finalState: of([1, 1, 1, 2, 1], 3, -4) };
  const caseOf = (q: number[], k: number[]): Case => ({
    system,
    inputs: {
      q: of([1, 1, 1, 2], ...q),
      k: of([1, 1, 1, 2], ...k),
      v: of([1, 1, 1, 1], 7),
      beta: of([1, 1, 1], 0.5),
      g,
    },
    cotangents,
  });

  it('what cancels in the gradient of a decay is one channel of two inner products', () => {
    for (const [q, k, norms] of [
      [
        [0, 0],
        [5, 12],
        [0, 13],
      ],
      [
        [3, 4],
        [5, 12],
        [5, 13],
      ],
    ]) {
      const { gradients } = deltaSizes(caseOf(q, k), COSTS, slips, angle(0.5)).size;
      const [dq, dk] = [gradients.q?.[0] as number, gradients.k?.[0] as number];
      expect(gradients.g?.[0]).toBeGreaterThan(0);
      expect(gradients.g?.[0]).toBeCloseTo(share * (norms[0] * dq + norms[1] * dk), 9);
    }
  });

  it('so is what crosses it', () => {
    const c = withInputs(caseOf([0, 0], [0, 0]), { initialState: of([1, 1, 1, 2, 1], 5, 12) });
    const [half, whole] = [0.5, 1].map(
      (across) => deltaSizes(c, COSTS, slips, angle(across)).size.gradients.g?.[0] as number,
    );
    expect(whole).toBeGreaterThan(0);
    expect(half).toBeCloseTo(share * 0.5 * whole, 9);
  });
});
