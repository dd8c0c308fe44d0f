/**
 * From wrong answers to the bug behind them: every known wrong implementation is asked what the subject was asked, and those are named
 * that say the same. A case on which a bug changes nothing says nothing about it, so only telling cases count, and all have to agree.
 */
import type { Case } from '../../reference/case.ts';
import { toDense } from '../../reference/tensor.ts';
import { dictionaryFor, type Entry, largeEntries } from '../dictionary/entries.ts';
import { type Failure, type Subject, wrongPlaces } from '../failure.ts';
import { type Asked, chunkOf, isLarge, MOST_VARIED, probeCases, type Question, variationsOf, workOf } from './cases.ts';
import { type Cause, causeOf, inWords } from './cause.ts';
import { ask, differs, type Outputs } from './outputs.ts';
import { fittingPairs } from './pairs.ts';
import { type Exact, rightFor } from './right.ts';
import { type Answered, answerOf, fits, type Mark, type Memory, markOf, noMemory, tryEntry } from './trial.ts';

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
  unanswered: { case: string; reason: string }[];
  /** The whole in sentences. */
  text: string[];
}

export interface DiagnoseOptions {
  /** What to compare with; default: the dictionary of the system. */
  entries?: readonly Entry[];
  /** What is right; default: the reference in float64. */
  exact?: Exact;
  /** Keeps answers of the dictionary from one diagnosis to the next. */
  memory?: Memory;
  /** Whether two bugs at once are looked for; default: yes. */
  pairs?: boolean;
}

/** How many of the nearest are listed. */
const NEAREST = 3;

const isNumberless = (c: Case): boolean =>
  (c.law?.endsWith('nonfinite') ?? false) ||
  Object.entries(c.inputs).some(([name, value]) => name !== 'g' && !toDense(value).every(Number.isFinite));

/** What is asked of a subject that lives. */
function questionsFor(failure: Failure, asked: Asked): Question[] {
  const nonFinite = isNumberless(failure.c);
  return [...variationsOf(failure.c), ...probeCases(failure.c.system, asked, nonFinite)].map((question) => {
    const { form: _form, law: _law, seed: _seed, path: _path, ...c } = question.c;
    return { ...question, c: { ...c, chunkSize: chunkOf(asked, c) } };
  });
}

/** The answers of a subject, each beside what is right. */
async function answersOf(
  subject: NonNullable<Subject>,
  questions: readonly Question[],
  options: DiagnoseOptions,
): Promise<{ answered: Answered[]; twice: Outputs | null; unanswered: Diagnosis['unanswered'] }> {
  const answered: Answered[] = [];
  const unanswered: Diagnosis['unanswered'] = [];
  let twice: Outputs | null = null;
  const { memory = noMemory, exact } = options;
  for (const question of questions) {
    try {
      const make = () => rightFor(question, subject, exact);
      const right = await (question.key && !exact ? memory(`${question.key} right`, make) : make());
      const actual = await ask(subject, question);
      if (question.twice) twice = await ask(subject, question);
      const wrong = new Set([...actual.keys()].filter((name) => differs(actual, right, 1, [name])));
      answered.push({ question, actual, right, wrong });
    } catch (error) {
      unanswered.push({ case: question.name, reason: (error as Error).message });
    }
  }
  return { answered, twice, unanswered };
}

/** The failing case alone, where only its answer is there. */
function answeredAlone({ c: failing, outputs }: Failure): Answered[] {
  const { form: _form, law: _law, seed: _seed, path: _path, ...c } = failing;
  const question: Question = { name: 'the failing case', c, isFailing: true };
  const actual = new Map(outputs.map(({ name, actual: values }) => [name, values]));
  const values = new Map(outputs.map(({ name, expected }) => [name, expected]));
  const bounds = new Map(outputs.map(({ name, bound }) => [name, bound]));
  const wrong = new Set(outputs.filter((each) => wrongPlaces(each).length > 0).map(({ name }) => name));
  return [{ question, actual, right: { values, bounds }, wrong }];
}

/** Which known bug is behind a failure. The subject may be null: then the failing case has to say all. */
export async function diagnose(subject: Subject, failure: Failure, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { system } = failure.c;
  const { precision } = failure;
  const { memory = noMemory } = options;
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
    .filter(({ telling, toldBy }) => telling > 0 && toldBy > 0)
    .sort((a, b) => b.toldBy / b.telling - a.toldBy / a.telling || b.agrees - a.agrees)
    .slice(0, NEAREST);
  return finish();
}

const rankOf = ({ question: { c }, wrong }: Answered): number =>
  (workOf(c) > MOST_VARIED ? 2 : 0) + (wrong.size > 0 ? 0 : 1);

/** Bugs with a memory that may have given two such answers to one case. */
function forgetful(entries: readonly Entry[], { actual, right, question }: Answered, twice: Outputs): Cause[] {
  const [first, second, truth] = [actual, twice, right.values].map((each) => each.get('o') as Float64Array);
  const mark: Mark = { telling: new Set(['o']), agreeing: new Set(['o']), agrees: true, distance: 1 };
  return entries
    .filter(({ change }) => change.remembers?.(first, second, truth))
    .map((entry) => causeOf([entry], [mark], [{ question, actual, right, wrong: new Set(['o']) }]));
}

/** Those that give the same answers to everything are one cause. */
async function grouped(
  fitting: readonly { entry: Entry; marks: Mark[] }[],
  answered: readonly Answered[],
  precision: Failure['precision'],
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
  precision: Failure['precision'],
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
function forwardAlone(marks: ReadonlyMap<Entry, readonly Mark[]>, answered: readonly Answered[]): Cause[] {
  const isForward = (name: string): boolean => !name.startsWith('gradients.');
  const only = ({ telling, agreeing, ...rest }: Mark, i: number): Mark => {
    const names = [...answered[i].actual.keys()].filter(isForward);
    const tells = new Set([...telling].filter(isForward));
    const agrees =
      tells.size === 0
        ? names.every((name) => !answered[i].wrong.has(name))
        : names.every((name) => agreeing.has(name));
    return { ...rest, telling: tells, agreeing, agrees };
  };
  return [...marks]
    .map(([entry, each]) => ({ entry, marks: each.map(only) }))
    .filter(({ marks: each }) => fits(each))
    .map(({ entry, marks: each }) => causeOf([entry], each, answered));
}
