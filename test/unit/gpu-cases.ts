/** Cases for the tests of one family of kernels, and what every family must do with them. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { computeOn } from '../../gpu/compute.ts';
import type { Device } from '../../gpu/device.ts';
import { gpuForms } from '../../gpu/implementations.ts';
import { cases } from '../../properties/arbitraries/cases.ts';
import { noise, signed } from '../../properties/arbitraries/noise.ts';
import { compare } from '../../properties/compare.ts';
import type { Worst } from '../../properties/law.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { findPrecision, type Precision, roundCase } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { axesOf } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor } from '../../reference/tensor.ts';
import { goodCase, type Sizes, withCotangents } from './good-case.ts';

export const float32 = findPrecision('float32') as Precision;

/** A case with cotangents, its numbers in float32. */
export const inFloat32 = (system: string, sizes: Sizes, more: Partial<Case>): Case =>
  roundCase(withCotangents(goodCase(system, sizes, more), sizes), float32);

/** The case with another log decay at every so many elements. */
export function withDecays(c: Case, every: number, value: number): Case {
  const g = c.inputs.g as DenseTensor;
  for (let i = 1; i < g.data.length; i += every) g.data[i] = value;
  return c;
}

export const long: Sizes & { T: number } = { T: 21, G: 2, H: 4, L: 6 };
export const continued = { chunkSize: 4, position: [5], scale: 0.5 };
export const packed: [Sizes, Partial<Case>] = [
  { T: 19, n: 3, L: 6, stateLevels: 6 },
  { chunkSize: 4, cuSeqlens: [0, 6, 6, 19], position: [0, 2, 9] },
];

/** Small random cases, states and packed sequences among them. */
export function drawn(name: string, runs: number): Case[] {
  const wish = { maxT: 40, maxChannels: 8, gradients: true, state: 'sometimes', packed: 'sometimes' } as const;
  const all = cases(findSystem(name) as System, gpuForms[0].abilities, wish, float32);
  return fc.sample(all, { numRuns: runs, seed: 5 });
}

/** NaN in every input from some token on changes nothing before it. */
export async function readsNothingLater(device: Device, { cotangents: _, ...c }: Case, T: number): Promise<void> {
  const before = await computeOn(device, c);
  const from = 11;
  for (const tensor of Object.values(c.inputs) as DenseTensor[]) {
    tensor.data.fill(Number.NaN, (tensor.data.length / T) * from);
  }
  const after = await computeOn(device, c);
  const kept = (before.o.data.length / T) * from;
  expect(after.o.data.slice(0, kept)).toEqual(before.o.data.slice(0, kept));
  expect(after.o.data.slice(kept).every(Number.isNaN)).toBe(true);
}

/** What is further from the oracle than its bound, in any output or gradient. */
export async function outside(device: Device, c: Case): Promise<Worst[]> {
  const given = tensorsOf(await computeOn(device, c));
  const bounds = boundsOf(c, float32);
  return [...tensorsOf(compute(c))]
    .map(([name, value]) => compare(name, given.get(name) as DenseTensor, value, boundFor(bounds, name)))
    .filter(({ ratio }) => !(ratio <= 1));
}

/** A case of one sequence with cotangents. */
export function caseOf(name: string, T: number, chunkSize = 16, K = 3, V = 2): Case {
  const { required, recurrence } = findSystem(name) as System;
  const sizes: Record<string, number> = { B: 1, T, G: 1, H: 2, K, V };
  sizes.L = levelsOf({ kind: 'weak', base: 2 }).count(T);
  const filled = (what: string, shape: number[], value: (x: number) => number): Tensor =>
    tensor(
      Float64Array.from({ length: elements(shape) }, (_, i) => value(signed(noise(1, what, [i])))),
      shape,
    );
  const inputs: Case['inputs'] = {};
  for (const input of required) {
    const shape = [...axesOf(recurrence, input)].map((letter) => sizes[letter]);
    inputs[input] = filled(input, shape, (x) =>
      input === 'g' ? -Math.abs(x) / 8 : input === 'beta' ? Math.abs(x) : x,
    );
  }
  return { system: name, inputs, chunkSize, cotangents: { o: filled('o', [1, T, 2, V], (x) => x) } };
}
