/** What is likely: six times the root of a sum of squares, each of a term and a rounding, put together here from its parts. */
import { describe, expect, it } from 'vitest';
import { mapTensor, systemOf } from '../../properties/edit.ts';
import { byName, namesOf } from '../../properties/errors/by-element.ts';
import { costsOf } from '../../properties/errors/costs.ts';
import { deltaSizes } from '../../properties/errors/delta-case.ts';
import { stepNorms } from '../../properties/errors/layout.ts';
import { likely } from '../../properties/errors/measure.ts';
import { floorsOf, roundingsOf } from '../../properties/errors/roundings.ts';
import { decaySlips } from '../../properties/errors/slips.ts';
import { softmaxSizes } from '../../properties/errors/softmax.ts';
import { createSurrogate } from '../../properties/errors/surrogate.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { bfloat16, findPrecision, float32, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const T = 5;
/** A state is kept in memory when it comes in and goes out, and once a chunk of 2. */
const KEPT = 4;
const mixed: Precision = {
  name: 'mixed',
  inputs: bfloat16,
  product: bfloat16,
  accumulate: float32,
  state: { ...bfloat16, bits: 12 },
  output: bfloat16,
};

function squaresOf(c: Case): Case {
  const inputs = Object.entries(c.inputs).map(([name, value]) => [
    name,
    mapTensor(value as Tensor, (entry) => (name === 'g' ? 2 * entry : entry ** 2)),
  ]);
  const { o, finalState } = c.cotangents as NonNullable<Case['cotangents']>;
  const cotangents: Case['cotangents'] = { o: mapTensor(o, (entry) => entry ** 2) };
  if (finalState) cotangents.finalState = mapTensor(finalState, (entry) => entry ** 2);
  return { ...c, inputs: Object.fromEntries(inputs), scale: (c.scale ?? 1) ** 2, cotangents };
}

function partsOf(c: Case, p: Precision) {
  const costs = costsOf(c, p);
  const m = likely(p);
  if (c.system === 'softmax') return softmaxSizes(c, p, costs, m);
  const slips = decaySlips(c, { ...costs, 'states in memory': 0 }, T, []);
  if (systemOf(c).recurrence?.beta) return deltaSizes(c, costs, slips, m);
  const { size, squaredGrowth } = createSurrogate(squaresOf(c));
  return { size, growth: squaredGrowth(slips) };
}

describe.each(['linear', 'mamba2', 'log-linear-gla', 'gated-deltanet', 'softmax'])('%s', (system) => {
  const stateLevels = system === 'softmax' ? undefined : 1;
  const c = withCotangents(goodCase(system, { stateLevels }, { chunkSize: 2, scale: -0.5 }));

  // numbers that float16 loses are large enough to show
  it.each([mixed, findPrecision('float16') as Precision])(
    'is the root of a sum of squares, and what storing and underflow lose: $name',
    (p) => {
      const [costs, m, roundings] = [costsOf(c, p), likely(p), roundingsOf(c, p)];
      const floors = floorsOf(c, p, system === 'softmax' ? null : stepNorms(c));
      const { size, growth } = partsOf(c, p);
      const [answer, certain, bounds] = [compute(c), boundsOf(c, p), likelyBoundsOf(c, p)];
      let closer = 0;
      for (const name of namesOf(bounds)) {
        const n = roundings(name);
        const once =
          m.roundings(n.factors, costs.factors) +
          m.roundings(n.inputs, costs.inputs) +
          m.roundings(KEPT, costs['states in memory']) +
          (n.sums * costs.sums) ** 2;
        const isOutput = name === 'o' || name === 'finalState';
        const exact = isOutput ? answer[name] : answer.gradients?.[name];
        const values = exact ? toDense(exact) : [];
        byName(bounds, name).forEach((bound, at) => {
          const [terms, grown] = [byName(size, name)[at], byName(growth, name)[at]];
          const stored = Math.abs(values[at]) * 2 ** -(name === 'finalState' ? p.state : p.output).bits;
          const squares = once * (terms + grown) + grown;
          const most = byName(certain, name)[at];
          // a level that is empty has no terms
          const probable = squares === 0 ? most : stored + 6 * Math.sqrt(squares) + floors(name);
          if (probable < most) closer++;
          expect(bound / Math.min(probable, most), name).toBeCloseTo(1, 12);
        });
      }
      expect(closer).toBeGreaterThan(5);
    },
  );

  it('asks nothing of cotangents that are not there', () => {
    const { cotangents, ...forward } = c;
    expect(likelyBoundsOf(forward, mixed).gradients).toEqual({});
    expect(likelyBoundsOf({ ...c, cotangents: { o: cotangents?.o as Tensor } }, mixed).gradients.v).toHaveLength(T * 4);
  });
});

it('falls back to what is certain where squares underflow', () => {
  const tiny = (value: Tensor): Tensor => mapTensor(value, (entry) => entry * 2 ** -360);
  const c = goodCase('linear', { T: 90 });
  const small: Case = { ...c, inputs: { ...c.inputs, v: tiny(c.inputs.v as Tensor) } };
  expect(likelyBoundsOf(small)).toEqual(boundsOf(small));
  expect(likelyBoundsOf(c).o.at(-1)).toBeLessThan(boundsOf(c).o.at(-1) as number);
});
