/** What every report says of a verdict, in the same words: its sign, why it does not count, what to look at first. */
import { everyLaw } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { GateVerdict } from '../judge.ts';
import { fixtureLaws, lawText } from '../law-text.ts';
import { countsAgainst, type Outcome, outcomeOf } from '../outcome.ts';
import { few, place } from '../report.ts';
import { type GateReport, inOrder } from '../run.ts';

/** What a verdict is shown as. */
export type Sign =
  | 'passed'
  | 'failed'
  | 'error'
  | 'blocked'
  | 'fixed'
  | 'expected'
  | 'flaky'
  | 'recommended'
  | 'not-covered';

export interface Finding {
  verdict: GateVerdict;
  /** Its place among the verdicts of the report. */
  at: number;
  outcome: Outcome;
  sign: Sign;
  counts: boolean;
  /** Why it is blocked or does not count; for a failure, what is wrong: one line. */
  why: string;
}

function signOf({ status }: GateVerdict, outcome: Outcome): Sign {
  if (outcome === 'holds') return 'passed';
  if (outcome === 'fails') return status as 'failed' | 'error' | 'blocked';
  return outcome;
}

/** What is wrong, in a line. */
export function faultText({ status, reason, worst, kept, failure }: GateVerdict): string {
  const known = kept === undefined ? '' : `the counterexample kept in ${kept}: `;
  if (status === 'blocked' || status === 'not-covered') return `${known}${reason ?? status}`;
  if (status === 'error') {
    const lines = (reason ?? 'it threw').trimEnd().split('\n');
    // what a program says of itself may be a traceback, and its last line is the error
    return `${known}${failure === 'refused' && lines.length > 1 ? `refused: ${lines.at(-1)?.trim()}` : lines[0]}`;
  }
  // a fixture may be wrong without an element that is: no answer, another position
  if (status === 'passed' || !worst) return `${known}${reason ?? status}`;
  const far = worst.bound === 0 ? 'exactly' : `${few(worst.ratio)} times the bound`;
  return `${known}${place(worst)} is ${worst.actual}, where ${worst.expected} is wanted, ${far}`;
}

function whyOf(verdict: GateVerdict, outcome: Outcome): string {
  const listed = verdict.expected?.reason;
  const fault = verdict.status === 'blocked' ? `blocked: ${verdict.reason}` : faultText(verdict);
  switch (outcome) {
    case 'holds':
      return '';
    case 'not-covered':
      return `not covered: ${verdict.reason ?? ''}`;
    case 'fixed':
      return `passes, though it is expected to fail (${listed}): take it off the list`;
    case 'expected':
      return `expected failure: ${listed} (${fault})`;
    case 'flaky':
      return `known to be flaky: ${listed} (${fault})`;
    case 'recommended':
      return `recommended, and not enforced (${fault})`;
    case 'fails':
      return fault;
  }
}

export function findingsOf(report: GateReport): Finding[] {
  return report.verdicts.map((verdict, at) => {
    const outcome = outcomeOf(verdict, report);
    return {
      verdict,
      at,
      outcome,
      sign: signOf(verdict, outcome),
      counts: countsAgainst(outcome),
      why: whyOf(verdict, outcome),
    };
  });
}

const lawOrder = new Map([...inOrder(everyLaw), ...fixtureLaws].map(({ name }, i) => [name, i]));
const systemOrder = new Map(systems.map(({ name }, i) => [name, i]));
export const lawRank = (name: string): number => lawOrder.get(name) ?? lawOrder.size;
export const systemRank = (name: string): number => systemOrder.get(name) ?? systemOrder.size;

/** Whether the finding is a failure that somebody has to look at: those that are blocked follow from another. */
export const isRoot = ({ counts, sign }: Finding): boolean => counts && sign !== 'blocked';

/** Roots, what others depend on first, simple systems first; expected failures that pass last. */
export function failuresFirst(findings: readonly Finding[]): Finding[] {
  const rank = ({ verdict, sign }: Finding): number[] => [
    sign === 'fixed' ? 1 : 0,
    lawRank(verdict.law),
    systemRank(verdict.system),
  ];
  return findings.filter(isRoot).sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const differs = left.findIndex((each, i) => each !== right[i]);
    return differs < 0 ? a.at - b.at : left[differs] - right[differs];
  });
}

const dependsOn = (law: string, first: string): boolean =>
  (lawText(law)?.prerequisites ?? []).some((name) => name === first || dependsOn(name, first));

/** Laws that were not judged because of this failure. */
export function blockedBy({ verdict }: Finding, findings: readonly Finding[]): Finding[] {
  const { law, system, implementation } = verdict;
  return findings.filter(
    ({ verdict: other }) =>
      other.status === 'blocked' &&
      other.system === system &&
      other.implementation === implementation &&
      dependsOn(other.law, law),
  );
}

/** An implementation, and what it computes in where its name does not say so. */
export const subjectOf = ({ implementation, dtype }: GateVerdict): string =>
  implementation.endsWith(` ${dtype}`) ? implementation : `${implementation} (${dtype})`;

export const titleOf = ({ law, system, implementation }: GateVerdict): string =>
  `${law} · ${system} · ${implementation}`;

/** At most so many characters, with a note where it was longer. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // no half of a surrogate pair at the end
  const kept = text.slice(0, most).replace(/[\u{D800}-\u{DBFF}]$/u, '');
  return `${kept}… (cut: ${kept.length} of ${text.length} characters)`;
}

export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}

/** Verdicts that were judged, or would have been but for another. */
export const judgedOf = (findings: readonly Finding[]): number =>
  findings.filter(({ sign }) => sign !== 'not-covered').length;
