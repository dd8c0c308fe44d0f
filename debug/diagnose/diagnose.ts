import { dictionaryFor, type Entry, largeEntries } from '../dictionary/entries.ts';
import type { Failure, Subject } from '../failure.ts';
import { type Answers, answeredAlone, answersOf, questionsFor } from './answers.ts';
import { isLarge, MOST_VARIED, workOf } from './cases.ts';
import { type Cause, causeOf, inWords } from './cause.ts';
import { forgetful, forwardAlone, grouped } from './group.ts';
import { differs } from './outputs.ts';
import { fittingPairs } from './pairs.ts';
import type { Exact } from './right.ts';
import { type Answered, createMemory, fits, type Mark, type Memory, tryEntry } from './trial.ts';

export type { Cause } from './cause.ts';

export interface Diagnosis {
  /** Cases that were asked and answered, and those of them with something wrong. */
  cases: number;
  wrong: number;
  /** Bugs that explain everything, likeliest first; those that nothing here tells apart are one. */
  causes: Cause[];
  /** Two bugs at once that explain everything, where no single one does. */
  pairs: Cause[];
  /** Bugs that explain all outputs, but not the gradients, where nothing explains both. */
  forward: Cause[];
  /** Where nothing fits: those that agree on most of the cases that tell them from what is right. */
  nearest: Cause[];
  /** Cases without an answer, by name, and why. */
  unanswered: Answers['unanswered'];
  /** The whole in sentences. */
  text: string[];
}

export interface DiagnoseOptions {
  /** What to compare with; default: the dictionary of the system. */
  entries?: readonly Entry[];
  /** What is right; default: the reference in float64. */
  exact?: Exact;
  /** Keeps answers of the dictionary from one diagnosis to the next; default: for this one alone. */
  memory?: Memory;
  /** Whether two bugs at once are looked for; default: yes. */
  pairs?: boolean;
}

/** How many of the nearest are listed. */
const NEAREST = 3;
/** What agrees on fewer of the cases that tell is not near. */
const NEAR = 0.5;

/** Which known bug is behind a failure. The subject may be null: then the failing case has to say all. */
export async function diagnose(subject: Subject, failure: Failure, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { system } = failure.c;
  const { precision } = failure;
  const memory = options.memory ?? createMemory();
  const entries = options.entries ?? [...dictionaryFor(system), ...(isLarge(failure.c) ? largeEntries() : [])];
  const questions = subject ? questionsFor(failure, subject) : [];
  const { answered, twice, unanswered } = subject
    ? await answersOf(subject, questions, options)
    : { answered: answeredAlone(failure), twice: null, unanswered: [] };
  const found: Diagnosis = {
    cases: answered.length,
    wrong: answered.filter(({ wrong }) => wrong.size > 0).length,
    causes: [],
    pairs: [],
    forward: [],
    nearest: [],
    unanswered,
    text: [],
  };
  const finish = (): Diagnosis => ({ ...found, text: inWords(found, subject !== null) });

  const again = answered.find(({ question }) => question.twice);
  if (twice && again && differs(twice, { ...again.right, values: again.actual }, 2, ['o'])) {
    found.causes = forgetful(entries, again, twice);
    return { ...found, text: inWords(found, true, true) };
  }
  if (found.wrong === 0) return finish();

  const lasting = entries.filter(({ change }) => !change.remembers);
  // wrong answers first, and what costs much last: most entries are out after the first
  const order = answered.toSorted((a, b) => rankOf(a) - rankOf(b));
  const fitting: { entry: Entry; marks: Mark[] }[] = [];
  for (const entry of lasting) {
    const marks = await tryEntry(entry, order, precision, memory);
    if (fits(marks)) fitting.push({ entry, marks });
  }
  found.causes = await grouped(fitting, order, precision, memory);
  if (found.causes.length > 0) return finish();

  const marks = new Map<Entry, Mark[]>();
  for (const entry of lasting) marks.set(entry, (await tryEntry(entry, order, precision, memory, true)) as Mark[]);
  if (subject && options.pairs !== false) {
    const pairs = await fittingPairs(lasting, marks, order, precision, system);
    found.pairs = pairs
      .map((pair) => causeOf([pair.entry], pair.marks, order, pair.names))
      .sort((a, b) => a.distance - b.distance);
    if (found.pairs.length > 0) return finish();
  }
  found.forward = forwardAlone(marks, order);
  found.nearest = [...marks]
    .map(([entry, each]) => causeOf([entry], each, order))
    .filter(({ telling, toldBy }) => telling > 0 && toldBy >= NEAR * telling)
    .sort((a, b) => b.toldBy / b.telling - a.toldBy / a.telling || b.agrees - a.agrees)
    .slice(0, NEAREST);
  return finish();
}

const rankOf = ({ question: { c }, wrong }: Answered): number =>
  (workOf(c) > MOST_VARIED ? 2 : 0) + (wrong.size > 0 ? 0 : 1);
