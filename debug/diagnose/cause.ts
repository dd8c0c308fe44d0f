/** A bug that is named, with what speaks for it, and the words for that. */
import { counted } from '../../reference/tensor.ts';
import type { Entry } from '../dictionary/entries.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Answered, Mark } from './trial.ts';

export interface Cause {
  /** Several where nothing tells them apart; two with `isPair` where both are there at once. */
  names: string[];
  isPair: boolean;
  /** What is wrong, and the line of the algorithm as it should be. */
  bug: string;
  line: string;
  /** Cases on which the subject says what this bug says, of so many. */
  agrees: number;
  of: number;
  /** Cases that tell the bug from what is right, and those of them on which the subject agrees with it. */
  telling: number;
  toldBy: number;
  /** Whether the failing case is one that tells, and agrees. */
  onFailing: boolean;
  /** The largest distance, in units of what is allowed; Infinity where it does not fit. */
  distance: number;
}

export function causeOf(
  entries: readonly Entry[],
  marks: readonly Mark[],
  answered: readonly Answered[],
  pair?: [string, string],
): Cause {
  const [{ bug, line }] = entries;
  const told = marks.filter(({ telling }) => telling.size > 0);
  const failing = answered.findIndex(({ question }) => question.isFailing);
  return {
    names: pair ?? entries.map(({ name }) => name),
    isPair: pair !== undefined,
    bug: entries.length > 1 ? entries.map((each) => each.bug).join(' Or: ') : bug,
    line: entries.length > 1 ? [...new Set(entries.map((each) => each.line))].join('; or: ') : line,
    agrees: marks.filter(({ agrees }) => agrees).length,
    of: marks.length,
    telling: told.length,
    toldBy: told.filter(({ agrees }) => agrees).length,
    onFailing: failing >= 0 && marks[failing].telling.size > 0 && marks[failing].agrees,
    distance: Math.max(0, ...marks.map(({ distance }) => distance)),
  };
}

/** Pairs that are written out. */
const MOST_PAIRS = 3;

/** A sentence as it goes on after a colon. */
const unfinished = (sentence: string): string => sentence.replace(/\.$/, '');

const evidence = ({ agrees, of, telling }: Cause): string =>
  `on ${agrees} of ${counted(of, 'case')} (${telling} of them ${telling === 1 ? 'tells' : 'tell'} it from the right answer)`;

/** A diagnosis in sentences. */
export function inWords(d: Diagnosis, isAlive: boolean, forgets = false): string[] {
  if (forgets) {
    const what = 'The same case, asked twice, gets two answers that are further apart than rounding.';
    const said = d.causes.map(({ bug, line }) => `That is what this does: ${unfinished(bug)}. Look at: ${line}.`);
    return [what, ...(said.length > 0 ? said : ['No known bug does that in this way.'])];
  }
  if (d.wrong === 0) {
    return [
      `Nothing is wrong on ${d.cases === 1 ? 'the case' : `any of ${counted(d.cases, 'case')}`}: no bug is named.`,
    ];
  }
  const alone = isAlive
    ? []
    : ['One case was compared, and one case cannot tell more: several bugs may look alike on it.'];
  if (d.causes.length > 0) {
    return [
      ...d.causes.map(
        (cause) =>
          `Your outputs equal ours with this bug, ${evidence(cause)}: ${unfinished(cause.bug)}. Look at: ${cause.line}.`,
      ),
      ...d.causes
        .filter(({ names }) => names.length > 1)
        .map(({ names }) => `Nothing here tells these apart: ${names.join(', ')}.`),
      ...alone,
    ];
  }
  if (d.pairs.length > 0) {
    return [
      'No single known bug explains your outputs; two at once do.',
      ...d.pairs
        .slice(0, MOST_PAIRS)
        .map(
          (cause) =>
            `Your outputs equal ours with both, ${evidence(cause)}: ${unfinished(cause.bug)}. Look at: ${cause.line}.`,
        ),
      ...(d.pairs.length > MOST_PAIRS ? [`And with ${counted(d.pairs.length - MOST_PAIRS, 'other pair')}.`] : []),
    ];
  }
  const forward = d.forward.map(
    (cause) =>
      `Your outputs and states, though not your gradients, equal ours with this bug, ${evidence(cause)}: ${unfinished(cause.bug)}. Look at: ${cause.line}.`,
  );
  if (forward.length > 0)
    return [...forward, 'Your gradients are not those of it: they may be right, or have a bug of their own.', ...alone];
  const nearest = d.nearest.map(
    ({ bug, toldBy, telling }) =>
      `Nearest: ${unfinished(bug)}; your outputs equal it on ${toldBy} of ${counted(telling, 'case')} that would tell.`,
  );
  return [
    `No known bug, and no two of them, explains your outputs on ${counted(d.wrong, 'wrong case')} of ${d.cases}.`,
    ...nearest,
    ...alone,
  ];
}
