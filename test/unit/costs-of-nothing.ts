import type { Costs } from '../../properties/errors/costs.ts';

/** No cause costs anything. */
export const NOTHING: Costs = {
  sums: 0,
  factors: 0,
  inputs: 0,
  exponent: 0,
  'prefix sums': 0,
  'rounded g': 0,
  'states in memory': 0,
};
