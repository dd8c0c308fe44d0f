import type { Bounds } from '../properties/tolerance.ts';
import type { Answer } from '../reference/case.ts';
import { type JsonAnswer, type JsonTensor, tensorToJson } from '../reference/case-json.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type Tensor, tensor } from '../reference/tensor.ts';

/** Bounds as JSON data, shaped like the tensors of the answer that they are for. */
export function boundsToJson(bounds: Bounds, answer: Answer): Omit<JsonAnswer, 'position'> {
  const shaped = (data: Float64Array, like: Tensor): JsonTensor => tensorToJson(tensor(data, [...like.shape]));
  const json: Omit<JsonAnswer, 'position'> = { o: shaped(bounds.o, answer.o) };
  if (answer.finalState) json.finalState = shaped(bounds.finalState, answer.finalState);
  if (answer.gradients) {
    json.gradients = {};
    for (const [name, gradient] of Object.entries(answer.gradients) as [InputName, Tensor][]) {
      json.gradients[name] = shaped(bounds.gradients[name] as Float64Array, gradient);
    }
  }
  return json;
}
