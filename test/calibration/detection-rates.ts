/** How often each law rejects each mutant, from trials in rounds: a mutant that has been rejected often enough takes part no longer. */
import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { groupsOf, lawsFor, type Trial, type TrialResult } from '../mutants/trial.ts';

/** Cases a law has had after each round. */
export const ROUNDS = [3, 10, 40, 200] as const;
/** Rejections after which a mutant's rates are known well enough: to about one part in five. */
const ENOUGH = 24;
/** What may go wrong: a mutant passes with this probability. */
const MISS = 1e-3;

/** Cases judged and cases rejected, by law. */
export type Tally = Map<string, { cases: number; rejected: number }>;

export interface Detection {
  name: string;
  precision: string;
  /** The law that rejects it most often, and how often. */
  law: string;
  p: number;
  /** Most cases that a law judged it on. */
  cases: number;
  /** How many laws have rejected it. */
  laws: number;
  /** Cases of every law after which one of them has rejected it with 99.9 %; null where none ever did. */
  n: number | null;
}

export const rejections = (tally: Tally | undefined): number =>
  [...(tally?.values() ?? [])].reduce((sum, { rejected }) => sum + rejected, 0);

/** The trials of one round, for the mutants that need them. */
export function roundTrials(precision: string, seed: number, round: number, tallies: Map<string, Tally>): Trial[] {
  const from = round === 0 ? 0 : ROUNDS[round - 1];
  const open = mutants.filter(({ name }) => rejections(tallies.get(name)) < ENOUGH);
  return groupsOf(open).flatMap((group: Mutant[]) =>
    lawsFor(group).map((law) => ({
      precision,
      law: law.name,
      mutants: group.map(({ name }) => name),
      seed,
      from,
      count: ROUNDS[round] - from,
      stop: false,
    })),
  );
}

/** Counts a result in. Cases on which the correct kernel was accused are none. */
export function count({ trial, rejected, alarms }: TrialResult, tallies: Map<string, Tally>): void {
  for (const name of trial.mutants) {
    const tally = tallies.get(name) ?? new Map();
    const { cases, rejected: before } = tally.get(trial.law) ?? { cases: 0, rejected: 0 };
    tally.set(trial.law, {
      cases: cases + trial.count - alarms.length,
      rejected: before + rejected[name].length,
    });
    tallies.set(name, tally);
  }
}

/** A law that rejected every case might not reject every case. */
const rateOf = ({ cases, rejected }: { cases: number; rejected: number }): number =>
  rejected === 0 ? 0 : rejected < cases ? rejected / cases : (cases + 0.5) / (cases + 1);

/** All laws run n cases each: prod (1 - p)^n is at most MISS. */
export function detectionOf(name: string, precision: string, tally: Tally): Detection {
  const rates = [...tally].map(([law, each]) => ({ law, p: rateOf(each) })).filter(({ p }) => p > 0);
  rates.sort((a, b) => b.p - a.p);
  const perCase = rates.reduce((sum, { p }) => sum - Math.log1p(-p), 0);
  const n = perCase > 0 ? Math.ceil(-Math.log(MISS) / perCase) : null;
  const cases = Math.max(...[...tally.values()].map((each) => each.cases));
  const { law, p } = rates[0] ?? { law: '', p: 0 };
  return { name, precision, law, p: Number(p.toPrecision(3)), cases, laws: rates.length, n };
}
