/**
 * What debugging starts from: a case, what somebody's implementation answered, and what is right. Everything in debug/ speaks in units of
 * the bound: 1 is as far off as a correct implementation may be.
 */
import { ratioOf, unravel } from '../properties/compare.ts';
import type { Implementation } from '../properties/law.ts';
import { tensorsOf } from '../properties/laws/common.ts';
import type { Precision } from '../properties/precision.ts';
import type { Answer, Case } from '../reference/case.ts';
import { elements, toDense } from '../reference/tensor.ts';

/** One output of an answer against what is right. */
export interface OutputErrors {
  /** "o", "finalState", "gradients.k" */
  name: string;
  /** Letters of its axes, such as "BTHV". */
  axes: string;
  shape: number[];
  actual: Float64Array;
  expected: Float64Array;
  bound: Float64Array;
  /** |actual - expected| / bound: above 1 wrong, Infinity for NaN. */
  ratio: Float64Array;
}

export interface Failure {
  c: Case;
  precision: Precision;
  outputs: OutputErrors[];
  /** What is missing in the answer, or of another shape: in words. */
  faults: string[];
  /** Those outputs, as they should be. */
  missing: Omit<OutputErrors, 'actual' | 'ratio'>[];
}

/** The implementation, where it can be asked more; null where only its answer is there. */
export type Subject = Pick<
  Implementation,
  'name' | 'abilities' | 'precision' | 'run' | 'chunkSize' | 'intermediates'
> | null;

/** What is right, with bounds for the precision. */
export interface Expected {
  tensors: ReadonlyMap<string, { axes: string; shape: number[]; data: Float64Array; bound: Float64Array }>;
}

/** An answer against what is right. */
export function failureOf(c: Case, precision: Precision, answer: Answer, expected: Expected): Failure {
  const given = tensorsOf(answer);
  const faults: string[] = [];
  const outputs: OutputErrors[] = [];
  const missing: Failure['missing'] = [];
  for (const [name, { axes, shape, data, bound }] of expected.tensors) {
    const value = given.get(name);
    if (!value) {
      // an answer need not have a state
      if (name === 'finalState') continue;
      faults.push(`${name} is missing`);
      missing.push({ name, axes, shape, expected: data, bound });
      continue;
    }
    if (value.shape.join() !== shape.join()) {
      faults.push(`${name} has shape [${value.shape}], where [${shape}] is wanted`);
      missing.push({ name, axes, shape, expected: data, bound });
      continue;
    }
    const actual = toDense(value);
    const ratio = Float64Array.from({ length: elements(shape) }, (_, i) => ratioOf(actual[i], data[i], bound[i]));
    outputs.push({ name, axes, shape, actual, expected: data, bound, ratio });
  }
  for (const name of given.keys()) {
    if (!expected.tensors.has(name)) faults.push(`${name} is answered, and the case does not ask for it`);
  }
  return { c, precision, outputs, faults, missing };
}

/** Whether anything is wrong. */
export const isWrong = ({ outputs, faults }: Failure): boolean =>
  faults.length > 0 || outputs.some(({ ratio }) => ratio.some((each) => !(each <= 1)));

/** Places that are wrong, in row-major order. */
export const wrongPlaces = ({ ratio, shape }: OutputErrors): number[][] =>
  [...ratio.keys()].filter((at) => !(ratio[at] <= 1)).map((at) => unravel(at, shape));
