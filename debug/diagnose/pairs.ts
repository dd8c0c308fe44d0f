/** Two bugs at once, where no single one explains what a subject says. */
import type { Precision } from '../../properties/precision.ts';
import { type Entry, pairOf } from '../dictionary/entries.ts';
import { type Answered, fits, type Mark, noMemory, tryEntry } from './trial.ts';

/** More entries than this are not paired with each other: the likeliest ones are. */
const MOST = 40;

/**
 * Whether an entry may be one of two: it changes no output that the subject has right, and something of what is wrong. A bug that is
 * there shows wherever it tells, unless the other one hides it.
 */
const isPossible = (marks: readonly Mark[], answered: readonly Answered[]): boolean =>
  marks.some(({ telling }, i) => [...telling].some((name) => answered[i].wrong.has(name))) &&
  marks.every(({ telling }, i) => [...telling].every((name) => answered[i].wrong.has(name)));

/** Wrong outputs that it gives as the subject does. */
const explained = (marks: readonly Mark[], answered: readonly Answered[]): number =>
  marks.reduce(
    (sum, { telling, agreeing }, i) =>
      sum + [...answered[i].wrong].filter((name) => telling.has(name) && agreeing.has(name)).length,
    0,
  );

/** Whether one of two at least changes each output that is wrong. */
const cover = (a: readonly Mark[], b: readonly Mark[], answered: readonly Answered[]): boolean =>
  answered.every(({ wrong }, i) => [...wrong].every((name) => a[i].changing.has(name) || b[i].changing.has(name)));

/** Pairs of entries that explain everything. `marks`: what each entry is on every question. */
export async function fittingPairs(
  entries: readonly Entry[],
  marks: ReadonlyMap<Entry, readonly Mark[]>,
  answered: readonly Answered[],
  precision: Precision,
  system: string,
): Promise<{ entry: Entry; names: [string, string]; marks: Mark[] }[]> {
  const marksOf = (entry: Entry): readonly Mark[] => marks.get(entry) as readonly Mark[];
  const possible = entries
    .filter((entry) => !entry.change.remembers && isPossible(marksOf(entry), answered))
    .map((entry) => ({ entry, score: explained(marksOf(entry), answered) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST)
    .map(({ entry }) => entry);
  // the smallest wrong ones first: most pairs are out after them
  const order = [...answered.keys()].sort((a, b) => costOf(answered[a]) - costOf(answered[b]));
  const found: { entry: Entry; names: [string, string]; marks: Mark[] }[] = [];
  for (const [i, first] of possible.entries()) {
    for (const second of possible.slice(i + 1)) {
      if (!cover(marksOf(first), marksOf(second), answered)) continue;
      // which of the two is inside of the other may matter
      for (const pair of [pairOf(first, second, system), pairOf(second, first, system)]) {
        if (!pair) break;
        const asked = order.map((at) => answered[at]);
        const tried = await tryEntry(pair, asked, precision, noMemory);
        if (!fits(tried)) continue;
        found.push({ entry: pair, names: [first.name, second.name], marks: inPlace(tried, order) });
        break;
      }
    }
  }
  return found;
}

const costOf = ({ question, wrong, right }: Answered): number => {
  const { c } = question;
  const T = c.inputs.q?.shape[1] ?? 1;
  // right answers tell little about pairs
  return (wrong.size > 0 ? 0 : 1e9) + T * (right.values.get('o')?.length ?? 1);
};

/** Marks in the order of the questions. */
function inPlace(tried: readonly Mark[], order: readonly number[]): Mark[] {
  const marks: Mark[] = [];
  order.forEach((at, i) => {
    marks[at] = tried[i];
  });
  return marks;
}
