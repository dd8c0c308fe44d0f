/** One law on one implementation and system, as plain data that can cross a thread. */
import { checkLaw, type LawResult } from '../properties/check-law.ts';
import type { Draw, Execution, Implementation, Law, Level, Worst } from '../properties/law.ts';
import { findLaw } from '../properties/laws/all.ts';
import type { Precision } from '../properties/precision.ts';
import { explainBound, type Term } from '../properties/tolerance.ts';
import type { Case } from '../reference/case.ts';
import { caseToJson, jsonText } from '../reference/case-json.ts';
import { InvalidInput } from '../reference/errors.ts';
import { findSystem, type System } from '../reference/systems/registry.ts';
import type { FailureKind } from './external/failure.ts';
import { allForms } from './forms.ts';
import { outputAt } from './outputs.ts';

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
  /** Why it is blocked or not covered, or what was thrown. */
  reason?: string;
  /** How a program failed, where it did not answer. */
  failure?: FailureKind;
  /** The entry of the list of expected failures that names this verdict, whatever its status. */
  expected?: { kind: 'failure' | 'flaky'; reason: string };
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
}

export interface Task {
  law: string;
  system: string;
  implementation: string;
  seed: number;
  runs: number;
  path?: string;
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

export async function judge(law: Law, subject: Implementation, system: System, task: Task): Promise<GateVerdict> {
  const { worst, counterexample, ...result } = await checkLaw(law, subject, system, task);
  const described = { level: law.level, dtype: subject.precision.name };
  const verdict: GateVerdict = { ...result, ...described, worst: worst?.worst ?? null };
  const execution = result.status === 'not-covered' ? undefined : subject.execution?.();
  if (execution) verdict.execution = execution;
  if (subject.chosenBy) verdict.chosenBy = subject.chosenBy;
  if (worst?.note !== undefined) verdict.note = worst.note;
  if (counterexample) verdict.drawn = drawnLines({ ...result, worst }, counterexample);
  if (counterexample && verdict.status === 'failed' && verdict.worst) {
    const terms = termsOf(counterexample.c, subject.precision, verdict.worst);
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
