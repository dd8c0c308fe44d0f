/** Cases that are made to measure, and what mutants fail on them. */

import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { expectedOf } from '../../debug/expected.ts';
import { type Failure, failureOf } from '../../debug/failure.ts';
import { fill } from '../../properties/arbitraries/cases.ts';
import { independent } from '../../properties/arbitraries/values.ts';
import { axes, mapTensor } from '../../properties/edit.ts';
import type { Implementation } from '../../properties/law.ts';
import { DOUBLE, type Precision, roundCase } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { bitLength } from '../../reference/levels.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { DenseTensor } from '../../reference/tensor.ts';

export interface Wanted {
  B?: number;
  T?: number;
  H?: number;
  G?: number;
  K?: number;
  V?: number;
  C?: number;
  scale?: number;
  seed?: number;
  extraLevels?: number;
  position?: number[];
  cuSeqlens?: number[];
  state?: boolean;
  gradients?: boolean;
  finalCotangent?: boolean;
  /** Changes entries of inputs. */
  change?: Partial<Record<InputName, (value: number, index: readonly number[]) => number>>;
}

/** A case of ordinary numbers in the sizes that are asked for. */
export function makeCase(name: string, wanted: Wanted = {}, precision: Precision = DOUBLE): Case {
  const { B = 1, T = 10, H = 2, G = 1, K = 3, V = 4, C = 4, seed = 7, position, cuSeqlens } = wanted;
  const system = findSystem(name) as System;
  const n = cuSeqlens ? cuSeqlens.length - 1 : B;
  const reach = Math.max(...Array.from({ length: n }, (_, i) => (position?.[i] ?? 0) + T));
  const L = system.logLinear ? bitLength(reach - 1) + 1 + (wanted.extraLevels ?? 0) : 1;
  const sizes: Record<string, number> = { B, T, H, G, K, V, L, n };
  const shapeOf = (letters: string): number[] => [...letters].map((letter) => sizes[letter]);
  const c: Case = { system: name, inputs: {}, chunkSize: C };
  for (const input of [...system.required, ...(wanted.state ? (['initialState'] as const) : [])]) {
    const values = fill(seed, input, shapeOf(axes(c, input)), independent[input][0]);
    c.inputs[input] = values;
  }
  for (const [input, change] of Object.entries(wanted.change ?? {})) {
    c.inputs[input as InputName] = mapTensor(c.inputs[input as InputName] as DenseTensor, change);
  }
  if (wanted.scale !== undefined) c.scale = wanted.scale;
  if (position) c.position = position;
  if (cuSeqlens) c.cuSeqlens = cuSeqlens;
  const style = independent.v[0];
  if (wanted.gradients) c.cotangents = { o: fill(seed, 'cotangents.o', shapeOf('BTHV'), style) };
  if (wanted.finalCotangent && c.cotangents)
    c.cotangents.finalState = fill(seed, 'cotangents.finalState', shapeOf('nHLKV'), style);
  return roundCase(c, precision);
}

export const mutantNamed = (name: string): Mutant => {
  const found = mutants.find((each) => each.name === name);
  if (!found) throw new Error(`no mutant ${name}`);
  return found;
};

/** What an implementation makes of a case. */
export async function failureBy(subject: Implementation, c: Case): Promise<Failure> {
  const expected = expectedOf(c, subject.precision);
  return failureOf(c, subject.precision, await subject.run(c), expected);
}

/** A mutant on a case of its system. */
export const failing = (name: string, wanted: Wanted = {}): Promise<Failure> => {
  const { implementation, system } = mutantNamed(name);
  return failureBy(implementation, makeCase(system, wanted));
};
