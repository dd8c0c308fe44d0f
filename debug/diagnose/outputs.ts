/** Answers as flat numbers by name, and how they compare: with what is right, and with what a wrong implementation says. */
import { inputNames } from '../../properties/edit.ts';
import type { Implementation } from '../../properties/law.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import { largestFinite, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { lossOf } from '../rounding.ts';
import { type Question, timeLast } from './cases.ts';

/** By "o", "finalState", "gradients.k"; and "inputs.v" for what an input holds after the call, which is what it held before. */
export type Outputs = ReadonlyMap<string, Float64Array>;

/** What is right for a case. */
export interface Right {
  values: Outputs;
  /** How far off an answer may be, the reference's own error in it; 0 for inputs. */
  bounds: Outputs;
}

/** The case in memory of its own, in which the last axis is time where the question wants that. */
export function memoryOf({ c, strided, poisonedAt }: Question): Case {
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    const from = c.inputs[name] as Tensor;
    const own = tensor(toDense(from), [...from.shape]);
    if (name === 'v' && poisonedAt !== undefined) {
      const [, T] = own.shape;
      const row = own.data.length / (own.shape[0] * T);
      own.data.fill(Number.NaN, poisonedAt * row, (poisonedAt + 1) * row);
    }
    inputs[name] = strided ? timeLast(own) : own;
  }
  return { ...c, inputs };
}

/** All that an implementation says to a question. */
export async function ask(subject: Pick<Implementation, 'run'>, question: Question): Promise<Outputs> {
  const c = memoryOf(question);
  const answer = await subject.run(c);
  const outputs = new Map<string, Float64Array>();
  for (const [name, value] of tensorsOf(answer)) outputs.set(name, toDense(value));
  for (const name of inputNames(c)) outputs.set(`inputs.${name}`, toDense(c.inputs[name as InputName] as Tensor));
  return outputs;
}

/**
 * Whether two numbers are the same in this format. What does not fit is all the same: whether a bug that overflows gives Infinity, of which
 * sign, or NaN hangs on the order of sums.
 */
const isSame = (a: number, b: number, most: number): boolean =>
  a === b || (!(Math.abs(a) <= most) && !(Math.abs(b) <= most));

/** How much larger than what is right a wrong output has to be to have grown. */
const GROWN = 2 ** 10;

/** The largest of a wrong output that has grown where it should not: its numbers are sums of such, which may cancel. Else 0. */
function growth(wrong: Float64Array, right: Float64Array): number {
  const largest = (values: Float64Array): number =>
    values.reduce((most, value) => (Math.abs(value) < Infinity ? Math.max(most, Math.abs(value)) : most), 0);
  const most = largest(wrong);
  return most > GROWN * largest(right) ? most : 0;
}

/**
 * What an answer may be away from a wrong one, element by element. The bound of the right answer stands for that of the wrong one; where
 * the two differ, what the fault adds is rounded as everything is, and may be off as much as any element of that output.
 */
function roomOf(wrong: Float64Array, right: Float64Array, bound: Float64Array, p: Precision): (i: number) => number {
  const loss = lossOf(p);
  // what lands in a wrong place brings the error of where it comes from, and a wrong shape has no right values
  const widest = bound.reduce((a, b) => (b < Infinity && b > a ? b : a), 0);
  const grown = growth(wrong, right);
  return (i) => {
    const apart = Math.abs(wrong[i] - (right[i] ?? 0));
    return (bound[i] ?? widest) + loss * Math.max(apart, grown) + Math.min(widest, apart);
  };
}

/**
 * How far the outputs of a subject are from those of a wrong implementation, in units of what they may be apart: at most 1 where they
 * agree. Outputs that the subject does not give say nothing.
 */
export function distance(
  subject: Outputs,
  wrong: Outputs,
  { values, bounds }: Right,
  p: Precision,
  only?: string,
): number {
  const most = largestFinite(p.output);
  let worst = 0;
  for (const [name, actual] of subject) {
    if (only !== undefined && name !== only) continue;
    const [right, bound, other] = [values.get(name), bounds.get(name), wrong.get(name)];
    if (!right || !bound) continue;
    if (!other || other.length !== actual.length) return Infinity;
    const room = roomOf(other, right, bound, p);
    for (let i = 0; i < actual.length; i++) {
      if (bound[i] === Infinity || isSame(actual[i], other[i], most)) continue;
      const ratio = Math.abs(actual[i] - other[i]) / room(i);
      if (!(ratio <= 1)) return Infinity;
      worst = Math.max(worst, ratio);
    }
  }
  return worst;
}

/** Whether an output of a wrong implementation is one that no right answer can be taken for: none of those that may be given agrees with it. */
export function tells(wrong: Outputs, { values, bounds }: Right, p: Precision, name: string): boolean {
  const [right, bound, other] = [values.get(name), bounds.get(name), wrong.get(name)];
  if (!right || !bound) return false;
  if (!other || other.length !== right.length) return true;
  const most = largestFinite(p.output);
  const room = roomOf(other, right, bound, p);
  for (let i = 0; i < right.length; i++) {
    if (bound[i] === Infinity || isSame(right[i], other[i], most)) continue;
    if (!(Math.abs(other[i] - right[i]) <= bound[i] + room(i))) return true;
  }
  return false;
}

/** Whether outputs differ from what is right by more than so many bounds, somewhere in the outputs that the subject gives. */
export function differs(outputs: Outputs, { values, bounds }: Right, times: number, given: Iterable<string>): boolean {
  for (const name of given) {
    const [right, bound, actual] = [values.get(name), bounds.get(name), outputs.get(name)];
    if (!right || !bound) continue;
    if (!actual || actual.length !== right.length) return true;
    for (let i = 0; i < right.length; i++) {
      if (bound[i] === Infinity || actual[i] === right[i] || (Number.isNaN(actual[i]) && Number.isNaN(right[i])))
        continue;
      if (!(Math.abs(actual[i] - right[i]) <= times * bound[i])) return true;
    }
  }
  return false;
}
