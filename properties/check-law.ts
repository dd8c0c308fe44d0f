/** One law on one implementation and one system, through fast-check: draws, checks, shrinks, and says what came out. */
import fc from 'fast-check';
import type { System } from '../reference/systems/registry.ts';
import {
  type Ability,
  type Draw,
  type Implementation,
  type Law,
  NoAnswer,
  OutsideAbilities,
  type Verdict,
} from './law.ts';
import { hereOracle, type Oracle } from './oracle.ts';

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
  /** That error itself. */
  thrown?: unknown;
  /** What the law says of a failure beside its verdict: for large cases, from which size on. */
  from?: string;
}

export interface CheckOptions {
  seed: number;
  runs: number;
  path?: string;
  /** False: stop at the first failure as it was drawn. Default true. */
  shrink?: boolean;
  /** Seconds after which a failure shrinks no further. Default 60. */
  shrinkSeconds?: number;
  /** Default: asked in this thread. */
  oracle?: Oracle;
}

/** Why the law does not reach this implementation and system; null when it does. */
export function notCovered(law: Law, subject: Implementation, system: System): string | null {
  if (!subject.abilities.systems.includes(system.name)) return `${subject.name} has no ${system.name}`;
  // an optional ability that is left out is there
  const missing = law.needs.filter((ability: Ability) => subject.abilities[ability] === false);
  if (missing.includes('large')) return `${subject.name} says large: false, no cases of the sizes of real kernels`;
  if (missing.length > 0) return `${subject.name} does not support ${missing.join(', ')}`;
  if (!law.appliesTo(system)) return `the law does not speak about ${system.name}`;
  const beyond = law.beyond?.(subject.abilities) ?? null;
  return beyond === null ? null : `${subject.name} does not take ${beyond}`;
}

/** What was thrown, as text: where it came from belongs to it, unless it says that there was no answer. */
export const reasonOf = (error: unknown): string =>
  error instanceof NoAnswer ? error.message : String((error as Error | undefined)?.stack ?? error);

class LawBroken extends Error {}

/** Failures that cost a whole time limit, for one law. */
const MOST_COSTLY = 3;
const SHRINK_SECONDS = 60;
/** Cases of other laws that cost as much as a large one. */
const COST_OF_LARGE = 16;
/** Draws that may fall outside of what an implementation takes, for each that does not. */
const MOST_OUTSIDE = 20;
const MOST_LARGE_OUTSIDE = 3;

/** Cases that a run of so many cases a law gives this one. */
export const runsOf = ({ isLarge }: Law, runs: number): number =>
  isLarge ? Math.max(1, Math.floor(runs / COST_OF_LARGE)) : runs;

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

  const { oracle = hereOracle, shrinkSeconds = SHRINK_SECONDS } = options;
  let failing: Verdict | null = null;
  let outside = '';
  let held = 0;
  let costly = 0;
  let deadline = Number.POSITIVE_INFINITY;
  const failed = (): void => {
    deadline = Math.min(deadline, performance.now() + shrinkSeconds * 1000);
  };
  let worst: Verdict | null = null;
  const draws = law.draw(system, subject);
  const property = fc.asyncProperty(draws, async (draw) => {
    // shrinking ends here: each further try would cost all of its time limit, or there have been enough
    if (costly >= (law.isLarge ? 1 : MOST_COSTLY) || performance.now() > deadline) return;
    let verdict: Verdict;
    try {
      verdict = await law.check(subject, draw, oracle);
    } catch (error) {
      if (error instanceof OutsideAbilities) {
        outside = error.message;
        // another is drawn in its place
        fc.pre(false);
      }
      failed();
      if (error instanceof NoAnswer && error.isCostly) costly++;
      throw error;
    }
    if (!verdict.holds) {
      failing = verdict;
      failed();
      throw new LawBroken(law.name);
    }
    held++;
    if ((verdict.worst?.ratio ?? -1) > (worst?.worst?.ratio ?? -1)) worst = verdict;
  });
  const details = await fc.check(property, {
    seed: options.seed,
    numRuns: options.path === undefined ? runsOf(law, options.runs) : 1,
    maxSkipsPerRun: law.isLarge ? MOST_LARGE_OUTSIDE : MOST_OUTSIDE,
    path: options.path ?? '',
    endOnFailure: options.shrink === false,
  });
  result.cases = details.numRuns;
  const tooManyOutside = details.failed && details.counterexample === null;
  if (details.numRuns === 0 && !tooManyOutside) {
    return { ...result, status: 'error', reason: `no case was run: path ${options.path} leads to none` };
  }
  if (tooManyOutside || !details.failed) {
    result.cases = held;
    if (held === 0) return { ...result, status: 'not-covered', reason: `every case drawn was outside: ${outside}` };
    // fewer cases than wanted are said to be that
    return { ...result, worst, ...(tooManyOutside ? { reason: `${held} cases alone: else ${outside}` } : {}) };
  }
  result.path = details.counterexamplePath ?? undefined;
  // drawn anew: what the implementation saw it may have written to
  [result.counterexample] = fc.sample(draws, { seed: options.seed, path: result.path, numRuns: 1 });
  if (details.errorInstance instanceof LawBroken) {
    const said = await law.explain?.(subject, result.counterexample, oracle);
    if (law.isLarge) return { ...result, status: 'failed', worst: failing, ...(said ? { from: said } : {}) };
    const { note, ...rest } = failing as unknown as Verdict;
    const notes = [note, said].filter((each) => each !== undefined && each !== null).join('; ');
    return { ...result, status: 'failed', worst: notes === '' ? failing : { ...rest, note: notes } };
  }
  const thrown = details.errorInstance;
  const from =
    law.isLarge && thrown instanceof NoAnswer && !thrown.isCostly
      ? await law.explain?.(subject, result.counterexample, oracle)
      : null;
  return {
    ...result,
    ...(from ? { from } : {}),
    status: 'error',
    thrown,
    reason: reasonOf(thrown),
  };
}
