/** What the oracle answers to a question: the script's hint, and what stands in for an answer that is not there yet. */
import { inputNames } from '../../properties/edit.ts';
import type { Implementation } from '../../properties/law.ts';
import { boundFor, boundsFor, tensorsOf } from '../../properties/laws/common.ts';
import { type Precision, roundCase, roundTensor } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { encode, type TensorHeader } from '../external/wire.ts';

/** The oracle's answer to what the program sees of a case: its numbers are those of the dtype. */
export const exactAnswer = (c: Case, p: Precision): Answer => compute({ ...roundCase(c, p), form: undefined });

/** The answer that the best of programs could give: rounded, and without a final state where it has none. */
export function standIn({ o, finalState, position, gradients }: Answer, p: Precision, hasState: boolean): Answer {
  const answer: Answer = { o: roundTensor(p.output, o), position };
  if (finalState && hasState) answer.finalState = roundTensor(p.state, finalState);
  if (gradients) {
    const rounded = Object.entries(gradients).map(([name, value]) => [name, roundTensor(p.output, value)]);
    answer.gradients = Object.fromEntries(rounded);
  }
  return answer;
}

/** Cases with NaN or infinities are about what must not change, and laws alone know what that is. */
const isPlain = (c: Case): boolean =>
  inputNames(c).every((name) =>
    toDense(c.inputs[name] as Tensor).every(
      (entry) => Number.isFinite(entry) || (name === 'g' && entry === Number.NEGATIVE_INFINITY),
    ),
  );

/** The exact answer and its bounds as tensors of a message; null where they would say nothing. */
export function expectedMessage(
  c: Case,
  exact: Answer,
  subject: Implementation,
): { tensors: TensorHeader[]; body: Buffer[] } | null {
  if (!isPlain(c)) return null;
  const bounds = boundsFor(subject, c);
  const tensors: TensorHeader[] = [];
  const body: Buffer[] = [];
  for (const [name, value] of tensorsOf(exact)) {
    if (name === 'finalState' && !subject.abilities.state) continue;
    const shape = [...value.shape];
    // of a bound, three digits are plenty
    tensors.push({ name, dtype: 'float64', shape }, { name: `bounds.${name}`, dtype: 'float32', shape });
    body.push(encode(toDense(value), 'float64'), encode(boundFor(bounds, name), 'float32'));
  }
  return { tensors, body };
}
