/** A bug that is named, with what speaks for it, and the words for that. */

import { counted } from '../../reference/tensor.ts';
import { reasonLine } from '../budget.ts';
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
  /** Cases on which the subject says something else, by name. */
  differsOn: string[];
  /** Whether the failing case is one that tells, and agrees. */
  onFailing: boolean;
  /** Of a bug that explains the outputs, and not the gradients by its own backward: whether they are those of its forward. */
  gradients?: 'follow' | 'differ';
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
    differsOn: marks.flatMap(({ agrees }, i) => (agrees ? [] : [answered[i].question.name])),
    onFailing: failing >= 0 && marks[failing].telling.size > 0 && marks[failing].agrees,
    distance: Math.max(0, ...marks.map(({ distance }) => distance)),
  };
}

/** The first few of some names. */
const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');

/** Pairs that are written out. */
const MOST_PAIRS = 3;

/** A sentence as it goes on after a colon. */
const unfinished = (sentence: string): string => sentence.replace(/\.$/, '');

const evidence = ({ agrees, of, telling }: Cause): string =>
  `on ${agrees} of ${counted(of, 'case')} (${telling} of them ${telling === 1 ? 'tells' : 'tell'} it from the right answer)`;

/** Why no bug is named where nothing that was compared is wrong. */
function nothingWrong({ cases, failing }: Diagnosis): string[] {
  if (failing === 'misshapen') return ['What is missing, or of another shape, cannot be compared: no bug is named.'];
  const others = `nothing is wrong on ${cases === 1 ? 'the case' : `any of ${counted(cases, 'case')}`}`;
  if (failing === 'too large') {
    return [
      `The failing case is too large to be compared with known bugs, and ${others} that ${cases === 1 ? 'was' : 'were'}: no bug is named.`,
    ];
  }
  const again = failing === 'right the second time' ? 'Asked again, the failing case is answered right: ' : '';
  const said = again === '' ? `${others[0].toUpperCase()}${others.slice(1)}` : others;
  return [`${again}${said}: no bug is named.`];
}

/** What was not compared, and why. */
function gaps({ unanswered, cutShort }: Diagnosis): string[] {
  const [first] = unanswered;
  return [
    ...(first
      ? [`${counted(unanswered.length, 'case')} got no answer; the first, ${first.case}: ${reasonLine(first.reason)}`]
      : []),
    ...(cutShort === null ? [] : [`Not everything was compared: ${cutShort}.`]),
  ];
}

/** A diagnosis in sentences. */
export function inWords(d: Diagnosis, isAlive: boolean, forgets = false): string[] {
  if (forgets) {
    const what = 'The same case, asked twice, gets two answers that are further apart than rounding.';
    const said = d.causes.map(({ bug, line }) => `This would do that: ${unfinished(bug)}. Look at: ${line}.`);
    return [what, ...(said.length > 0 ? said : ['No known bug does that in this way.'])];
  }
  if (d.wrong === 0) return [...nothingWrong(d), ...gaps(d)];
  const alone = isAlive
    ? []
    : ['One case was compared, and one case cannot tell more: several bugs may look alike on it.'];
  alone.push(...gaps(d));
  if (d.causes.length > 0) {
    return [
      ...d.causes.map(
        (cause) =>
          `Your outputs equal ours with this bug${cause.gradients === 'follow' ? ', and your gradients are those of that forward' : ''}, ${evidence(cause)}: ${unfinished(cause.bug)}. Look at: ${cause.line}.`,
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
      ...alone,
    ];
  }
  const forward = d.forward.map(
    (cause) =>
      `Your outputs and states equal ours with this bug, ${evidence(cause)}: ${unfinished(cause.bug)}. Look at: ${cause.line}. Your gradients are not those of that forward: they may be right, or have a fault of their own.`,
  );
  const nearest = d.nearest.map(
    ({ bug, toldBy, telling, differsOn }) =>
      `Nearest: ${unfinished(bug)}; your outputs equal it on ${toldBy} of ${counted(telling, 'case')} that would tell, and not on ${listed(differsOn)}.`,
  );
  const none = d.triedPairs ? 'No known bug, and no two of them, explains' : 'No known bug explains';
  if (forward.length > 0) return [...forward, ...alone];
  return [`${none} your outputs on ${counted(d.wrong, 'wrong case')} of ${d.cases}.`, ...nearest, ...alone];
}
