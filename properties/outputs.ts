/** The tensors of a case's answer by the names that verdicts use: "o", "finalState", "gradients.k". */

import type { Case } from '../reference/case.ts';
import { ravel } from './compare.ts';
import { axes, inputNames, shapeOf, sizesOf, systemOf } from './edit.ts';
import type { OutputName } from './errors/by-element.ts';

export interface Output {
  /** In the error model: a gradient has the name of its input. */
  name: OutputName;
  /** Letters of its axes. */
  axes: string;
  shape: number[];
}

/** Every output of a case that can be answered. */
export function outputsOf(c: Case): Map<string, Output> {
  const outputs = new Map<string, Output>([['o', { name: 'o', axes: 'BTHV', shape: shapeOf(c, 'v') }]]);
  const { n, H, L, K, V } = sizesOf(c);
  if (systemOf(c).recurrence) outputs.set('finalState', { name: 'finalState', axes: 'nHLKV', shape: [n, H, L, K, V] });
  for (const name of c.cotangents ? inputNames(c) : []) {
    outputs.set(`gradients.${name}`, { name, axes: axes(c, name), shape: shapeOf(c, name) });
  }
  return outputs;
}

export const isInside = (index: readonly number[], shape: readonly number[]): boolean =>
  index.length === shape.length && index.every((each, axis) => each >= 0 && each < shape[axis]);

/** Which element of the answer that is; null where the answer has none there. */
export function outputAt(c: Case, name: string, index: readonly number[]): { name: OutputName; at: number } | null {
  const output = outputsOf(c).get(name);
  if (!output || !isInside(index, output.shape)) return null;
  return { name: output.name, at: ravel(index, output.shape) };
}
