/**
 * How far a correct implementation is likely to be from the exact value: errors as independent random variables instead of errors
 * that all have the worst sign (Higham and Mary, SIAM J. Sci. Comput. 41, 2019: rounding errors of mean zero, |error| <= lambda u
 * times the root of the sum of squares but for a probability of 2 exp(-lambda^2 / 2)). Far closer than `boundsOf` where sums are long
 * and formats narrow, and no certainty: where inputs repeat themselves roundings do too, and their errors add up. So it is for inputs
 * that are drawn independently, and two laws of their own (properties/laws/certified.ts) draw such.
 */
import type { Case } from '../reference/case.ts';
import type { Tensor } from '../reference/tensor.ts';
import { inputNames, mapTensor, systemOf } from './edit.ts';
import { type ByElement, byName, mapElements } from './errors/by-element.ts';
import { type Costs, costsOf } from './errors/costs.ts';
import { deltaSizes } from './errors/delta-case.ts';
import { stepNorms, storedEvery } from './errors/layout.ts';
import { likely } from './errors/measure.ts';
import { longestOf } from './errors/model.ts';
import { floorsOf, roundingsOf } from './errors/roundings.ts';
import { decaySlips } from './errors/slips.ts';
import { softmaxSizes } from './errors/softmax.ts';
import { createSurrogate } from './errors/surrogate.ts';
import { DOUBLE, type Precision } from './precision.ts';
import { type Bounds, boundsOf, storedValues } from './tolerance.ts';

/** Errors stay below so many of their standard bounds but for a probability of 3e-8 an element, and 1e-24 where they are uniform. */
const CONFIDENCE = 6;

/** Below this a square, or a product of some, may have underflowed. */
const SMALLEST_SQUARE = 2 ** -700;

const squared = (value: Tensor): Tensor => mapTensor(value, (entry) => entry * entry);

/** The case whose terms are the squares of this one's terms. */
function squaredCase(c: Case): Case {
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    const value = c.inputs[name] as Tensor;
    inputs[name] = name === 'g' ? mapTensor(value, (log) => 2 * log) : squared(value);
  }
  const scale = (c.scale ?? 1) ** 2;
  if (!c.cotangents) return { ...c, inputs, scale };
  const { o, finalState } = c.cotangents;
  const cotangents: Case['cotangents'] = { o: squared(o) };
  if (finalState) cotangents.finalState = squared(finalState);
  return { ...c, inputs, scale, cotangents };
}

/** Sums of squares of the terms, and of the errors that come from decays, steps and scores. */
function partsOf(c: Case, p: Precision, costs: Costs): { size: ByElement; growth: ByElement } {
  const { recurrence } = systemOf(c);
  const longest = longestOf(c);
  if (recurrence === null) return softmaxSizes(c, p, costs, likely(p));
  // states in memory are counted with the roundings: each by itself
  const slips = decaySlips(c, { ...costs, 'states in memory': 0 }, longest, []);
  if (recurrence.transition.erases === 1) return deltaSizes(c, costs, slips, likely(p));
  const { size, squaredGrowth } = createSurrogate(squaredCase(c));
  return { size, growth: squaredGrowth(slips) };
}

/**
 * The smaller of `boundsOf` and what independent errors are likely to reach, element by element.
 * @throws InvalidInput where `compute` does
 */
export function likelyBoundsOf(c: Case, p: Precision = DOUBLE): Bounds {
  const certain = boundsOf(c, p);
  // several delta rules a step: only the certain model knows them
  if ((systemOf(c).recurrence?.transition.erases ?? 0) > 1) return certain;
  if (certain.o.every((bound) => bound === Number.POSITIVE_INFINITY)) return certain;
  const costs = costsOf(c, p);
  const { size, growth } = partsOf(c, p, costs);
  const roundings = roundingsOf(c, p);
  const stored = storedValues(c, p);
  const floors = floorsOf(c, p, systemOf(c).recurrence ? stepNorms(c) : null);
  const m = likely(p);
  const kept = Math.ceil(longestOf(c) / storedEvery(c)) + 1;
  return mapElements(certain, (bound, name, at) => {
    const n = roundings(name);
    const once =
      m.roundings(n.factors, costs.factors) +
      m.roundings(n.inputs, costs.inputs) +
      m.roundings(kept, costs['states in memory']) +
      m.of(n.sums * costs.sums);
    const grown = byName(growth, name)[at];
    const squares = once * (byName(size, name)[at] + grown) + grown;
    // squares of very small numbers are lost
    if (!(squares > SMALLEST_SQUARE)) return bound;
    const format = name === 'finalState' ? p.state : p.output;
    const last = stored ? 2 ** -format.bits * Math.abs(byName(stored, name)[at]) : 0;
    const probable = last + CONFIDENCE * Math.sqrt(squares) + floors(name);
    return probable < bound ? probable : bound;
  });
}
