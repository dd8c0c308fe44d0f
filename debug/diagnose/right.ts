/** What is right for a question, with bounds for the precision of whoever is asked. */
import { inputNames } from '../../properties/edit.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { DOUBLE, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import type { Expected } from '../failure.ts';
import { type Asked, chunkOf, type Question } from './cases.ts';
import { memoryOf, type Right } from './outputs.ts';

/** By the reference in float64, whose own errors are in the bounds. */
export function expectedHere(c: Case, precision: Precision): Pick<Expected, 'tensors'> {
  const bounds = boundsOf(c, precision);
  const own = precision === DOUBLE ? bounds : boundsOf(c, DOUBLE);
  const tensors = [...tensorsOf(compute(c))].map(([name, value]) => {
    const [a, b] = [boundFor(bounds, name), boundFor(own, name)];
    const bound = a.map((each, i) => each + (Number.isFinite(b[i]) ? b[i] : 0));
    return [name, { axes: '', shape: [...value.shape] as number[], data: toDense(value), bound }] as const;
  });
  return { tensors: new Map<string, (typeof tensors)[number][1]>(tensors) };
}

/** Which answer is right, by whatever means: the default takes the reference in float64. */
export type Exact = (c: Case, precision: Precision) => Pick<Expected, 'tensors'> | Promise<Pick<Expected, 'tensors'>>;

/** What is right for a question. @throws InvalidInput where the case has no answer */
export async function rightFor(question: Question, asked: Asked, exact: Exact = expectedHere): Promise<Right> {
  const { form: _form, ...c } = question.c;
  const { tensors } = await exact({ ...c, chunkSize: chunkOf(asked, c) }, asked.precision);
  const values = new Map([...tensors].map(([name, { data }]) => [name, data]));
  const bounds = new Map([...tensors].map(([name, { bound }]) => [name, bound]));
  if (question.poisonedAt !== undefined) unpromise(question, bounds);
  const before = memoryOf(question);
  for (const name of inputNames(c)) {
    const data = toDense(before.inputs[name] as Tensor);
    values.set(`inputs.${name}`, data);
    bounds.set(`inputs.${name}`, new Float64Array(data.length));
  }
  return { values, bounds };
}

/** Nothing is promised of the token that is NaN, and of the state of its sequence. */
function unpromise({ c, poisonedAt = 0 }: Question, bounds: Map<string, Float64Array>): void {
  const [, T, H, V] = (c.inputs.v as Tensor).shape;
  const o = bounds.get('o')?.slice() as Float64Array;
  bounds.set('o', o.fill(Infinity, poisonedAt * H * V, (poisonedAt + 1) * H * V));
  const state = bounds.get('finalState')?.slice();
  if (!state) return;
  // it is the last token of the first sequence
  const isPacked = c.cuSeqlens !== undefined && poisonedAt < T - 1;
  bounds.set(
    'finalState',
    state.fill(Infinity, 0, isPacked ? state.length / ((c.cuSeqlens?.length as number) - 1) : undefined),
  );
}
