/** Softmax attention where all that it sums is exact. */
import { expect, it } from 'vitest';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { type DenseTensor, tensor, toDense } from '../../reference/tensor.ts';

const rows = (T: number, ...values: number[]): DenseTensor =>
  tensor(Float64Array.from(values), [1, T, 1, values.length / T]);
const zeros = (T: number, width: number): DenseTensor => rows(T, ...new Array<number>(T * width).fill(0));
const softmax = (q: DenseTensor, k: DenseTensor, v: DenseTensor, dO?: DenseTensor) => {
  const c: Case = { system: 'softmax', inputs: { q, k, v }, scale: 1 };
  return compute(dO ? { ...c, cotangents: { o: dO } } : c);
};

it('weights are equal where scores are', () => {
  const { o } = softmax(zeros(2, 3), rows(2, 1, 2, 3, 4, 5, 6), rows(2, 1, 2, 3, 8));
  expect(toDense(o)).toEqual(Float64Array.of(1, 2, 2, 5));
});

it('only the largest score counts where it is far from the others, wherever it stands', () => {
  const [q, v] = [rows(3, 1, 1, 1), rows(3, 3, 5, 7)];
  expect(toDense(softmax(q, rows(3, 2000, 0, 1000), v).o)).toEqual(Float64Array.of(3, 3, 3));
  expect(toDense(softmax(q, rows(3, -3000, -1000, -2000), v).o)).toEqual(Float64Array.of(3, 5, 5));
});

it('gradients of equal weights', () => {
  // weights 1/2: dP = (6, 10), its mean 8; dA = (-1, 1)
  const dO = rows(2, 0, 2);
  const v = rows(2, 3, 5);
  const queries = softmax(zeros(2, 3), rows(2, 1, 2, 3, 5, 7, 9), v, dO).gradients;
  expect(toDense(queries?.q as DenseTensor)).toEqual(Float64Array.of(0, 0, 0, 4, 5, 6));
  expect(toDense(queries?.v as DenseTensor)).toEqual(Float64Array.of(1, 1));
  const keys = softmax(rows(2, 9, 9, 9, 1, 2, 3), zeros(2, 3), v, dO).gradients;
  expect(toDense(keys?.k as DenseTensor)).toEqual(Float64Array.of(-1, -2, -3, 1, 2, 3));
});
