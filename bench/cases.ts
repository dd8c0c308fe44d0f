/** The cases that are timed, and the check that comes before each clock. */
import { compare } from '../properties/compare.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Case } from '../reference/case.ts';
import { bitLength } from '../reference/levels.ts';
import { findSystem } from '../reference/systems/registry.ts';
import { type DenseTensor, elements, type Tensor, tensor } from '../reference/tensor.ts';

/** Thrown where two forms, or numpy and we, do not agree: then no time means anything. */
export class WrongAnswer extends Error {}

/** Uniform numbers in [0,1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Sizes {
  T: number;
  H: number;
  K: number;
  V: number;
  /** Default: what T needs. */
  L?: number;
}

/** B = 1, G = H; q, v in (-1,1), keys of about unit length, g in (-0.1,0], beta and lambda in [0,1). */
export function randomCase(system: string, { T, H, K, V, L = bitLength(T - 1) + 1 }: Sizes, seed = 1): Case {
  const draw = uniform(seed);
  const filled = (shape: number[], from: number, to: number): DenseTensor =>
    tensor(
      new Float64Array(elements(shape)).map(() => from + (to - from) * draw()),
      shape,
    );
  const needs = findSystem(system)?.required ?? [];
  const key = Math.sqrt(3 / K);
  const inputs: Case['inputs'] = {
    q: filled([1, T, H, K], -1, 1),
    k: filled([1, T, H, K], -key, key),
    v: filled([1, T, H, V], -1, 1),
  };
  if (needs.includes('g')) inputs.g = filled([1, T, H], -0.1, 0);
  if (needs.includes('beta')) inputs.beta = filled([1, T, H], 0, 1);
  if (needs.includes('lambda')) inputs.lambda = filled([1, T, H, L], 0, 1);
  return { system, inputs };
}

/** Throws unless both answers lie within the error model's bound of the exact one. */
export function mustAgree(what: string, c: Case, one: Tensor, other: Tensor): void {
  const worst = compare(
    'o',
    one,
    other,
    boundsOf(c).o.map((bound) => 2 * bound),
  );
  if (worst.ratio <= 1) return;
  throw new WrongAnswer(`${what}: ${worst.name}[${worst.index}] is ${worst.actual} and ${worst.expected}`);
}
