import { type Clock, endless } from '../budget.ts';
import { dictionaryFor, type Entry, largeEntries } from '../dictionary/entries.ts';
import { type Failure, isWrong, type Subject, wrongPlaces } from '../failure.ts';
import { type Answers, answeredAlone, answersOf, questionsFor } from './answers.ts';
import { isLarge, MOST_ASKED, MOST_VARIED, workOf } from './cases.ts';
import { type Cause, causeOf, inWords } from './cause.ts';
import { gradientsFollow } from './follow.ts';
import { forgetful, forwardAlone, grouped } from './group.ts';
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
  /** Bugs that explain all outputs, but not the gradients, where nothing explains both; and whose forward the gradients are not of. */
  forward: Cause[];
  /** Where nothing fits: those that agree on most of the cases that tell them from what is right. */
  nearest: Cause[];
  /** Cases without an answer, by name, and why; and why not all of them were asked, null where they were. */
  unanswered: Answers['unanswered'];
  cutShort: Answers['cutShort'];
  /** What became of the failing case itself. */
  failing: 'wrong' | 'right' | 'right the second time' | 'too large' | 'misshapen';
  /** Whether two bugs at once were looked for. */
  triedPairs: boolean;
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
  /** Ends it where the time is up; default: never. */
  clock?: Clock;
  /** Called before each case that is asked, and before each known bug. */
  onProgress?: (what: string) => void;
}

/** How many of the nearest are listed. */
const NEAREST = 3;
/** Share of all the time that may go by until known bugs are compared. */
const COMPARING = 0.5;
/** Pairs are tried where no case costs more. */
const MOST_PAIRED = 2e7;
/** What agrees on fewer of the cases that tell is not near. */
const NEAR = 0.5;

/** Which known bug is behind a failure. The subject may be null: then the failing case has to say all. */
export async function diagnose(subject: Subject, failure: Failure, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { system } = failure.c;
  const { precision } = failure;
  const memory = options.memory ?? createMemory();
  const entries = options.entries ?? [...dictionaryFor(system), ...(isLarge(failure.c) ? largeEntries() : [])];
  const { clock = endless, onProgress } = options;
  const questions = subject ? questionsFor(failure, subject) : [];
  const onCase = (done: number, of: number): void => onProgress?.(`case ${done + 1} of ${of}`);
  const { answered, twice, unanswered, cutShort } = subject
    ? await answersOf(subject, questions, { ...options, onCase })
    : { answered: [], twice: null, unanswered: [], cutShort: null };
  const isLeftOut = !answered.some(({ question }) => question.isFailing);
  const isTooLarge = workOf(failure.c) > MOST_ASKED;
  // what it answered is there already
  if (isLeftOut && !isTooLarge) answered.push(...answeredAlone(failure));
  const found: Diagnosis = {
    cases: answered.length,
    wrong: answered.filter(({ wrong }) => wrong.size > 0).length,
    causes: [],
    pairs: [],
    forward: [],
    nearest: [],
    unanswered,
    cutShort,
    failing: failingOf(failure, answered, isTooLarge),
    triedPairs: false,
    text: [],
  };
  const finish = (): Diagnosis => ({ ...found, text: inWords(found, subject !== null) });
  const isOver = (): boolean => clock.isOver(COMPARING);

  if (twice) {
    found.causes = forgetful(entries, twice.first, twice.second);
    return { ...found, text: inWords(found, true, true) };
  }
  if (found.wrong === 0) return finish();

  const lasting = entries.filter(({ change }) => !change.remembers);
  // wrong answers first, and what costs much last: most entries are out after the first
  const order = answered.toSorted((a, b) => rankOf(a) - rankOf(b));
  const fitting: { entry: Entry; marks: Mark[] }[] = [];
  for (const [i, entry] of lasting.entries()) {
    if (isOver()) {
      found.cutShort ??= `the time was up after ${i} of ${lasting.length} known bugs`;
      break;
    }
    onProgress?.(`known bug ${i + 1} of ${lasting.length}`);
    const marks = await tryEntry(entry, order, precision, memory);
    if (fits(marks)) fitting.push({ entry, marks });
  }
  found.causes = await grouped(fitting, order, precision, memory);
  if (found.causes.length > 0 || isOver()) return finish();

  const marks = new Map<Entry, Mark[]>();
  for (const entry of lasting) marks.set(entry, (await tryEntry(entry, order, precision, memory, true)) as Mark[]);
  for (const { entry, cause } of forwardAlone(marks, order)) {
    const follows = await gradientsFollow(entry, order, precision);
    found.forward.push({ ...cause, gradients: follows ? 'follow' : 'differ' });
  }
  const following = found.forward.filter(({ gradients }) => gradients === 'follow');
  if (following.length > 0) {
    found.causes = following;
    found.forward = [];
    return finish();
  }
  if (options.pairs !== false && !isOver() && order.every(({ question }) => workOf(question.c) <= MOST_PAIRED)) {
    found.triedPairs = true;
    onProgress?.('two known bugs at once');
    const pairs = await fittingPairs(lasting, marks, order, precision, system);
    found.pairs = pairs
      .map((pair) => causeOf([pair.entry], pair.marks, order, pair.names))
      .sort((a, b) => a.distance - b.distance);
    if (found.pairs.length > 0) return finish();
  }
  found.nearest = [...marks]
    .map(([entry, each]) => causeOf([entry], each, order))
    .filter(({ telling, toldBy }) => telling > 0 && toldBy >= NEAR * telling)
    .sort((a, b) => b.toldBy / b.telling - a.toldBy / a.telling || b.agrees - a.agrees)
    .slice(0, NEAREST);
  return finish();
}

function failingOf(failure: Failure, answered: readonly Answered[], isTooLarge: boolean): Diagnosis['failing'] {
  if (answered.some(isWrongThere)) return 'wrong';
  if (!isWrong(failure)) return 'right';
  if (isTooLarge) return 'too large';
  return failure.outputs.some((each) => wrongPlaces(each).length > 0) ? 'right the second time' : 'misshapen';
}

const isWrongThere = ({ question, wrong }: Answered): boolean => question.isFailing === true && wrong.size > 0;

const rankOf = ({ question: { c }, wrong }: Answered): number =>
  (workOf(c) > MOST_VARIED ? 2 : 0) + (wrong.size > 0 ? 0 : 1);
