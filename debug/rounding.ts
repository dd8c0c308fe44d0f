/** What rounding may do beside the bounds of the true operator. */
import { type Precision, sumRoundoff, unitRoundoff } from '../properties/precision.ts';

/**
 * As a share of the answer: what an implementation computes may be larger than what is right, and its sums then round by more. With a
 * margin, as a fault may be the sum of many.
 */
export const lossOf = (p: Precision): number =>
  16 * (unitRoundoff(p.product) + unitRoundoff(p.output)) + 256 * sumRoundoff(p);
