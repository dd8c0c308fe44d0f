/** Entries that fit made causes: those that nothing tells apart are one. */
import type { Precision } from '../../properties/precision.ts';
import type { Entry } from '../dictionary/entries.ts';
import { type Cause, causeOf } from './cause.ts';
import type { Outputs } from './outputs.ts';
import { type Answered, answerOf, fits, type Mark, type Memory, markOf } from './trial.ts';

/** Bugs with a memory that may have given two such answers to one case. */
export function forgetful(entries: readonly Entry[], { actual, right, question }: Answered, twice: Outputs): Cause[] {
  const [first, second, truth] = [actual, twice, right.values].map((each) => each.get('o') as Float64Array);
  const mark: Mark = {
    telling: new Set(['o']),
    changing: new Set(['o']),
    agreeing: new Set(['o']),
    agrees: true,
    distance: 1,
  };
  return entries
    .filter(({ change }) => change.remembers?.(first, second, truth))
    .map((entry) => causeOf([entry], [mark], [{ question, actual, right, wrong: new Set(['o']) }]));
}

/** Those that give the same answers to everything are one cause. */
export async function grouped(
  fitting: readonly { entry: Entry; marks: Mark[] }[],
  answered: readonly Answered[],
  precision: Precision,
  memory: Memory,
): Promise<Cause[]> {
  const groups: { entries: Entry[]; marks: Mark[] }[] = [];
  for (const { entry, marks } of fitting) {
    let home: (typeof groups)[number] | undefined;
    for (const group of groups) {
      if (!home && (await areAlike(entry, group.entries[0], answered, precision, memory))) home = group;
    }
    if (home) home.entries.push(entry);
    else groups.push({ entries: [entry], marks });
  }
  return groups
    .map(({ entries, marks }) => causeOf(entries, marks, answered))
    .sort((a, b) => b.telling - a.telling || a.distance - b.distance);
}

/** Whether two entries say the same to every question, by what may tell an answer from what is right. */
async function areAlike(
  a: Entry,
  b: Entry,
  answered: readonly Answered[],
  precision: Precision,
  memory: Memory,
): Promise<boolean> {
  for (const each of answered) {
    const [one, other] = [await answerOf(a, each.question, memory), await answerOf(b, each.question, memory)];
    if (!one || !other) return false;
    const { agreeing } = markOf(other, { ...each, actual: one }, precision);
    if ([...each.actual.keys()].some((name) => !agreeing.has(name))) return false;
  }
  return true;
}

/** Bugs that give the outputs as the subject does on every case, whatever its gradients are. */
export function forwardAlone(
  marks: ReadonlyMap<Entry, readonly Mark[]>,
  answered: readonly Answered[],
): { entry: Entry; cause: Cause }[] {
  const isForward = (name: string): boolean => !name.startsWith('gradients.');
  const only = ({ telling, agreeing, ...rest }: Mark, i: number): Mark => {
    const names = [...answered[i].actual.keys()].filter(isForward);
    const tells = new Set([...telling].filter(isForward));
    const isRight = tells.size === 0 && names.every((name) => !answered[i].wrong.has(name));
    const agrees = isRight || names.every((name) => agreeing.has(name));
    return { ...rest, telling: tells, agreeing, agrees };
  };
  return [...marks]
    .map(([entry, each]) => ({ entry, marks: each.map(only) }))
    .filter(({ marks: each }) => fits(each))
    .map(({ entry, marks: each }) => ({ entry, cause: causeOf([entry], each, answered) }));
}
