/**
 * A failing case made small: fewer of everything, then plainer numbers, again and again until nothing that is tried keeps the failure.
 * fast-check shrinks what it drew, along the way it drew it; this knows what a case is.
 */
import { createHash } from 'node:crypto';
import { outsideOf } from '../../properties/abilities.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonPieces } from '../../reference/case-json.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { checkCase } from '../../reference/shapes.ts';
import type { Subject } from '../failure.ts';
import type { Pass } from './pass.ts';
import { fewChannels, fewHeads, fewLevels, fewPositions } from './sizes.ts';
import { anonymous, fewSequences, noGradients, noPacking, noState, plainFields, smallChunks } from './structure.ts';
import { constants, entries, oneHotScales, zeros } from './values.ts';

export interface Budget {
  /** Cases that may be asked. */
  questions: number;
  seconds: number;
  /** Whether it has to end although neither is spent. */
  isOver?: () => boolean;
  /** Called after each question. */
  onQuestion?: (state: { questions: number; kept: number; step: string; c: Case }) => void;
}

/** What one way of making it simpler came to. */
export interface Tried {
  step: string;
  questions: number;
  /** So many of them kept the failure. */
  kept: number;
}

export interface Minimised {
  c: Case;
  questions: number;
  seconds: number;
  tried: Tried[];
  /** A whole round of everything that is tried kept nothing: none of these steps, by itself, makes it smaller. False where the budget ended first. */
  isMinimal: boolean;
}

const digestOf = (c: Case): string => {
  const hash = createHash('sha256');
  for (const piece of jsonPieces(caseToJson(c))) hash.update(piece);
  return hash.digest('base64');
};

function passesFor(subject: Subject): Pass[] {
  const { limits = {}, chunkSizes = false } = subject?.abilities ?? {};
  return [
    noGradients,
    noState,
    fewSequences,
    noPacking,
    plainFields,
    ...(chunkSizes ? [smallChunks] : []),
    fewHeads,
    fewPositions(limits),
    fewChannels('V', limits),
    fewChannels('K', limits),
    fewLevels,
    constants,
    zeros,
    oneHotScales,
    entries,
  ];
}

/** Whether it is a case at all, and one that the implementation takes. */
function isAskable(subject: Subject, c: Case): boolean {
  try {
    checkCase('minimise', c);
  } catch (error) {
    if (error instanceof InvalidInput) return false;
    throw error;
  }
  return subject === null || outsideOf(subject.abilities, c) === null;
}

/**
 * The smallest case that is found on which the failure stays. The same questions come to the same case.
 * @param keeps whether the failure is there on a case, which is one that the implementation takes
 * @throws what `keeps` throws
 */
export async function minimise(
  subject: Subject,
  c: Case,
  keeps: (c: Case) => Promise<boolean>,
  { questions: most, seconds, isOver = () => false, onQuestion }: Budget,
): Promise<Minimised> {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  const known = new Map<string, boolean>();
  const tried = new Map<string, Tried>();
  let best = anonymous(c);
  let questions = 0;
  let kept = 0;
  let isSpent = false;

  async function ask(candidate: Case, step: Tried): Promise<boolean> {
    if (!isAskable(subject, candidate)) return false;
    const digest = digestOf(candidate);
    const before = known.get(digest);
    if (before !== undefined) return before;
    if (questions >= most || elapsed() >= seconds || isOver()) {
      isSpent = true;
      return false;
    }
    questions++;
    step.questions++;
    const stays = await keeps(candidate);
    known.set(digest, stays);
    if (stays) {
      kept++;
      step.kept++;
    }
    onQuestion?.({ questions, kept, step: step.step, c: stays ? candidate : best });
    return stays;
  }

  async function run(pass: Pass): Promise<void> {
    const step = tried.get(pass.name) ?? { step: pass.name, questions: 0, kept: 0 };
    tried.set(pass.name, step);
    const steps = pass.run(best);
    for (let next = steps.next(); !next.done && !isSpent; ) {
      const candidate = next.value;
      const stays = await ask(candidate, step);
      if (stays) best = candidate;
      next = steps.next(stays);
    }
  }

  const passes = passesFor(subject);
  for (let before = -1; before !== kept && !isSpent; ) {
    before = kept;
    for (const pass of passes) await run(pass);
  }
  return { c: best, questions, seconds: elapsed(), tried: [...tried.values()], isMinimal: !isSpent };
}
