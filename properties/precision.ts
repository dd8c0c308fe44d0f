/**
 * Number formats and precisions. A precision says in which format each part of an implementation holds its numbers; the error model
 * (tolerance.ts) derives bounds from it, and arbitraries round what they draw to it.
 */
import type { Case } from '../reference/case.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../reference/tensor.ts';
import { mapTensor } from './edit.ts';

/** A binary floating-point format with round to nearest, ties to even. */
export interface Format {
  name: string;
  /** Bits of the significand, the leading one included. */
  bits: number;
  /** Exponent of the smallest normal number. */
  minExponent: number;
  /** Exponent of the largest finite number. */
  maxExponent: number;
  /** Whether hardware may put 0 where a result is subnormal. */
  mayFlush: boolean;
  /** Whether hardware may cut numbers off to it instead of rounding them. */
  cuts: boolean;
}

const format = (name: string, bits: number, maxExponent: number, mayFlush: boolean, cuts = false): Format => ({
  name,
  bits,
  minExponent: 1 - maxExponent,
  maxExponent,
  mayFlush,
  cuts,
});

/** IEEE 754 binary64, binary32 and binary16; bfloat16 and NVIDIA's TF32 have float32's exponents. GPUs keep subnormals of float16. */
export const float64 = format('float64', 53, 1023, false);
export const float32 = format('float32', 24, 127, true);
export const tf32 = format('tf32', 11, 127, true, true);
export const bfloat16 = format('bfloat16', 8, 127, true);
export const float16 = format('float16', 11, 15, false);

/** Unit roundoff: a result is (1 + d) times the exact one, |d| <= u, unless it is subnormal or overflows. */
export const unitRoundoff = ({ bits }: Format): number => 2 ** -bits;
export const largestFinite = ({ bits, maxExponent }: Format): number => (2 - 2 ** (1 - bits)) * 2 ** maxExponent;
export const smallestNormal = ({ minExponent }: Format): number => 2 ** minExponent;
/** How far a result below the normal numbers may be from the exact one: all of it where it may be flushed, else a unit there. */
export const underflowStep = (f: Format): number =>
  f.mayFlush ? smallestNormal(f) : 2 ** Math.max(f.minExponent + 1 - f.bits, -1074);

const bitsOf = new DataView(new ArrayBuffer(8));
/** Adding and taking off rounds to an integer, ties to even, below 2^51. */
const TO_INTEGER = 1.5 * 2 ** 52;

/** The number of the format that is nearest to a float64. */
export function roundTo(f: Format, value: number): number {
  if (f.bits === 53) return value;
  if (f.bits === 24) return Math.fround(value);
  if (value === 0 || !Number.isFinite(value)) return value;
  bitsOf.setFloat64(0, value);
  const exponent = Math.max(((bitsOf.getUint32(0) >>> 20) & 0x7ff) - 1023, f.minExponent);
  const quantum = 2 ** (exponent - f.bits + 1);
  const rounded = (Math.abs(value) / quantum + TO_INTEGER - TO_INTEGER) * quantum;
  const overflows = exponent >= f.maxExponent && rounded > largestFinite(f);
  return Math.sign(value) * (overflows ? Number.POSITIVE_INFINITY : rounded);
}

export const roundTensor = (f: Format, value: Tensor): DenseTensor => mapTensor(value, (entry) => roundTo(f, entry));

/** Whether every entry is a number of the format already. */
export const isExactIn = (f: Format, value: Tensor): boolean =>
  f.bits === 53 || toDense(value).every((entry) => Object.is(roundTo(f, entry), entry) || Number.isNaN(entry));

/** The formats of one implementation. */
export interface Precision {
  name: string;
  /** What inputs are held in: q, k, v, g, beta, lambda. */
  inputs: Format;
  /** What the factors of a matrix product are rounded to; the products themselves are exact or rounded as sums are. */
  product: Format;
  /** Sums and everything between products. */
  accumulate: Format;
  /** A state in memory: between chunks, coming in and going out. */
  state: Format;
  /** Outputs and gradients. */
  output: Format;
}

export const precisions: readonly Precision[] = [
  {
    name: 'float64',
    inputs: float64,
    product: float64,
    accumulate: float64,
    state: float64,
    output: float64,
  },
  {
    name: 'float32',
    inputs: float32,
    product: float32,
    accumulate: float32,
    state: float32,
    output: float32,
  },
  {
    name: 'tf32',
    inputs: float32,
    product: tf32,
    accumulate: float32,
    state: float32,
    output: float32,
  },
  {
    name: 'bfloat16',
    inputs: bfloat16,
    product: bfloat16,
    accumulate: float32,
    state: bfloat16,
    output: bfloat16,
  },
  {
    name: 'float16',
    inputs: float16,
    product: float16,
    accumulate: float32,
    state: float16,
    output: float16,
  },
];

/** The preset of that name, or undefined. */
export const findPrecision = (name: string): Precision | undefined => precisions.find((each) => each.name === name);
/** The precision of the oracle. */
export const DOUBLE = precisions[0];

/** Whether factors are rounded before they are multiplied, as tensor cores do. */
export const roundsFactors = ({ product, accumulate }: Precision): boolean => product.bits < accumulate.bits;
/**
 * How much a factor of a product may lose. Tensor cores cut float32 registers off to TF32 rather than rounding them
 * (Fasi, Higham, Mikaitis, Pranesh 2021), which doubles it.
 */
export const factorRoundoff = (p: Precision): number =>
  roundsFactors(p) ? (p.product.cuts ? 2 : 1) * unitRoundoff(p.product) : 0;
/** How much an addition may lose: twice the unit roundoff on tensor cores, which align and cut off (same source). */
export const sumRoundoff = (p: Precision): number => (roundsFactors(p) ? 2 : 1) * unitRoundoff(p.accumulate);

/** A case in the formats of a precision: what an implementation that holds its inputs in them can see of it. */
export function roundCase(c: Case, p: Precision): Case {
  if ([p.inputs, p.state, p.output].every(({ bits }) => bits === 53)) return c;
  const inputs: Case['inputs'] = {};
  for (const [name, value] of Object.entries(c.inputs) as [InputName, Tensor][]) {
    inputs[name] = roundTensor(name === 'initialState' ? p.state : p.inputs, value);
  }
  const rounded: Case = { ...c, inputs };
  if (c.cotangents) {
    const { o, finalState } = c.cotangents;
    rounded.cotangents = { o: roundTensor(p.output, o) };
    if (finalState) rounded.cotangents.finalState = roundTensor(p.state, finalState);
  }
  return rounded;
}
