/** Floating-point numbers as little-endian bytes, and back, in integer arithmetic: the same bytes on every machine. */

export const FLOAT_TYPES = ['float64', 'float32', 'float16', 'bfloat16'] as const;
export type FloatType = (typeof FLOAT_TYPES)[number];

/** Bytes of one number. */
export const FLOAT_BYTES: Record<FloatType, number> = { float64: 8, float32: 4, float16: 2, bfloat16: 2 };

const view = new DataView(new ArrayBuffer(8));

/** bfloat16, rounded to nearest, ties to even. */
function bitsOfBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function float32OfBits(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** A number below 2^51 as an integer, ties to even. */
const toInteger = (size: number): number => size + 2 ** 52 - 2 ** 52;

/** binary16, rounded to nearest, ties to even: sign, five bits of exponent, ten of fraction. */
function bitsOfFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Infinity || size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | toInteger(size * 2 ** 24);
  // the exponent as it is stored: engines may differ in the last place of a logarithm
  view.setFloat64(0, size);
  const exponent = (view.getUint16(0) >>> 4) - 1023;
  return sign | (((exponent + 15) << 10) + toInteger((size / 2 ** exponent - 1) * 1024));
}

function float16OfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

type Write = (to: DataView, at: number, value: number) => void;
// JavaScript does not say which bits a NaN has: ours are those of every quiet NaN that hardware makes
const writers: Record<FloatType, Write> = {
  float64(to, at, value) {
    if (Number.isNaN(value)) to.setUint32(at + 4, 0x7ff80000, true);
    else to.setFloat64(at, value, true);
  },
  float32(to, at, value) {
    if (Number.isNaN(value)) to.setUint32(at, 0x7fc00000, true);
    else to.setFloat32(at, value, true);
  },
  float16: (to, at, value) => to.setUint16(at, bitsOfFloat16(value), true),
  bfloat16: (to, at, value) => to.setUint16(at, bitsOfBfloat16(value), true),
};

const readers: Record<FloatType, (from: DataView, at: number) => number> = {
  float64: (from, at) => from.getFloat64(at, true),
  float32: (from, at) => from.getFloat32(at, true),
  float16: (from, at) => float16OfBits(from.getUint16(at, true)),
  bfloat16: (from, at) => float32OfBits(from.getUint16(at, true) << 16),
};

const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** The types whose arrays have these bytes, on machines that are little-endian: copied as a whole, in a tenth of the time. */
const ARRAYS = isLittle ? { float64: Float64Array, float32: Float32Array, float16: null, bfloat16: null } : null;

/** Bytes of numbers, each the nearest of the type. */
export function encodeFloats(values: ArrayLike<number>, type: FloatType): Uint8Array<ArrayBuffer> {
  const size = FLOAT_BYTES[type];
  const Native = ARRAYS?.[type];
  const copied = Native ? new Native(values) : null;
  if (copied && !hasNaN(copied)) return new Uint8Array(copied.buffer);
  const bytes = new Uint8Array(values.length * size);
  const to = new DataView(bytes.buffer);
  const write = writers[type];
  for (let i = 0; i < values.length; i++) write(to, size * i, values[i]);
  return bytes;
}

function hasNaN(values: Float64Array | Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}

/** All numbers that the bytes hold. */
export function decodeFloats(bytes: Uint8Array, type: FloatType): Float64Array {
  const size = FLOAT_BYTES[type];
  const Native = ARRAYS?.[type];
  if (Native) {
    const numbers = new Native(Math.floor(bytes.length / size));
    // they begin anywhere among the bytes that came
    new Uint8Array(numbers.buffer).set(bytes.subarray(0, numbers.byteLength));
    return numbers instanceof Float64Array ? numbers : new Float64Array(numbers);
  }
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float64Array(Math.floor(bytes.length / size));
  const read = readers[type];
  for (let i = 0; i < data.length; i++) data[i] = read(from, size * i);
  return data;
}
