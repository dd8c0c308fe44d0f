/** What a subject says, each answer beside what is right. */
import type { Case } from '../../reference/case.ts';
import { toDense } from '../../reference/tensor.ts';
import { type Failure, type Subject, wrongPlaces } from '../failure.ts';
import { type Asked, chunkOf, probeCases, type Question, variationsOf } from './cases.ts';
import { ask, differs, type Outputs } from './outputs.ts';
import { type Exact, rightFor } from './right.ts';
import { type Answered, type Memory, noMemory } from './trial.ts';

export interface Answers {
  answered: Answered[];
  /** The second answer to the case that is asked twice. */
  twice: Outputs | null;
  /** Cases without an answer, by name, and why. */
  unanswered: { case: string; reason: string }[];
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
  options: { memory?: Memory; exact?: Exact },
): Promise<Answers> {
  const answered: Answered[] = [];
  const unanswered: Answers['unanswered'] = [];
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
export function answeredAlone({ c: failing, outputs }: Failure): Answered[] {
  const { form: _form, law: _law, seed: _seed, path: _path, ...c } = failing;
  const question: Question = { name: 'the failing case', c, isFailing: true };
  const actual = new Map(outputs.map(({ name, actual: values }) => [name, values]));
  const values = new Map(outputs.map(({ name, expected }) => [name, expected]));
  const bounds = new Map(outputs.map(({ name, bound }) => [name, bound]));
  const wrong = new Set(outputs.filter((each) => wrongPlaces(each).length > 0).map(({ name }) => name));
  return [{ question, actual, right: { values, bounds }, wrong }];
}
