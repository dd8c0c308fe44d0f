/** Public tensors are ndarrays; inside, everything is a dense row-major Float64Array. */
import ndarray, { type NdArray } from 'ndarray';
import { InvalidInput } from './errors.ts';

/** A tensor as callers bring it: any strides and offset, float64 or float32, or a plain array of numbers. */
export type Tensor = NdArray<Float64Array | Float32Array | number[]>;

/** A tensor as we hand it out. */
export type DenseTensor = NdArray<Float64Array>;

const DTYPES = ['float64', 'float32', 'array'];
const DATA = ['[object Float64Array]', '[object Float32Array]', '[object Array]'];

/** An ndarray over dense data. */
export const tensor = (data: Float64Array, shape: number[]): DenseTensor => ndarray(data, shape);

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** A list of sizes for a message, cut where it is long. */
export const show = (list: readonly (number | string)[]): string =>
  `[${list.slice(0, 16).join(',')}${list.length > 16 ? `,… (${list.length} entries)` : ''}]`;

/** "1 level", "3 levels", "2 entries". */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** A value that should not be where it is, short enough for a message however large or deep it is. */
export function brief(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

const areIntegers = (list: unknown, least: number): list is number[] =>
  Array.isArray(list) && list.every((entry) => Number.isSafeInteger(entry) && entry >= least);

/** Throws InvalidInput unless the value is an ndarray of a dtype that can hold the operator's numbers. */
export function checkTensor(where: string, argument: string, value: unknown): asserts value is Tensor {
  const candidate = value as Tensor | null | undefined;
  const isNdarray =
    typeof candidate === 'object' && candidate !== null && Array.isArray(candidate.shape) && 'stride' in candidate;
  if (!isNdarray) throw new InvalidInput(where, argument, brief(value), 'an ndarray', 'wrap it: ndarray(data, shape)');
  if (!DTYPES.includes(candidate.dtype)) {
    throw new InvalidInput(
      where,
      argument,
      `dtype ${brief(candidate.dtype)}`,
      'float64 or float32',
      'convert it first',
    );
  }
  const { shape, stride, offset, data } = candidate;
  if (!DATA.includes(Object.prototype.toString.call(data))) {
    throw new InvalidInput(where, argument, `data that is ${brief(data)}`, 'a Float64Array, Float32Array or array');
  }
  if (!areIntegers(shape, 0)) throw new InvalidInput(where, argument, `shape ${show(shape)}`, 'sizes of 0 or more');
  if (elements(shape) === 0) return;
  if (!areIntegers(stride, -Infinity) || stride.length !== shape.length || !Number.isSafeInteger(offset)) {
    throw new InvalidInput(where, argument, `strides ${stride}, offset ${offset}`, 'an integer stride for each axis');
  }
  const reach = (sign: number): number =>
    shape.reduce((sum, size, axis) => sum + (Math.sign(stride[axis]) === sign ? (size - 1) * stride[axis] : 0), offset);
  if (!(reach(-1) >= 0 && reach(1) < data.length)) {
    const given = `${data.length} numbers for shape [${shape}], strides [${stride}], offset ${offset}`;
    throw new InvalidInput(where, argument, given, 'data that every index of the shape falls into');
  }
  if (!Array.isArray(data)) return;
  for (let i = 0; i < data.length; i++) {
    if (typeof data[i] === 'number') continue;
    throw new InvalidInput(where, argument, `${brief(data[i])} at data[${i}]`, 'numbers');
  }
}

/** The elements in row-major order, whatever the strides: always a copy. */
export function toDense({ data, shape, stride, offset }: Tensor): Float64Array {
  const size = elements(shape);
  const isRowMajor = stride.every((step, axis) => step === elements(shape.slice(axis + 1)));
  if (isRowMajor && !Array.isArray(data)) return new Float64Array(data.subarray(offset, offset + size));
  const dense = new Float64Array(size);
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
