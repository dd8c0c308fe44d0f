/** What is right, and how far a correct implementation in a precision may be from it. */
import { axes } from '../properties/edit.ts';
import { boundFor, tensorsOf } from '../properties/laws/common.ts';
import type { Precision } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Case } from '../reference/case.ts';
import { compute } from '../reference/operator.ts';
import type { InputName } from '../reference/systems/system.ts';
import { toDense } from '../reference/tensor.ts';
import type { Expected } from './failure.ts';

/** @throws InvalidInput where the case has no answer */
export function expectedOf(c: Case, precision: Precision): Expected {
  const bounds = boundsOf(c, precision);
  const axesOf = (name: string): string => {
    if (name === 'o') return 'BTHV';
    return name === 'finalState' ? 'nHLKV' : axes(c, name.slice('gradients.'.length) as InputName);
  };
  const tensors = [...tensorsOf(compute(c))].map(([name, value]): [string, object] => [
    name,
    { axes: axesOf(name), shape: [...value.shape], data: toDense(value), bound: boundFor(bounds, name) },
  ]);
  return { tensors: new Map(tensors) as Expected['tensors'] };
}
