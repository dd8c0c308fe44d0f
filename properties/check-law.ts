/** One law on one implementation and one system, through fast-check: draws, checks, shrinks, and says what came out. */
import fc from 'fast-check';
import type { System } from '../reference/systems/registry.ts';
import { type Ability, type Draw, type Implementation, type Law, OutsideAbilities, type Verdict } from './law.ts';

export interface LawResult {
  law: string;
  system: string;
  implementation: string;
  status: 'passed' | 'failed' | 'not-covered' | 'error';
  /** Cases judged, those of shrinking not counted. */
  cases: number;
  /** The verdict with the largest ratio: of the shrunk case for a failure, of all cases for a pass. */
  worst: Verdict | null;
  seed: number;
  /** Leads fast-check back to the shrunk case. */
  path?: string;
  counterexample?: Draw;
  /** Why it was not covered, or the error that was thrown. */
  reason?: string;
}

export interface CheckOptions {
  seed: number;
  runs: number;
  path?: string;
  /** False: stop at the first failure as it was drawn. Default true. */
  shrink?: boolean;
}

/** Why the law does not reach this implementation and system; null when it does. */
export function notCovered(law: Law, subject: Implementation, system: System): string | null {
  if (!subject.abilities.systems.includes(system.name)) return `${subject.name} has no ${system.name}`;
  const missing = law.needs.filter((ability: Ability) => !subject.abilities[ability]);
  if (missing.length > 0) return `${subject.name} does not support ${missing.join(', ')}`;
  return law.appliesTo(system) ? null : `the law does not speak about ${system.name}`;
}

class LawBroken extends Error {}

/** Failures that cost a whole time limit, for one law. */
const MOST_COSTLY = 3;

/** The seed of one (law, implementation, system), so that each can be replayed alone. */
export function seedOf(seed: number, ...names: string[]): number {
  let hash = seed | 0;
  for (const character of names.join(' ')) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}

export async function checkLaw(
  law: Law,
  subject: Implementation,
  system: System,
  options: CheckOptions,
): Promise<LawResult> {
  const result: LawResult = {
    law: law.name,
    system: system.name,
    implementation: subject.name,
    status: 'passed',
    cases: 0,
    worst: null,
    seed: options.seed,
  };
  const reason = notCovered(law, subject, system);
  if (reason !== null) return { ...result, status: 'not-covered', reason };

  let failing: Verdict | null = null;
  let outside = '';
  let skipped = 0;
  let costly = 0;
  let worst: Verdict | null = null;
  const draws = law.draw(system, subject);
  const property = fc.asyncProperty(draws, async (draw) => {
    // shrinking ends here: each further try would cost all of its time limit
    if (costly >= MOST_COSTLY) return;
    let verdict: Verdict;
    try {
      verdict = await law.check(subject, draw);
    } catch (error) {
      if (error instanceof OutsideAbilities) {
        skipped++;
        outside = error.message;
        return;
      }
      if ((error as { isCostly?: boolean } | undefined)?.isCostly) costly++;
      throw error;
    }
    if (!verdict.holds) {
      failing = verdict;
      throw new LawBroken(law.name);
    }
    if ((verdict.worst?.ratio ?? -1) > (worst?.worst?.ratio ?? -1)) worst = verdict;
  });
  const details = await fc.check(property, {
    seed: options.seed,
    numRuns: options.path === undefined ? options.runs : 1,
    path: options.path ?? '',
    endOnFailure: options.shrink === false,
  });
  result.cases = details.numRuns;
  if (details.numRuns === 0) {
    return { ...result, status: 'error', reason: `no case was run: path ${options.path} leads to none` };
  }
  if (!details.failed) {
    result.cases -= skipped;
    if (result.cases === 0)
      return { ...result, status: 'not-covered', reason: `every case drawn was outside: ${outside}` };
    return { ...result, worst };
  }
  result.path = details.counterexamplePath ?? undefined;
  // drawn anew: what the implementation saw it may have written to
  [result.counterexample] = fc.sample(draws, { seed: options.seed, path: result.path, numRuns: 1 });
  if (details.errorInstance instanceof LawBroken) return { ...result, status: 'failed', worst: failing };
  return {
    ...result,
    status: 'error',
    reason: String((details.errorInstance as Error)?.stack ?? details.errorInstance),
  };
}
