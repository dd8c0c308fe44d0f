/** What a subject says, each answer beside what is right. */
import type { Case } from '../../reference/case.ts';
import { toDense } from '../../reference/tensor.ts';
import { type Clock, createPatience, endless } from '../budget.ts';
import { type Failure, type Subject, wrongPlaces } from '../failure.ts';
import { type Asked, chunkOf, probeCases, type Question, variationsOf } from './cases.ts';
import { ask, differs, type Outputs } from './outputs.ts';
import { type Exact, rightFor } from './right.ts';
import { type Answered, type Memory, noMemory } from './trial.ts';

/** Share of all the time that may go by until every case is asked. */
const ASKING = 0.25;

export interface Answers {
  answered: Answered[];
  /** A case that got another answer when it was asked again, and that answer. */
  twice: { first: Answered; second: Outputs } | null;
  /** Cases without an answer, by name, and why. */
  unanswered: { case: string; reason: string }[];
  /** Why not all cases were asked; null where they were. */
  cutShort: string | null;
}

const isNumberless = (c: Case): boolean =>
  (c.law?.endsWith('nonfinite') ?? false) ||
  Object.entries(c.inputs).some(([name, value]) => name !== 'g' && !toDense(value).every(Number.isFinite));

/** What is asked of a subject that lives. */
export function questionsFor(failure: Failure, asked: Asked): Question[] {
  const nonFinite = isNumberless(failure.c);
  return [...variationsOf(failure.c), ...probeCases(failure.c.system, asked, nonFinite)].map((question) => {
    const { form: _form, law: _law, seed: _seed, path: _path, ...c } = question.c;
    return { ...question, c: { ...c, chunkSize: chunkOf(asked, c) } };
  });
}

/** The answers of a subject, each beside what is right. */
export async function answersOf(
  subject: NonNullable<Subject>,
  questions: readonly Question[],
  options: { memory?: Memory; exact?: Exact; clock?: Clock; onCase?: (done: number, of: number) => void },
): Promise<Answers> {
  const answered: Answered[] = [];
  const unanswered: Answers['unanswered'] = [];
  let twice: Answers['twice'] = null;
  const { memory = noMemory, exact, clock = endless, onCase } = options;
  const patience = createPatience();
  let cutShort: string | null = null;
  for (const [i, question] of questions.entries()) {
    cutShort = patience.isOut() ?? (clock.isOver(ASKING) ? 'the time is up' : null);
    if (cutShort !== null) break;
    onCase?.(i, questions.length);
    try {
      const make = () => rightFor(question, subject, exact);
      const right = await (question.key && !exact ? memory(`${question.key} right`, make) : make());
      const actual = await ask(subject, question);
      const wrong = new Set([...actual.keys()].filter((name) => differs(actual, right, 1, [name])));
      const first: Answered = { question, actual, right, wrong };
      answered.push(first);
      if (!question.twice && !question.isFailing) continue;
      const second = await ask(subject, question);
      // the case that is made for it tells more than the failing one
      if (differs(second, { ...right, values: actual }, 2, ['o'])) twice = { first, second };
    } catch (error) {
      patience.met(error);
      unanswered.push({ case: question.name, reason: (error as Error).message });
    }
  }
  return { answered, twice, unanswered, cutShort };
}

/** The failing case alone, where only its answer is there. */
export function answeredAlone({ c: failing, outputs }: Failure): Answered[] {
  const { form: _form, law: _law, seed: _seed, path: _path, ...c } = failing;
  const question: Question = { name: 'the failing case', c, isFailing: true };
  const actual = new Map(outputs.map(({ name, actual: values }) => [name, values]));
  const values = new Map(outputs.map(({ name, expected }) => [name, expected]));
  const bounds = new Map(outputs.map(({ name, bound }) => [name, bound]));
  const wrong = new Set(outputs.filter((each) => wrongPlaces(each).length > 0).map(({ name }) => name));
  return [{ question, actual, right: { values, bounds }, wrong }];
}
