/** What trials say about each mutant: which laws reject it, and after how many cases. */
import { Tinypool } from 'tinypool';
import { mutants } from '../../debug/dictionary/all.ts';
import { onlyFloat64 } from './only-float64.ts';
import { groupsOf, lawsFor, type Trial, type TrialResult } from './trial.ts';

export interface Verdict {
  survived: boolean;
  /** Laws that reject it, and at which case each does. */
  killedBy: { law: string; cases: number }[];
}

export interface MutantVerdict extends Verdict {
  name: string;
  bug: string;
  system: string;
  /** The same in each precision that it was judged in. */
  precisions: Record<string, Verdict>;
}

/** Every law on every mutant that it reaches, in one precision. */
export const trialsOf = (precision: string, each: Pick<Trial, 'seed' | 'from' | 'count' | 'stop'>): Trial[] =>
  groupsOf(mutants).flatMap((group) => {
    const names = group.map(({ name }) => name);
    return lawsFor(group).map((law) => ({ ...each, precision, law: law.name, mutants: names }));
  });

/** Trials in worker threads, in any order. */
export async function runTrials(
  trials: readonly Trial[],
  threads: number,
  onResult: (result: TrialResult) => void,
): Promise<TrialResult[]> {
  const filename = new URL('./trial.js', import.meta.url).href;
  const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads });
  try {
    return await Promise.all(
      trials.map(async (trial) => {
        const result: TrialResult = await pool.run(trial);
        onResult(result);
        return result;
      }),
    );
  } finally {
    await pool.destroy();
  }
}

function verdictOf(name: string, precision: string, results: readonly TrialResult[]): Verdict {
  const killedBy: Verdict['killedBy'] = [];
  for (const { trial, rejected } of results) {
    if (trial.precision !== precision) continue;
    const [at] = rejected[name] ?? [];
    if (at !== undefined) killedBy.push({ law: trial.law, cases: at + 1 });
  }
  killedBy.sort((a, b) => a.cases - b.cases);
  return { survived: killedBy.length === 0, killedBy };
}

export const verdictsOf = (results: readonly TrialResult[], precisions: readonly string[]): MutantVerdict[] =>
  mutants.map(({ name, bug, system }) => {
    const each = Object.fromEntries(precisions.map((precision) => [precision, verdictOf(name, precision, results)]));
    return { name, bug, system, ...each[precisions[0]], precisions: each };
  });

/** Where it counts that every mutant is rejected. */
const MUST_REJECT = ['float64', 'float32', 'bfloat16'];

/** What is wrong with these verdicts, in sentences; nothing where the laws do what they should. */
export function complaints(verdicts: readonly MutantVerdict[]): string[] {
  return verdicts.flatMap(({ name, precisions }) =>
    Object.entries(precisions).flatMap(([precision, { survived, killedBy }]) => {
      const listed = onlyFloat64[precision]?.[name] !== undefined;
      if (survived && !listed && MUST_REJECT.includes(precision)) return [`${name} survived in ${precision}`];
      if (survived || !listed) return [];
      return [`${name} is listed as not seen in ${precision}, but ${killedBy[0].law} rejects it: take it off the list`];
    }),
  );
}
