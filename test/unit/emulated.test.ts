/**
 * The emulated kernels are correct: in float64 they are our oracle, within its bounds. So in lower precision an alarm is never theirs.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases, type Wish } from '../../properties/arbitraries/cases.ts';
import { styles } from '../../properties/arbitraries/values.ts';
import { inputNames } from '../../properties/edit.ts';
import { compareAnswers, tensorsOf } from '../../properties/laws/common.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
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
      { numRuns: 2, seed: variants.indexOf(v) },
    );
  });
});

/** Numbers of ordinary size: nothing in these cases is ill-conditioned. */
const ORDINARY: Wish = {
  minT: 5,
  maxT: 20,
  maxChannels: 4,
  gradients: true,
  state: 'never',
  work: 4e3,
  styles: {
    q: [styles.q[2]],
    k: [styles.k[2]],
    v: [styles.v[2]],
    g: [styles.g[3]],
    beta: [styles.beta[1]],
    lambda: [styles.lambda[3]],
  },
};

/** The largest distance of an element, over the largest element. */
function distance(a: Tensor, b: Tensor): number {
  const [x, y] = [toDense(a), toDense(b)];
  const largest = y.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i])), 0);
  return largest === 0 ? apart : apart / largest;
}

describe.each(systems.map((system) => [system.name, system] as const))('%s', (_, system) => {
  const abilities = { ...emulated(DOUBLE, variants[0]).abilities, structures: false };
  const plain = cases(system, abilities, ORDINARY).map((c) => ({ ...c, scale: 0.5 }));
  const sample = fc.sample(plain, { numRuns: 1, seed: 5 });
  it.each([
    ['float32', 1e-9, 1e-5],
    ['tf32', 1e-9, 1e-1],
    ['bfloat16', 1e-5, 3e-1],
    ['float16', 1e-6, 1e-1],
  ] as const)('%s is near the oracle, and not too near', (name, least, most) => {
    for (const v of variants) {
      let apart = 0;
      for (const c of sample) {
        const answer = emulated(findPrecision(name) as Precision, v).run(c) as Answer;
        for (const [key, value] of tensorsOf(compute(c))) {
          apart = Math.max(apart, distance(tensorsOf(answer).get(key) as Tensor, value));
        }
      }
      expect(apart, v.name).toBeLessThan(most);
      expect(apart, v.name).toBeGreaterThan(least);
    }
  });
});
