/** The few cases of fixed size and ordinary numbers that kernels are commonly tested on. */
import { fill } from '../../properties/arbitraries/cases.ts';
import { ordinary } from '../../properties/arbitraries/values.ts';
import { mapTensor } from '../../properties/edit.ts';
import { type Precision, roundCase } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf } from '../../reference/levels.ts';
import type { System } from '../../reference/systems/registry.ts';
import { axesOf, type InputName } from '../../reference/systems/system.ts';
import type { DenseTensor } from '../../reference/tensor.ts';

interface Size {
  B: number;
  T: number;
  H: number;
  K: number;
  V: number;
  chunkSize: number;
  /** Packed sequences begin and end here. */
  cuSeqlens?: number[];
}

/** One of whole chunks, one with a partial chunk and two rows, one of packed sequences. */
const SIZES: readonly Size[] = [
  { B: 1, T: 128, H: 1, K: 16, V: 16, chunkSize: 64 },
  { B: 2, T: 70, H: 2, K: 16, V: 16, chunkSize: 32 },
  { B: 1, T: 96, H: 1, K: 16, V: 16, chunkSize: 16, cuSeqlens: [0, 30, 64, 96] },
];

/** Keys of length 1, as the delta rule gets them. */
function unitRows(keys: DenseTensor): DenseTensor {
  const K = keys.shape[3];
  for (let at = 0; at < keys.data.length; at += K) {
    const row = keys.data.subarray(at, at + K);
    const norm = Math.hypot(...row);
    for (let i = 0; i < K; i++) row[i] /= norm;
  }
  return keys;
}

export const fixedCases = (system: System, seed: number, precision: Precision): Case[] =>
  SIZES.map(({ B, T, H, K, V, chunkSize, cuSeqlens }, n) => {
    const sizes: Record<string, number> = { B, T, H, G: H, K, V, L: levelsOf({ kind: 'weak', base: 2 }).count(T) };
    const draw = (name: string, shape: number[]): DenseTensor => fill(seed + n, name, shape, ordinary[2]);
    const inputs: Case['inputs'] = {};
    for (const name of system.required as InputName[]) {
      const value = draw(
        name,
        [...axesOf(system.recurrence, name)].map((letter) => sizes[letter]),
      );
      if (name === 'g') inputs[name] = mapTensor(value, (entry) => -Math.abs(entry));
      else if (name === 'beta' || name === 'lambda') inputs[name] = mapTensor(value, Math.abs);
      else inputs[name] = name === 'k' && system.recurrence?.beta ? unitRows(value) : value;
    }
    const c: Case = { system: system.name, inputs, chunkSize, scale: K ** -0.5 };
    if (cuSeqlens) c.cuSeqlens = cuSeqlens;
    c.cotangents = { o: draw('cotangents.o', [B, T, H, V]) };
    return roundCase(c, precision);
  });
