/**
 * Wrong implementations, of the kinds that real kernels have been wrong in. Each is one of our forms with one thing changed, so that
 * what a law rejects is that thing and nothing else.
 */

import type { Implementation } from '../../properties/law.ts';
import { DOUBLE } from '../../properties/precision.ts';
import type { Answer, Case, FormName } from '../../reference/case.ts';
import { chunked } from '../../reference/chunked.ts';
import type { Form, Head } from '../../reference/head.ts';
import { masked } from '../../reference/masked.ts';
import { solve } from '../../reference/operator.ts';
import { recurrent } from '../../reference/recurrent.ts';
import { checkCase, type Problem } from '../../reference/shapes.ts';
import { softmax } from '../../reference/softmax.ts';
import { type Change, changed, stateless } from './change.ts';

export interface Mutant {
  name: string;
  /** What is wrong, as a kernel author would say it. */
  bug: string;
  /** The line of the algorithm that it changes, in the letters of the operator, as it should be. */
  line: string;
  /** The system it is shown on. */
  system: string;
  /** The law that must reject it within the budget of the tests: its control. */
  control: string;
  /** The right form that it is a change of. */
  form: FormName;
  implementation: Implementation;
  /** The change by itself, with no memory of what was asked before. */
  change(): Change;
}

const forms: Record<FormName, Form> = { masked, recurrent, chunked };

/** The answer of a form to heads whose first log decay is as it was given, with a state or without. */
function withFirstDecay(p: Problem, form: Form): Answer {
  if (p.inputs.initialState || p.system.recurrence === null) return solve(p, form);
  const shape = [p.sequences.length, p.H, p.L, p.K, p.V];
  const initialState = new Float64Array(shape.reduce((product, size) => product * size));
  const given: Problem = {
    ...p,
    stateLevels: p.L,
    inputs: { ...p.inputs, initialState },
    shapes: { ...p.shapes, initialState: shape },
  };
  const answer = solve(given, stateless(form));
  delete answer.gradients?.initialState;
  return answer;
}

/** A form with one change in it, or with several, each around those before it; on one system. */
export function implement(name: string, system: string, changes: readonly Change[]): Implementation {
  const form = changes.find((change) => change.form)?.form ?? 'masked';
  const run = (given: Case): Answer => {
    const c = changes.reduceRight((asked, change) => change.case?.(asked) ?? asked, given);
    const problem = checkCase(name, { ...c, form: undefined });
    for (const change of changes.toReversed()) change.problem?.(problem);
    const base = problem.system.recurrence === null ? softmax : forms[form];
    const wrong = changes.reduce(changed, base);
    const answer = changes.some((change) => change.firstDecay) ? withFirstDecay(problem, wrong) : solve(problem, wrong);
    for (const change of changes) change.answer?.(c, answer);
    return answer;
  };
  return {
    name,
    abilities: {
      systems: [system],
      gradients: true,
      state: true,
      packed: true,
      groups: true,
      structures: form !== 'chunked',
      chunkSizes: true,
      views: true,
    },
    precision: DOUBLE,
    run: changes.find((change) => change.run)?.run ?? run,
  };
}

/** A mutant of one system: which law is its control, and what is changed. A change with a memory is made anew for each use. */
export function mutant(
  name: string,
  system: string,
  control: string,
  bug: string,
  line: string,
  change: Change | (() => Change),
): Mutant {
  const make = typeof change === 'function' ? change : () => change;
  const first = make();
  return {
    name,
    bug,
    line,
    system,
    control,
    form: first.form ?? 'masked',
    implementation: implement(name, system, [first]),
    change: make,
  };
}

/** A copy of a head in which some fields are new. */
export const withHead = (x: Head, fields: Partial<Head>): Head => ({ ...x, ...fields });

/** In place. */
export function multiply(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = factor === 0 ? 0 : values[i] * factor;
}

/** The nearest number with so few significant bits: 8-bit floats have four or three; here with float64's exponents. */
export function toBits(value: number, bits: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -1022) - bits + 1);
  return Math.round(value / unit) * unit;
}
