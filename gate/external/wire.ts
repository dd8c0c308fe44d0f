/** Tensors as bytes, and messages as lines of JSON with tensors behind them: docs/protocol.md. */
import { type DenseTensor, elements, tensor } from '../../reference/tensor.ts';

export const WIRE_TYPES = ['float64', 'float32', 'float16', 'bfloat16'] as const;
export type WireType = (typeof WIRE_TYPES)[number];

const BYTES: Record<WireType, number> = { float64: 8, float32: 4, float16: 2, bfloat16: 2 };

/** The format that tensors of a dtype of the description come in. */
export const WIRE: Record<string, WireType> = {
  float64: 'float64',
  float32: 'float32',
  tf32: 'float32',
  bfloat16: 'bfloat16',
  float16: 'float16',
};

/** A tensor as a message announces it. */
export interface TensorHeader {
  name: string;
  dtype: WireType;
  shape: number[];
}

export const byteLength = ({ dtype, shape }: Pick<TensorHeader, 'dtype' | 'shape'>): number =>
  elements(shape) * BYTES[dtype];

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** bfloat16, rounded to nearest, ties to even. */
function bitsOfBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  float[0] = value;
  return (word[0] + 0x7fff + ((word[0] >>> 16) & 1)) >>> 16;
}

function float32OfBits(bits: number): number {
  word[0] = bits;
  return float[0];
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
  const exponent = Math.floor(Math.log2(size));
  return sign | (((exponent + 15) << 10) + toInteger((size / 2 ** exponent - 1) * 1024));
}

function float16OfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** The types whose arrays have the bytes of the wire, on machines that are little-endian. */
const ARRAYS = isLittle ? { float64: Float64Array, float32: Float32Array, float16: null, bfloat16: null } : null;

/** Row-major little-endian bytes of numbers that the type can hold. */
export function encode(values: ArrayLike<number>, dtype: WireType): Buffer {
  const Native = ARRAYS?.[dtype];
  if (Native) return Buffer.from(new Native(values).buffer);
  const bytes = Buffer.alloc(values.length * BYTES[dtype]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < values.length; i++) {
    if (dtype === 'float64') view.setFloat64(8 * i, values[i], true);
    else if (dtype === 'float32') view.setFloat32(4 * i, values[i], true);
    else if (dtype === 'bfloat16') view.setUint16(2 * i, bitsOfBfloat16(values[i]), true);
    else view.setUint16(2 * i, bitsOfFloat16(values[i]), true);
  }
  return bytes;
}

/** The tensor whose bytes those are. */
export function decode({ dtype, shape }: Pick<TensorHeader, 'dtype' | 'shape'>, bytes: Buffer): DenseTensor {
  const size = elements(shape);
  const Native = ARRAYS?.[dtype];
  if (Native) {
    const numbers = new Native(size);
    // they begin anywhere among the bytes that came
    new Uint8Array(numbers.buffer).set(bytes.subarray(0, numbers.byteLength));
    return tensor(numbers instanceof Float64Array ? numbers : new Float64Array(numbers), shape);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = new Float64Array(size);
  for (let i = 0; i < data.length; i++) {
    if (dtype === 'float64') data[i] = view.getFloat64(8 * i, true);
    else if (dtype === 'float32') data[i] = view.getFloat32(4 * i, true);
    else if (dtype === 'bfloat16') data[i] = float32OfBits(view.getUint16(2 * i, true) << 16);
    else data[i] = float16OfBits(view.getUint16(2 * i, true));
  }
  return tensor(data, shape);
}
