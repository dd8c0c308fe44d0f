/** Edges where kernels break: resets, levels that are not there, extreme numbers. */
import fc from 'fast-check';
import type { Case } from '../../reference/case.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import type { System } from '../../reference/systems/registry.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';
import { noise, signed } from '../arbitraries/noise.ts';
import { compare, compareBits, verdict } from '../compare.ts';
import { concat, mapTensor, sizesOf, take, withInputs, zerosLike } from '../edit.ts';
import type { Law, Worst } from '../law.ts';
import { overflowsIn } from '../tolerance.ts';
import { anyLogLinear, anySystem, boundsFor, PAPER, tensorsOf } from './common.ts';
import { law } from './define.ts';

const decaysByToken = ({ recurrence }: System): boolean =>
  recurrence?.decay === 'token' || recurrence?.decay === 'channel';

/** What is not finite stands where 0 is wanted. */
const finite = (name: string, value: Tensor): Worst =>
  compareBits(
    name,
    mapTensor(value, (entry) => (Number.isFinite(entry) ? 0 : entry)),
    zerosLike(value),
  );

const reset = law({
  name: 'reset-forgets',
  group: 'robustness',
  statement:
    'A log decay of -Infinity forgets everything before it: later outputs do not depend on it at all, and nothing is NaN.',
  citation: 'alpha = exp(-Infinity) = 0',
  prerequisites: [],
  needs: [],
  appliesTo: decaysByToken,
  wish: {
    minT: 2,
    gradients: true,
    state: 'sometimes',
    structures: true,
    work: 3e5,
  },
  extra: { at: fc.nat(400), seed: fc.nat(1000) },
  async check(subject, { c, at, seed }) {
    const { T } = sizesOf(c);
    const r = 1 + (at % (T - 1));
    const hard = withInputs(c, {
      g: mapTensor(c.inputs.g as Tensor, (value, index) => (index[1] === r ? Number.NEGATIVE_INFINITY : value)),
    });
    if (c.cotangents) {
      const { o } = c.cotangents;
      hard.cotangents = { o: mapTensor(o, (value, index) => (index[1] >= r ? value : 0)) };
    }
    const changed = { ...hard };
    for (const name of ['k', 'v', 'q'] as const) {
      const value = hard.inputs[name] as Tensor;
      changed.inputs = {
        ...changed.inputs,
        [name]: mapTensor(value, (entry, index) => (index[1] < r ? signed(noise(seed, name, index)) : entry)),
      };
    }
    if (overflowsIn(hard, subject.precision) || overflowsIn(changed, subject.precision)) return verdict([]);
    const late = Array.from({ length: T - r }, (_, i) => r + i);
    const [x, y] = [await subject.run(hard), await subject.run(changed)];
    const comparisons = [compare('o', take(y.o, 1, late), take(x.o, 1, late), 0)];
    for (const [name, value] of tensorsOf(x)) comparisons.push(finite(name, value));
    // what is forgotten has no gradient, and neither has the decay that forgets; where that is a difference of sums, it may round
    const early = Array.from({ length: r }, (_, t) => t);
    for (const name of ['k', 'v', 'g'] as const) {
      const gradient = x.gradients?.[name];
      if (!gradient) continue;
      const which = name === 'g' ? [...early, r] : early;
      const cut = take(gradient, 1, which);
      const bounds = tensor(boundsFor(subject, hard).gradients[name] as Float64Array, [...gradient.shape]);
      const limit = name === 'g' ? take(bounds, 1, which).data : 0;
      comparisons.push(compare(`gradients.${name}`, cut, zerosLike(cut), limit));
    }
    return verdict(comparisons, `reset at position ${r} of ${T}`);
  },
});

const unread = law({
  name: 'unread-level-scales',
  group: 'robustness',
  statement: 'Level scales of empty buckets and of levels beyond T are never read, and their gradient is exactly 0.',
  citation: `${PAPER}; extra levels`,
  prerequisites: [],
  needs: [],
  appliesTo: anyLogLinear,
  wish: {
    minT: 1,
    gradients: true,
    packed: 'sometimes',
    structures: true,
    work: 3e5,
  },
  extra: { extra: fc.nat(2), seed: fc.nat(1000) },
  async check(subject, { c, extra, seed }) {
    const { level: levelAt } = levelsOf(c.structure ?? WEAK);
    const starts = c.cuSeqlens ?? [0];
    const reads = (t: number): Set<number> => {
      const start = starts.reduce((last, each) => (each <= t ? Math.max(last, each) : last), 0);
      return new Set(Array.from({ length: t - start + 1 }, (_, s) => levelAt(t - start, s)));
    };
    const lambda = c.inputs.lambda as Tensor;
    const [B, T, H] = lambda.shape;
    const readBy = Array.from({ length: T }, (_, t) => reads(t));
    const longer = concat([lambda, ...Array.from({ length: extra }, () => take(lambda, 3, [0]))], 3);
    const changed = withInputs(c, {
      lambda: mapTensor(longer, (value, index) =>
        readBy[index[1]].has(index[3]) ? value : 3 * signed(noise(seed, 'unread', index)),
      ),
    });
    if (changed.cotangents) changed.cotangents = { o: changed.cotangents.o };
    const [x, y] = [await subject.run(c), await subject.run(changed)];
    const comparisons = [compare('o', y.o, x.o, 0)];
    const gradient = y.gradients?.lambda;
    if (gradient) {
      const dead = mapTensor(gradient, (value, index) => (readBy[index[1]].has(index[3]) ? 0 : value || 0));
      comparisons.push(
        compareBits(
          'gradients.lambda',
          dead,
          mapTensor(dead, () => 0),
        ),
      );
    }
    return verdict(comparisons, `${extra} levels more than needed, B ${B}, H ${H}`);
  },
});

const noNaN = law({
  name: 'finite-in-finite-out',
  group: 'robustness',
  statement: 'Finite inputs, with log decays down to -Infinity, give finite outputs and gradients.',
  citation: 'no exp of a large positive number, no Infinity - Infinity',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    structures: true,
    work: 3e5,
  },
  extra: { heavy: fc.boolean() },
  async check(subject, { c, heavy }) {
    const strong: Case =
      heavy && c.inputs.g
        ? withInputs(c, { g: mapTensor(c.inputs.g, (value) => (value === 0 ? -800 : -Math.abs(value) * 1000)) })
        : c;
    if (overflowsIn(strong, subject.precision)) return verdict([]);
    const answer = await subject.run(strong);
    const comparisons: Worst[] = [];
    for (const [name, value] of tensorsOf(answer)) comparisons.push(finite(name, value));
    return verdict(comparisons);
  },
});

export const robustness: Law[] = [reset, unread, noNaN];
