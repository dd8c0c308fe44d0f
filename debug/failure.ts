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
  for (const [name, { axes, shape, data, bound }] of expected.tensors) {
    const value = given.get(name);
    if (!value) {
      // an answer need not have a state
      if (name !== 'finalState') faults.push(`${name} is missing`);
      continue;
    }
    if (value.shape.join() !== shape.join()) {
      faults.push(`${name} has shape [${value.shape}], where [${shape}] is wanted`);
      continue;
    }
    const actual = toDense(value);
    const ratio = Float64Array.from({ length: elements(shape) }, (_, i) => ratioOf(actual[i], data[i], bound[i]));
    outputs.push({ name, axes, shape, actual, expected: data, bound, ratio });
  }
  return { c, precision, outputs, faults };
}

/** Places that are wrong, in row-major order. */
export const wrongPlaces = ({ ratio, shape }: OutputErrors): number[][] =>
  [...ratio.keys()].filter((at) => !(ratio[at] <= 1)).map((at) => unravel(at, shape));
