/**
 * What a quick run leaves to others: dtypes of one program, and systems for each kind of large cases, take turns. Whose turn it is follows
 * from the seed and from what the run could judge, never from a clock, so that the same command judges the same anywhere.
 */
import { notCovered, seedOf } from '../properties/check-law.ts';
import type { Kept } from './kept.ts';
import { profiles } from './profiles.ts';
import type { Triple } from './run.ts';

/** Small cases that a quick run has room for: some fifteen seconds, most of them the oracle's. */
const QUICK_CASES = 2000;

export interface Turns {
  seed: number;
  /** Whether dtypes of a program take turns, law by law and system by system, where the run has not room for all of them. */
  dtypes: boolean;
  /** Whether systems and dtypes do, for each kind of large cases. */
  large: boolean;
  /** What has a counterexample to be judged again is not left to others. */
  kept?: readonly Pick<Kept, 'law' | 'system'>[];
}

const kindOf = (law: string): string => law.replace(/-backward$/, '');
const isCovered = ({ law, subject, system }: Triple): boolean => notCovered(law, subject, system) === null;

/** One of these, by the seed and a name. */
function drawn<T>(from: readonly T[], seed: number, ...names: string[]): T {
  // the low bits of such a hash are little more than sums of the characters': they would pair the same systems in every law
  const hash = Math.imul(seedOf(seed, ...names) ^ 0x9e3779b9, 0x85ebca6b);
  return from[(Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 16) % from.length];
}

function groupsOf<T>(values: readonly T[], keyOf: (value: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return [...groups];
}

/** The dtypes of a program are one; each form of ours is another program. */
const programOf = ({ subject: { name, chosenBy } }: Triple): string => (chosenBy ? '' : name);

/** One dtype for each law and system. */
function dtypesInTurn(triples: readonly Triple[], seed: number): Map<Triple, string> {
  const waiting = new Map<Triple, string>();
  for (const [key, group] of groupsOf(triples, (each) => `${each.law.name} ${each.system.name} ${programOf(each)}`)) {
    const chosen = drawn(group, seed, 'dtype of', key);
    for (const each of group) if (each !== chosen) waiting.set(each, `the turn of ${chosen.subject.precision.name}`);
  }
  return waiting;
}

/** For each kind of large cases, forward and backward, one system and one dtype; not the same system twice where there are enough. */
function largeInTurn(triples: readonly Triple[], seed: number): Map<Triple, string> {
  const waiting = new Map<Triple, string>();
  for (const [program, ofProgram] of groupsOf(triples, programOf)) {
    const visited: string[] = [];
    for (const [kind, group] of groupsOf(ofProgram, ({ law }) => kindOf(law.name))) {
      const others = group.filter(({ system }) => !visited.includes(system.name));
      const chosen = drawn(others.length > 0 ? others : group, seed, 'system of', kind, program);
      visited.push(chosen.system.name);
      for (const each of group) {
        if (each.system === chosen.system && each.subject === chosen.subject) continue;
        waiting.set(each, `the turn of ${chosen.system.name} in ${chosen.subject.precision.name}`);
      }
    }
  }
  return waiting;
}

/** Those that wait, each with whose turn it is. What is not covered waits for nothing. */
export function whoWaits(triples: readonly Triple[], { seed, dtypes, large, kept = [] }: Turns): Map<Triple, string> {
  const isKept = ({ law, system }: Triple): boolean =>
    kept.some((each) => each.law === law.name && each.system === system.name);
  const covered = triples.filter((triple) => isCovered(triple) && !isKept(triple));
  const [small, ofLarge] = [covered.filter(({ law }) => !law.isLarge), covered.filter(({ law }) => law.isLarge)];
  const isRoom = small.length * profiles.quick <= QUICK_CASES;
  return new Map([
    ...(dtypes && !isRoom ? dtypesInTurn(small, seed) : []),
    ...(large ? largeInTurn(ofLarge, seed) : []),
  ]);
}

/** Cases that a quick run gives each law that does not wait. */
export function quickRuns(triples: readonly Triple[]): number {
  const judged = triples.filter((each) => each.waits === undefined && !each.law.isLarge && isCovered(each));
  return Math.max(1, Math.min(profiles.quick, Math.floor(QUICK_CASES / judged.length)));
}
