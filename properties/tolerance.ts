/**
 * The error model: for each element of each answer, how far a correct implementation in a given precision may be from the exact
 * value of the case.
 *
 *   bound = (e^r - 1) (size + growth) + growth + u_output |exact| + floor
 *
 * `size` is what the terms of the element add up to in absolute value, r the roundings that each term goes through times their unit
 * roundoffs, `growth` what errors of decays, of the delta rule's steps and of scores do to it, `floor` what underflow may cost.
 * docs/numerics.md derives each of them.
 */

import type { Answer, Case } from '../reference/case.ts';
import { expm1 } from '../reference/elementary.ts';
import { compute } from '../reference/operator.ts';
import { checkCase } from '../reference/shapes.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';
import { inputNames, systemOf } from './edit.ts';
import { type ByElement, byName, mapElements, namesOf, type OutputName } from './errors/by-element.ts';
import { CAUSES, type Cause, type Costs, costsOf, lostInputs, only } from './errors/costs.ts';
import { chunkOf, stepNorms, storedEvery } from './errors/layout.ts';
import { createModel, type ErrorModel, longestOf } from './errors/model.ts';
import { floorsOf, largestOnTheWay, mayOverflow, type Roundings, roundingsOf } from './errors/roundings.ts';
import { DOUBLE, largestFinite, type Precision, unitRoundoff } from './precision.ts';

export type { OutputName } from './errors/by-element.ts';

/** Unit roundoff of round-to-nearest in float64. */
export const UNIT_ROUNDOFF = 2 ** -53;

/** One number for each element of o, finalState and every gradient. Infinity where the precision promises nothing. */
export type Bounds = ByElement;

/**
 * What underflow may cost any element of the answer; Infinity where something may overflow instead.
 * @throws InvalidInput where `compute` does
 */
export function underflowOf(c: Case, p: Precision = DOUBLE): number {
  if (overflowsIn(c, p)) return Number.POSITIVE_INFINITY;
  const steps = systemOf(c).recurrence ? stepNorms(c) : null;
  const floor = floorsOf(c, p, steps);
  const names: OutputName[] = ['o', 'finalState', ...(c.cotangents ? inputNames(c) : [])];
  return Math.max(...names.map(floor));
}

/**
 * Whether some number on the way may overflow: then the precision promises nothing.
 * @throws InvalidInput where `compute` does
 */
export const overflowsIn = (c: Case, p: Precision): boolean => mayOverflow(c, p, createModel(c, p, costsOf(c, p)));

/** The relative errors of one term, by cause; a state is kept once more than chunks begin here, where they begin elsewhere. */
const relativeOf = (n: Roundings, costs: Costs): Partial<Costs> => ({
  sums: n.sums * costs.sums,
  factors: n.factors * costs.factors,
  inputs: n.inputs * costs.inputs,
  'states in memory': costs['states in memory'],
});

const total = (r: Partial<Costs>): number => Object.values(r).reduce((sum, each) => sum + each, 0);

/** The exact answer, where the bound needs it: an output format coarser than the sums loses its share of the value itself. */
export function storedValues(c: Case, p: Precision): ByElement | null {
  if (p.output.bits >= p.accumulate.bits && p.state.bits >= p.accumulate.bits) return null;
  const { form: _form, ...rest } = c;
  const answer: Answer = compute(rest);
  const gradients: ByElement['gradients'] = {};
  for (const name of c.cotangents ? inputNames(c) : []) gradients[name] = toDense(answer.gradients?.[name] as Tensor);
  const finalState = answer.finalState ? toDense(answer.finalState) : new Float64Array(0);
  return { o: toDense(answer.o), finalState, gradients };
}

/** The format that an output is stored in. */
const formatOf = (p: Precision, name: OutputName) => (name === 'finalState' ? p.state : p.output);

/**
 * How far each element of the answer may be from the exact value, for an implementation in precision `p`: shaped like the answer.
 * Infinity where a number on the way may overflow: nothing is promised there, not even a number.
 * `kept`: positions along T before which the state is kept in memory once more, forwards and backwards.
 * @throws InvalidInput where `compute` does
 */
export function boundsOf(c: Case, p: Precision = DOUBLE, kept: readonly number[] = []): Bounds {
  checkCase('boundsOf', c);
  const costs = costsOf(c, p);
  const model = createModel(c, p, costs, kept);
  if (mayOverflow(c, p, model)) return mapElements(model.size, () => Number.POSITIVE_INFINITY);
  const growth = model.growth(costs);
  const roundings = roundingsOf(c, p);
  const floors = floorsOf(c, p, model.steps);
  const stored = storedValues(c, p);
  const perName = Object.fromEntries(
    namesOf(model.size).map((name) => {
      const format = formatOf(p, name);
      const r = expm1(total(relativeOf(roundings(name), costs)));
      return [name, { r, floor: floors(name), last: unitRoundoff(format), most: largestFinite(format) }];
    }),
  );
  return mapElements(model.size, (size, name, at) => {
    const { r, floor, last, most } = perName[name];
    const grown = byName(growth, name)[at];
    const before = r * (size + grown) + grown + floor;
    const value = stored ? Math.abs(byName(stored, name)[at]) : 0;
    const bound = stored ? before + last * (value + before) : before;
    // NaN: an error that may be anything
    return value + bound < most ? bound : Number.POSITIVE_INFINITY;
  });
}

/** One cause of an element's bound, and how much it allows. */
export interface Term {
  cause: Cause | 'stored result' | 'underflow' | 'overflow';
  value: number;
  /** Where the number comes from. */
  because: string;
}

const show = (value: number): string => value.toPrecision(3);

/** What each cause is, for this case. */
function becauseOf(c: Case, p: Precision, name: OutputName, n: Roundings): Record<Cause, string> {
  const T = longestOf(c);
  const isForward = name === 'o' || name === 'finalState';
  const lost = lostInputs(c, p).filter((each) => !isForward || !each.startsWith('cotangents'));
  return {
    sums: `${n.sums} roundings of ${p.accumulate.name} in each term, and those of every step`,
    factors: `${n.factors} factors of products in ${p.product.name}, and those of every step`,
    inputs: `not held exactly: ${lost.join(', ')}`,
    exponent: `sums of up to ${T} log decays`,
    'prefix sums': `differences of sums over chunks of ${Math.min(T, chunkOf(c))}`,
    'rounded g': `log decays in ${p.inputs.name}`,
    'states in memory': `${p.state.name}, once a chunk of ${storedEvery(c)}`,
  };
}

/**
 * The bound of one element, cause by cause, largest first. Causes are evaluated one by one, so that they add up to the bound only
 * nearly: products of two small errors are left out.
 * @throws InvalidInput where `compute` does
 */
export function explainBound(c: Case, p: Precision, name: OutputName, at: number): { size: number; terms: Term[] } {
  checkCase('explainBound', c);
  const costs = costsOf(c, p);
  const model: ErrorModel = createModel(c, p, costs);
  const size = byName(model.size, name)[at];
  if (mayOverflow(c, p, model)) {
    const because = `numbers up to ${show(largestOnTheWay(c, model))} on the way`;
    return { size, terms: [{ cause: 'overflow', value: Number.POSITIVE_INFINITY, because }] };
  }
  const n = roundingsOf(c, p)(name);
  const r = relativeOf(n, costs);
  const because = becauseOf(c, p, name, n);
  const terms: Term[] = CAUSES.map((cause) => {
    const own = (expm1(total(r)) / (total(r) || 1)) * (r[cause] ?? 0) * size;
    const grown = costs[cause] > 0 ? byName(model.growth(only(costs, cause)), name)[at] : 0;
    const value = own + grown;
    return { cause, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value, because: because[cause] };
  });
  const stored = storedValues(c, p);
  if (stored) {
    const [format, value] = [formatOf(p, name), Math.abs(byName(stored, name)[at])];
    const what = `a value of ${show(value)} in ${format.name}`;
    terms.push({ cause: 'stored result', value: unitRoundoff(format) * value, because: what });
  }
  const floor = floorsOf(c, p, model.steps)(name);
  terms.push({ cause: 'underflow', value: floor, because: 'lost products, times what they are multiplied with' });
  return { size, terms: terms.filter(({ value }) => value > 0).sort((a, b) => b.value - a.value) };
}
