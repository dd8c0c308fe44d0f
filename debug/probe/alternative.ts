/** What an output would be if the implementation computed something else. */
import { zerosLike } from '../../properties/edit.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { toDense } from '../../reference/tensor.ts';

/** By the names of outputs: o, finalState, gradients.k. */
export type Outputs = ReadonlyMap<string, Float64Array>;

export interface Alternative {
  words: string;
  outputs(): Outputs;
}

export const ofCase = (c: Case): Outputs =>
  new Map([...tensorsOf(compute(c))].map(([name, value]) => [name, toDense(value)]));

type Cotangents = NonNullable<Case['cotangents']>;

/** Gradients by what comes through the outputs alone. */
export const throughOutputs = (c: Case): Outputs => ofCase({ ...c, cotangents: { o: (c.cotangents as Cotangents).o } });

/** Gradients by what comes through the final state alone. */
export const throughState = (c: Case): Outputs => {
  const { o, finalState } = c.cotangents as Cotangents;
  return ofCase({ ...c, cotangents: { o: zerosLike(o), finalState } });
};

/** Some gradients that come through the outputs, and what comes through the final state as it should. */
export function withState(c: Case, gradients: Outputs): Outputs {
  if (!c.cotangents?.finalState) return gradients;
  const more = throughState(c);
  return new Map(
    [...gradients].map(([name, values]) => [
      name,
      values.map((value, at) => value + (more.get(name) as Float64Array)[at]),
    ]),
  );
}
