/** What each cause of error costs once, in a precision and for a case: the error model is linear in these, cause by cause. */
import type { Case } from '../../reference/case.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { inputNames, systemOf } from '../edit.ts';
import { factorRoundoff, isExactIn, type Precision, sumRoundoff, unitRoundoff } from '../precision.ts';

export const CAUSES = [
  'sums',
  'factors',
  'inputs',
  'exponent',
  'prefix sums',
  'rounded g',
  'states in memory',
] as const;
export type Cause = (typeof CAUSES)[number];

export type Costs = Record<Cause, number>;

/** Inputs and cotangents that the precision cannot hold as they are, g apart: its error is in the exponent. */
export function lostInputs(c: Case, p: Precision): string[] {
  const names: string[] = inputNames(c).filter(
    (name) => name !== 'g' && !isExactIn(name === 'initialState' ? p.state : p.inputs, c.inputs[name] as Tensor),
  );
  if (c.cotangents && !isExactIn(p.output, c.cotangents.o)) names.push('cotangents.o');
  if (c.cotangents?.finalState && !isExactIn(p.state, c.cotangents.finalState)) names.push('cotangents.finalState');
  return names;
}

export function costsOf(c: Case, p: Precision): Costs {
  const decays = c.inputs.g !== undefined;
  return {
    sums: sumRoundoff(p),
    factors: factorRoundoff(p),
    inputs:
      lostInputs(c, p).length > 0 ? Math.max(unitRoundoff(p.inputs), unitRoundoff(p.state), unitRoundoff(p.output)) : 0,
    exponent: decays ? unitRoundoff(p.accumulate) : 0,
    'prefix sums': decays ? unitRoundoff(p.accumulate) : 0,
    'rounded g': decays && !isExactIn(p.inputs, c.inputs.g as Tensor) ? unitRoundoff(p.inputs) : 0,
    'states in memory': systemOf(c).recurrence && p.state.bits < p.accumulate.bits ? unitRoundoff(p.state) : 0,
  };
}

/** The costs of one cause alone. */
export function only(costs: Costs, cause: Cause): Costs {
  const alone = Object.fromEntries(CAUSES.map((each) => [each, 0])) as Costs;
  alone[cause] = costs[cause];
  return alone;
}
