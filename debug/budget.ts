/** What asking an implementation may cost: time, and questions that get no answer. */
import { NoAnswer } from '../properties/law.ts';
import type { Subject } from './failure.ts';

/** Questions that may use up all of their time limit, and such as may end in any other way without an answer. */
const MOST_COSTLY = 3;
const MOST_UNANSWERED = 12;

/** Why there is no answer, in a line. What a program refuses with may be a traceback, whose last line says it. */
export function reasonLine(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  const [first = ''] = lines;
  const last = lines[lines.length - 1] ?? '';
  return first.startsWith('refused: ') && lines.length > 1 ? `refused: ${last.trim()}` : first;
}

/** The time is up, or it answers too seldom: said in place of an answer. */
export class BudgetSpent extends NoAnswer {}

/** Time that several stages share. */
export interface Clock {
  /** Whether a stage that may use so much of all the time, counted from the beginning, has to end. */
  isOver(share: number): boolean;
  /** Seconds that are left. */
  left(): number;
}

export function clockOf(seconds: number): Clock {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  return { isOver: (share) => elapsed() > share * seconds, left: () => Math.max(0, seconds - elapsed()) };
}

/** A clock that never runs out. */
export const endless: Clock = { isOver: () => false, left: () => Number.POSITIVE_INFINITY };

/** Counts questions without an answer. */
export interface Patience {
  /** Takes note of what was thrown. */
  met(error: unknown): void;
  /** Why no more is asked; null while more may be. */
  isOut(): string | null;
  /** Questions without an answer so far. */
  count(): number;
}

/** The implementation, asked no more where the stage has to end. @throws BudgetSpent from then on */
export function limited<S extends NonNullable<Subject>>(
  subject: S,
  clock: Clock,
  share: number,
  patience: Patience = createPatience(),
): S {
  return {
    ...subject,
    async run(c, shown) {
      const why = patience.isOut() ?? (clock.isOver(share) ? 'the time is up' : null);
      if (why !== null) throw new BudgetSpent(`it is asked no more: ${why}`);
      try {
        return await subject.run(c, shown);
      } catch (error) {
        patience.met(error);
        throw error;
      }
    },
  };
}

export function createPatience(): Patience {
  let [costly, unanswered] = [0, 0];
  return {
    met(error) {
      if (!(error instanceof NoAnswer)) return;
      unanswered++;
      if (error.isCostly) costly++;
    },
    count: () => unanswered,
    isOut() {
      if (costly >= MOST_COSTLY) return `${costly} questions took all of their time limit`;
      return unanswered >= MOST_UNANSWERED ? `${unanswered} questions got no answer` : null;
    },
  };
}
