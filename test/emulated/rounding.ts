/** Rounding as machines do it, fast: roundTo (properties/precision.ts) bit by bit, for numbers that are float32 already. */
import {
  bfloat16,
  type Format,
  float16,
  float32,
  float64,
  largestFinite,
  roundTo,
  tf32,
} from '../../properties/precision.ts';

export type Round = (value: number) => number;

const asFloat = new Float32Array(1);
const asBits = new Int32Array(asFloat.buffer);

const identity: Round = (value) => value;

/** Float32 to a format of the same exponents that drops `bits` bits: to nearest, ties to even, by a carry into what is kept. */
function dropNearest(bits: number): Round {
  const half = 2 ** (bits - 1) - 1;
  const keep = -(2 ** bits);
  return (value) => {
    if (!Number.isFinite(value)) return value;
    asFloat[0] = value;
    const from = asBits[0];
    asBits[0] = (from + half + ((from >>> bits) & 1)) & keep;
    return asFloat[0];
  };
}

/** The same, towards zero. */
function dropCut(bits: number): Round {
  const keep = -(2 ** bits);
  return (value) => {
    if (!Number.isFinite(value)) return value;
    asFloat[0] = value;
    asBits[0] &= keep;
    return asFloat[0];
  };
}

const toTf32Bits = dropNearest(13);
const toBfloat16 = dropNearest(16);
const LARGEST_HALF = largestFinite(float16);

/** Below 2^-14 float16 has the quantum 2^-24, which is that of float32 between 1/2 and 1: adding 3/4 there rounds to it. */
function toFloat16(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const size = Math.abs(value);
  const rounded = size < 2 ** -14 ? Math.fround(size + 0.75) - 0.75 : toTf32Bits(size);
  return Math.sign(value) * (rounded > LARGEST_HALF ? Number.POSITIVE_INFINITY : rounded);
}

const cutToTf32 = dropCut(13);

/** The float32 number next to a float64 on the way to zero. */
function cutToFloat32(value: number): number {
  asFloat[0] = value;
  const nearest = asFloat[0];
  if (Math.abs(nearest) <= Math.abs(value) || Number.isNaN(value)) return nearest;
  asBits[0] -= 1;
  return asFloat[0];
}

function nearest(f: Format): Round {
  if (f === float64) return identity;
  if (f === float32) return Math.fround;
  if (f === tf32) return toTf32Bits;
  if (f === bfloat16) return toBfloat16;
  if (f === float16) return toFloat16;
  return (value) => roundTo(f, value);
}

/** Cutting is known of float32 and TF32 alone; other formats round to nearest. */
const cut = (f: Format): Round => (f === float32 ? cutToFloat32 : f === tf32 ? cutToTf32 : nearest(f));

/** Rounds to a format. Formats narrower than float32 expect numbers that float32 holds: everything in registers is. */
export function rounder(f: Format, how: { cut?: boolean; flush?: boolean } = {}): Round {
  const round = how.cut ? cut(f) : nearest(f);
  if (!how.flush || !f.mayFlush) return round;
  const least = 2 ** f.minExponent;
  return (value) => {
    const rounded = round(value);
    return Math.abs(rounded) < least ? 0 * rounded : rounded;
  };
}
