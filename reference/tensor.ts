/** Public tensors are ndarrays; inside, everything is a dense row-major Float64Array. */
import ndarray, { type NdArray } from 'ndarray';
import { InvalidInput } from './errors.ts';

/** A tensor as callers bring it: any strides and offset, float64 or float32, or a plain array of numbers. */
export type Tensor = NdArray<Float64Array | Float32Array | number[]>;

/** A tensor as we hand it out. */
export type DenseTensor = NdArray<Float64Array>;

const DTYPES = ['float64', 'float32', 'array'];

/** An ndarray over dense data. */
export const tensor = (data: Float64Array, shape: number[]): DenseTensor => ndarray(data, shape);

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Throws InvalidInput unless the value is an ndarray of a dtype that can hold the operator's numbers. */
export function checkTensor(where: string, argument: string, value: unknown): asserts value is Tensor {
  const candidate = value as Tensor | null | undefined;
  const isNdarray =
    typeof candidate === 'object' && candidate !== null && Array.isArray(candidate.shape) && 'stride' in candidate;
  if (!isNdarray) throw new InvalidInput(where, argument, typeof value, 'an ndarray', 'wrap it: ndarray(data, shape)');
  if (!DTYPES.includes(candidate.dtype)) {
    throw new InvalidInput(where, argument, `dtype ${candidate.dtype}`, 'float64 or float32', 'convert it first');
  }
  const { shape, stride, offset, data } = candidate;
  if (elements(shape) === 0) return;
  const reach = (sign: number): number =>
    shape.reduce((sum, size, axis) => sum + (Math.sign(stride[axis]) === sign ? (size - 1) * stride[axis] : 0), offset);
  if (!(reach(-1) >= 0 && reach(1) < data.length)) {
    const given = `${data.length} numbers for shape [${shape}], strides [${stride}], offset ${offset}`;
    throw new InvalidInput(where, argument, given, 'data that every index of the shape falls into');
  }
}

/** The elements in row-major order, whatever the strides: always a copy. */
export function toDense({ data, shape, stride, offset }: Tensor): Float64Array {
  const dense = new Float64Array(elements(shape));
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  let at = offset;
  for (let i = 0; i < dense.length; i++) {
    dense[i] = data[at];
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += stride[axis];
      if (++index[axis] < shape[axis]) break;
      at -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return dense;
}
