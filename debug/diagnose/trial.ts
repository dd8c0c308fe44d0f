/** One wrong implementation on the cases that a subject has answered. */
import type { Precision } from '../../properties/precision.ts';
import type { Entry } from '../dictionary/entries.ts';
import { MOST_VARIED, type Question, workOf } from './cases.ts';
import { ask, differs, distance, type Outputs, type Right, tells } from './outputs.ts';

/** A question, what the subject says to it, and what is right. */
export interface Answered {
  question: Question;
  actual: Outputs;
  right: Right;
  /** Outputs of the subject that are wrong. */
  wrong: ReadonlySet<string>;
}

/** What an entry is on one answered question. */
export interface Mark {
  /** Outputs that no right answer can be taken for. */
  telling: ReadonlySet<string>;
  /** Outputs that it changes at all: by half a bound. */
  changing: ReadonlySet<string>;
  /** Outputs in which the subject says what it says. */
  agreeing: ReadonlySet<string>;
  /** Whether the subject says the same in everything; where nothing tells the entry from what is right, it may be right as well. */
  agrees: boolean;
  /** The largest distance in units of what is allowed; at most 1 where they agree. */
  distance: number;
}

/** Keeps what was made under a key: answers that do not depend on the subject. */
export type Memory = <Value>(key: string, make: () => Promise<Value>) => Promise<Value>;

export const noMemory: Memory = (_key, make) => make();

/** A memory that lasts as long as it is held. */
export function createMemory(): Memory {
  const known = new Map<string, Promise<unknown>>();
  return <Value>(key: string, make: () => Promise<Value>): Promise<Value> => {
    const made = (known.get(key) as Promise<Value> | undefined) ?? make();
    known.set(key, made);
    return made;
  };
}

/** What an entry says to a question; null where it cannot answer it. */
export function answerOf(entry: Entry, question: Question, memory: Memory): Promise<Outputs | null> {
  const make = async (): Promise<Outputs | null> => {
    try {
      return await ask(entry.implementation, question);
    } catch {
      // a bug may lead to a case that has no answer
      return null;
    }
  };
  return question.key === undefined ? make() : memory(`${question.key} ${entry.name}`, make);
}

/** No answer that could be compared. */
const NOTHING: Mark = {
  telling: new Set(),
  changing: new Set(),
  agreeing: new Set(),
  agrees: false,
  distance: Infinity,
};

/** How an entry does on a question. */
export function markOf(wrong: Outputs | null, { actual, right, wrong: off }: Answered, p: Precision): Mark {
  if (!wrong) return NOTHING;
  const names = [...actual.keys()];
  const telling = new Set(names.filter((name) => tells(wrong, right, p, name)));
  const changing = new Set(names.filter((name) => differs(wrong, right, 0.5, [name])));
  const distances = names.map((name) => distance(actual, wrong, right, p, name));
  const agreeing = new Set(names.filter((_, i) => distances[i] <= 1));
  const isRight = telling.size === 0 && off.size === 0;
  const agrees = isRight || agreeing.size === names.length;
  return { telling, changing, agreeing, agrees, distance: isRight ? 0 : Math.max(0, ...distances) };
}

/** What an entry is on all questions, or on those up to the first on which it is not what the subject is. */
export async function tryEntry(
  entry: Entry,
  answered: readonly Answered[],
  precision: Precision,
  memory: Memory,
  toTheEnd = false,
): Promise<Mark[] | null> {
  const marks: Mark[] = [];
  for (const each of answered) {
    // what is out already need not be asked the cases that cost much
    const isOut = marks.some(({ agrees }) => !agrees) && workOf(each.question.c) > MOST_VARIED;
    const mark = isOut ? NOTHING : markOf(await answerOf(entry, each.question, memory), each, precision);
    if (!mark.agrees && !toTheEnd) return null;
    marks.push(mark);
  }
  return marks;
}

/** Whether it explains everything: it agrees on all questions, and on one of them at least that says something. */
export const fits = (marks: readonly Mark[] | null): marks is Mark[] =>
  marks?.every(({ agrees }) => agrees) === true && marks.some(({ telling }) => telling.size > 0);
