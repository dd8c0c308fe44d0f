/** Tensors as bytes, and messages as lines of JSON with tensors behind them: docs/protocol.md. */
import { decodeFloats, encodeFloats, FLOAT_BYTES, FLOAT_TYPES, type FloatType } from '../../reference/float-bytes.ts';
import { type DenseTensor, elements, tensor } from '../../reference/tensor.ts';

export const WIRE_TYPES = FLOAT_TYPES;
export type WireType = FloatType;

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
  elements(shape) * FLOAT_BYTES[dtype];

/** Row-major little-endian bytes of numbers that the type can hold. */
export function encode(values: ArrayLike<number>, dtype: WireType): Buffer {
  const { buffer } = encodeFloats(values, dtype);
  return Buffer.from(buffer);
}

/** The tensor whose bytes those are. */
export const decode = ({ dtype, shape }: Pick<TensorHeader, 'dtype' | 'shape'>, bytes: Buffer): DenseTensor =>
  tensor(decodeFloats(bytes.subarray(0, byteLength({ dtype, shape })), dtype), shape);
