import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { brief, checkTensor, show, type Tensor, toDense } from '../../reference/tensor.ts';

describe('values in messages', () => {
  it('lists of up to 16 entries are whole, longer ones cut', () => {
    const list = Array.from({ length: 17 }, (_, i) => i);
    expect(show(list.slice(0, 16))).toBe('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]');
    expect(show(list)).toBe('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,… (17 entries)]');
  });

  it.each([
    [undefined, 'nothing'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [[1, 2], 'an array of 2'],
    [() => 1, 'a function'],
    [{ a: 1 }, 'an object'],
    [null, 'null'],
    [-0.5, '-0.5'],
  ])('%s', (value, text) => {
    expect(brief(value)).toBe(text);
  });
});

describe('views', () => {
  const view = (shape: number[], stride: number[], offset: number): Tensor =>
    ndarray(Float64Array.of(0, 1, 2, 3), shape, stride, offset);

  it('may go forward along one axis and backward along another', () => {
    const mixed = view([2, 2], [2, -1], 1);
    expect(() => checkTensor('test', 'q', mixed)).not.toThrow();
    expect([...toDense(mixed)]).toEqual([1, 0, 3, 2]);
  });

  it.each([
    [[2, -1], 0],
    [[2, -1], 2],
    [[-2, 1], 1],
    [[-2, 1], 3],
  ])('strides %s do not fit offset %s', (stride, offset) => {
    expect(() => checkTensor('test', 'q', view([2, 2], stride, offset))).toThrow(/4 numbers for shape \[2,2\]/);
  });

  it('without entries may have any strides and offset', () => {
    expect(() => checkTensor('test', 'q', view([0, 9], [0.5, 1e9], -7))).not.toThrow();
  });
});
