/**
 * The emulated kernels are correct: in float64 they are our oracle, within its bounds. So in lower precision an alarm is never theirs.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases, type Wish } from '../../properties/arbitraries/cases.ts';
import { inputNames } from '../../properties/edit.ts';
import { compareAnswers } from '../../properties/laws/common.ts';
import { DOUBLE } from '../../properties/precision.ts';
import { type Bounds, boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import type { Variant } from '../emulated/variant.ts';

const WISH: Wish = {
  maxT: 33,
  maxChannels: 5,
  work: 4e3,
  gradients: true,
  state: 'sometimes',
  packed: 'sometimes',
  structures: true,
};

/**
 * Where log decays are differences of prefix sums, their gradients are too: the terms of the whole chunk cancel, and what is left has
 * the error of all of them. They are those of <q, dq>, <k, dk> and <state, dstate>.
 */
function withCancellation(c: Case, bounds: Bounds, v: Variant): Bounds {
  if (v.decay === 'segment' || !c.inputs.g) return bounds;
  let sum = 0;
  for (const name of inputNames(c).filter((each) => 'qk initialState'.includes(each))) {
    const values = toDense(c.inputs[name] as Tensor);
    const bound = bounds.gradients[name] as Float64Array;
    values.forEach((value, i) => {
      sum += Math.abs(value) * bound[i];
    });
  }
  const g = bounds.gradients.g as Float64Array;
  return { ...bounds, gradients: { ...bounds.gradients, g: g.map((bound) => bound + sum) } };
}

describe.each(variants.map((v) => [v.name, v] as const))('%s', (_, v) => {
  const subject = emulated(DOUBLE, v);
  it.each(systems.map((system) => [system.name, system] as const))('%s in float64 is the oracle', (_name, system) => {
    fc.assert(
      fc.property(cases(system, subject.abilities, WISH), (c) => {
        const bounds = withCancellation(c, boundsOf(c), v);
        const worst = compareAnswers(subject.run(c) as Answer, compute(c), bounds);
        expect(worst.filter(({ ratio }) => ratio > 1)).toEqual([]);
      }),
      { numRuns: 3, seed: variants.indexOf(v) },
    );
  });
});
