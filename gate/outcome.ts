/** What a verdict means for the run: whether it counts against it, and why not where it does not. */
import type { GateVerdict } from './judge.ts';
import type { GateReport } from './run.ts';

/**
 * `fails` counts against the run. `expected` and `flaky` are failures that the list of expected failures names, `recommended` those of a
 * recommended law that is not enforced, `fixed` is an expected failure that passes: that counts too, so that the list only shrinks.
 */
export type Outcome = 'holds' | 'fails' | 'expected' | 'flaky' | 'fixed' | 'recommended' | 'not-covered';

/** The same for each verdict of a report, whoever reads it. */
export function outcomeOf(
  { status, level, expected }: GateVerdict,
  { enforceRecommended }: Pick<GateReport, 'enforceRecommended'>,
): Outcome {
  if (status === 'not-covered') return 'not-covered';
  if (status === 'passed') return expected?.kind === 'failure' ? 'fixed' : 'holds';
  if (expected) return expected.kind === 'flaky' ? 'flaky' : 'expected';
  return level === 'recommended' && !enforceRecommended ? 'recommended' : 'fails';
}

export const countsAgainst = (outcome: Outcome): boolean => outcome === 'fails' || outcome === 'fixed';
