/** One law on one implementation and system, as plain data that can cross a thread. */
import { checkLaw, type LawResult, notCovered, reasonOf } from '../properties/check-law.ts';
import {
  type Draw,
  type Execution,
  type Implementation,
  type Law,
  type Level,
  OutsideAbilities,
  type Worst,
} from '../properties/law.ts';
import { findLaw } from '../properties/laws/all.ts';
import { hereOracle, type Oracle } from '../properties/oracle.ts';
import { outputAt } from '../properties/outputs.ts';
import type { Precision } from '../properties/precision.ts';
import { explainBound, type Term } from '../properties/tolerance.ts';
import type { Case } from '../reference/case.ts';
import { caseToJson, jsonText } from '../reference/case-json.ts';
import { InvalidInput } from '../reference/errors.ts';
import { findSystem, type System } from '../reference/systems/registry.ts';
import type { Expected } from './expectations.ts';
import { type FailureKind, ProgramFailure } from './external/failure.ts';
import { allForms } from './forms.ts';
import { keptIn, readKeptFile } from './kept.ts';

export interface GateVerdict {
  law: string;
  system: string;
  implementation: string;
  status: LawResult['status'] | 'blocked';
  /** Whether the implementation has to obey the law, or had better. */
  level: Level;
  /** The name of the implementation's precision. */
  dtype: string;
  cases: number;
  worst: Worst | null;
  seed: number;
  path?: string;
  /** What the law says beside its numbers: the step of a difference quotient, the split point, … */
  note?: string;
  /** The largest terms of the bound of the worst element, for the drawn case in the implementation's precision. */
  terms?: { precision: string; largest: Term[] };
  /** In a quick run it was another's turn: `reason` says whose. */
  waits?: boolean;
  /** Why it is blocked or not covered, or what was thrown. */
  reason?: string;
  /** How a program failed, where it did not answer. */
  failure?: FailureKind;
  /** The entry of the list of expected failures that names this verdict, whatever its status. */
  expected?: Expected;
  /** Where only large cases fail: from which size on, in words. */
  from?: string;
  /** The file of a counterexample found earlier, where that is what failed. */
  kept?: string;
  /** Where it really ran, for an implementation that says so. */
  execution?: Execution;
  /** What chooses the implementation on the command line, where it is no form of ours. */
  chosenBy?: Implementation['chosenBy'];
  /** The shrunk case in the JSON of cases, then whatever else the law drew. */
  drawn?: string[];
  /** That whatever else as the text of a JSON object. */
  extras?: string;
  /** Of a law that judges fixtures: where they are, and those that are wrong, the worst first. */
  fixtures?: { folder: string; failed: { name: string; probes: string; why: string }[] };
}

export interface Task {
  law: string;
  system: string;
  implementation: string;
  seed: number;
  runs: number;
  path?: string;
  /** An expected failure is not shrunk. */
  expected?: Expected;
  /** Files of counterexamples found earlier, of this law and system: judged first. */
  kept?: readonly string[];
}

/** So many terms of a bound say what it is made of. */
const MOST_TERMS = 3;

/**
 * What the bound of the worst element is made of, where it has the name and the place of an element of the case's own answer and was
 * allowed a bound at all. A law may have judged another case, made of this one.
 */
function termsOf(c: Case, p: Precision, { name, index, bound }: Worst): GateVerdict['terms'] {
  const element = outputAt(c, name, index);
  if (element === null || bound === 0) return undefined;
  try {
    return { precision: p.name, largest: explainBound(c, p, element.name, element.at).terms.slice(0, MOST_TERMS) };
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
}

/** The case, with where it came from; then each other thing that was drawn. */
function drawnLines(result: LawResult, { c, ...rest }: Draw): string[] {
  const { law, seed, path } = result;
  const others = Object.entries(rest).map(([key, value]) => {
    const isCase = typeof value === 'object' && value !== null && 'inputs' in value;
    return `${key} = ${isCase ? jsonText(caseToJson(value as Case)) : JSON.stringify(value)}`;
  });
  return [jsonText(caseToJson({ ...c, law, seed, path })), ...others];
}

/** The first kept counterexample that the implementation still fails, if there is one, and how many were judged. */
async function judgeKept(
  law: Law,
  subject: Implementation,
  { kept = [], seed }: Task,
  oracle: Oracle | undefined,
): Promise<{ judged: number; failed?: LawResult & { kept: string } }> {
  let judged = 0;
  for (const path of kept) {
    const { system, ...found } = readKeptFile(path);
    const counterexample = keptIn(found, subject.precision);
    if (counterexample === null) continue;
    const result = { law: law.name, system, implementation: subject.name, seed, counterexample };
    try {
      judged++;
      const worst = await law.check(subject, counterexample, oracle);
      if (worst.holds) continue;
      const from = law.isLarge ? await law.explain?.(subject, counterexample, oracle ?? hereOracle) : null;
      const failed = {
        ...result,
        status: 'failed' as const,
        cases: judged,
        worst,
        kept: path,
        ...(from ? { from } : {}),
      };
      return { judged, failed };
    } catch (error) {
      if (error instanceof OutsideAbilities) {
        judged--;
        continue;
      }
      const reason = reasonOf(error);
      const failure = error instanceof ProgramFailure ? { failure: error.kind } : {};
      return {
        judged,
        failed: { ...result, ...failure, status: 'error', cases: judged, worst: null, reason, kept: path },
      };
    }
  }
  return { judged };
}

export async function judge(
  law: Law,
  subject: Implementation,
  system: System,
  task: Task,
  oracle?: Oracle,
): Promise<GateVerdict> {
  const isCovered = notCovered(law, subject, system) === null;
  const kept = isCovered && task.path === undefined ? await judgeKept(law, subject, task, oracle) : { judged: 0 };
  const found = kept.failed ?? (await checkLaw(law, subject, system, { ...task, shrink: !task.expected, oracle }));
  const { worst, counterexample, thrown, ...result } = found;
  const verdict: GateVerdict = {
    ...result,
    level: law.level,
    dtype: subject.precision.name,
    worst: worst?.worst ?? null,
  };
  if (!kept.failed) verdict.cases += kept.judged;
  if (thrown instanceof ProgramFailure) verdict.failure = thrown.kind;
  if (task.expected) verdict.expected = task.expected;
  const execution = result.status === 'not-covered' ? undefined : subject.execution?.();
  if (execution) verdict.execution = execution;
  if (subject.chosenBy) verdict.chosenBy = subject.chosenBy;
  if (worst?.note !== undefined) verdict.note = worst.note;
  if (counterexample) {
    const { c, ...extras } = counterexample;
    verdict.drawn = drawnLines({ ...result, worst }, counterexample);
    verdict.extras = JSON.stringify(extras);
    const terms = verdict.status === 'failed' && verdict.worst && termsOf(c, subject.precision, verdict.worst);
    if (terms) verdict.terms = terms;
  }
  return verdict;
}

/** A task by names alone, for the built-in implementations: what a worker thread runs. */
export default function judgeTask(task: Task): Promise<GateVerdict> {
  const law = findLaw(task.law);
  const system = findSystem(task.system);
  const subject = allForms.find(({ name }) => name === task.implementation);
  if (!law || !system || !subject) throw new Error(`judgeTask: no such law, system or form: ${JSON.stringify(task)}`);
  return judge(law, subject, system, task);
}
