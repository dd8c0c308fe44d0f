/** The model of a case in a precision: sizes of terms, and what each cause of error adds. Which model it is follows from the system. */
import type { Case } from '../../reference/case.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { sizesOf, systemOf } from '../edit.ts';
import type { Precision } from '../precision.ts';
import type { ByElement } from './by-element.ts';
import type { Costs } from './costs.ts';
import { deltaSizes } from './delta-case.ts';
import { chunkOf, type StepNorms, stepNorms } from './layout.ts';
import { decaySlips, stepSlips } from './slips.ts';
import { softmaxSizes } from './softmax.ts';
import { createSurrogate } from './surrogate.ts';

export interface ErrorModel {
  /** Sizes of the terms of each element. */
  size: ByElement;
  /** What errors of decays, steps and scores add, given what each cause costs. */
  growth(costs: Costs): ByElement;
  /** Norms of the transitions; null for softmax attention. */
  steps: StepNorms | null;
}

/** Positions of the longest sequence. */
export function longestOf(c: Case): number {
  const { T } = sizesOf(c);
  const cuts = c.cuSeqlens ?? [0, T];
  return cuts.slice(1).reduce((most, end, i) => Math.max(most, end - cuts[i]), 0);
}

/** `kept`: positions along T before which the state is kept in memory once more, forwards and backwards. */
export function createModel(c: Case, p: Precision, costs: Costs, kept: readonly number[] = []): ErrorModel {
  const { recurrence } = systemOf(c);
  const longest = longestOf(c);
  if (recurrence === null) {
    const all = softmaxSizes(c, p, costs);
    const growth = (some: Costs): ByElement => (some === costs ? all : softmaxSizes(c, p, some)).growth;
    return { size: all.size, growth, steps: null };
  }
  const { erases } = recurrence.transition;
  if (erases === 1) {
    const sizes = (some: Costs) => deltaSizes(c, some, decaySlips(c, some, longest, kept));
    const all = sizes(costs);
    return { size: all.size, growth: (some) => (some === costs ? all : sizes(some)).growth, steps: stepNorms(c) };
  }
  const surrogate = createSurrogate(c);
  const beta = c.inputs.beta ? toDense(c.inputs.beta as Tensor) : null;
  return {
    size: surrogate.size,
    steps: surrogate.steps,
    growth(some) {
      const slips = decaySlips(c, some, longest, kept);
      if (erases === 0) return surrogate.growth(slips);
      const steps = stepSlips(surrogate.steps, beta, some, sizesOf(c).K, Math.min(longest, chunkOf(c)));
      return surrogate.growth({ ...slips, step: slips.step.map((value, i) => value + steps[i]) });
    },
  };
}
