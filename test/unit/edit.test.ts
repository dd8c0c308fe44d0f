import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import {
  addTensors,
  axes,
  concat,
  inputNames,
  mapTensor,
  range,
  scaleTensor,
  sequence,
  shapeOf,
  sizesOf,
  systemOf,
  take,
  takeAlong,
  tensorBy,
  tokens,
  withInputs,
  withoutCotangents,
  zerosLike,
} from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { filled, goodCase, withCotangents } from './good-case.ts';

/** [2,3,2]: the entry at [i,j,k] is ijk. */
const count = (): Tensor => ndarray(Float64Array.of(0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121), [2, 3, 2]);
const parts = (value: Tensor): [number[], number[]] => [[...value.shape], [...toDense(value)]];

describe('tensors', () => {
  it('map entry by entry, with the place, whatever the strides', () => {
    const places: string[] = [];
    const view = count().transpose(2, 0, 1);
    const mapped = mapTensor(view, (value, index) => {
      places.push(index.join(''));
      return value + 1;
    });
    expect(places).toEqual(['000', '001', '002', '010', '011', '012', '100', '101', '102', '110', '111', '112']);
    expect(parts(mapped)).toEqual([
      [2, 2, 3],
      [1, 11, 21, 101, 111, 121, 2, 12, 22, 102, 112, 122],
    ]);
    expect(parts(view)[1]).toEqual([0, 10, 20, 100, 110, 120, 1, 11, 21, 101, 111, 121]);
  });

  it('scale, add, zeros', () => {
    const pair = ndarray(Float64Array.of(1, -2), [1, 2]);
    expect(parts(scaleTensor(pair, 3))).toEqual([
      [1, 2],
      [3, -6],
    ]);
    expect(parts(addTensors(pair, scaleTensor(pair, 10)))).toEqual([
      [1, 2],
      [11, -22],
    ]);
    expect(parts(zerosLike(pair))).toEqual([
      [1, 2],
      [0, 0],
    ]);
    expect(parts(pair)).toEqual([
      [1, 2],
      [1, -2],
    ]);
  });

  it('made of places', () => {
    expect(parts(tensorBy([2, 2], ([i, j]) => 10 * i + j))).toEqual([
      [2, 2],
      [0, 1, 10, 11],
    ]);
  });

  it('take entries along any axis, again and in any order', () => {
    expect(parts(take(count(), 0, [1]))).toEqual([
      [1, 3, 2],
      [100, 101, 110, 111, 120, 121],
    ]);
    expect(parts(take(count(), 1, [2, 0, 2]))).toEqual([
      [2, 3, 2],
      [20, 21, 0, 1, 20, 21, 120, 121, 100, 101, 120, 121],
    ]);
    expect(parts(take(count(), 2, [1]))).toEqual([
      [2, 3, 1],
      [1, 11, 21, 101, 111, 121],
    ]);
    expect(parts(take(count(), 1, []))).toEqual([[2, 0, 2], []]);
  });

  it('lie end to end along any axis', () => {
    const cut = (axis: number, indices: number[][]): Tensor[] => indices.map((each) => take(count(), axis, each));
    expect(parts(concat(cut(0, [[0], [1]]), 0))).toEqual(parts(count()));
    expect(parts(concat(cut(1, [[0, 1], [], [2]]), 1))).toEqual(parts(count()));
    expect(parts(concat(cut(2, [[1], [0]]), 2))).toEqual(parts(take(count(), 2, [1, 0])));
  });

  it('range', () => {
    expect(range(2, 5)).toEqual([2, 3, 4]);
    expect(range(3, 3)).toEqual([]);
    expect(range(4, 2)).toEqual([]);
  });
});

describe('cases', () => {
  const sizes = { B: 2, T: 5, H: 4, G: 2, K: 3, V: 2, L: 4, n: 2 };
  const c = withCotangents(goodCase('log-linear-gla', { ...sizes, stateLevels: 3 }, { position: [7, 2] }), sizes);

  it('sizes by letter, of packed ones too', () => {
    expect(sizesOf(c)).toEqual(sizes);
    expect(sizesOf(goodCase('gla'))).toMatchObject({ L: 1, n: 1 });
    expect(sizesOf(goodCase('gla', {}, { cuSeqlens: [0, 2, 2, 5] })).n).toBe(3);
  });

  it('names, letters, shapes, system', () => {
    expect(inputNames(c)).toEqual(['q', 'k', 'v', 'g', 'lambda', 'initialState']);
    expect(inputNames(c).map((name) => axes(c, name))).toEqual(['BTGK', 'BTGK', 'BTHV', 'BTHK', 'BTHL', 'nHLKV']);
    expect(axes(goodCase('retention'), 'g')).toBe('H');
    expect(shapeOf(c, 'initialState')).toEqual([2, 4, 3, 3, 2]);
    expect(systemOf(c).name).toBe('log-linear-gla');
  });

  it('inputs exchanged and taken away', () => {
    const other = filled([2, 5, 4, 2], 9);
    const changed = withInputs(c, { v: other, g: undefined });
    expect(inputNames(changed)).toEqual(['q', 'k', 'v', 'lambda', 'initialState']);
    expect(changed.inputs.v).toBe(other);
    expect(c.inputs.g).toBeDefined();
    expect(withoutCotangents(c)).not.toHaveProperty('cotangents');
    expect(c).toHaveProperty('cotangents');
  });

  const takenFrom = (value: Tensor | undefined, axis: number, indices: number[]) =>
    parts(take(value as Tensor, axis, indices));

  it('entries along a letter of every tensor that has it', () => {
    const heads = takeAlong(c, 'H', [3, 1]);
    for (const name of ['v', 'g', 'lambda'] as const) {
      expect(parts(heads.inputs[name] as Tensor)).toEqual(takenFrom(c.inputs[name], 2, [3, 1]));
    }
    expect(parts(heads.inputs.initialState as Tensor)).toEqual(takenFrom(c.inputs.initialState, 1, [3, 1]));
    expect(heads.inputs.q).toBe(c.inputs.q);
    expect(parts(heads.cotangents?.o as Tensor)).toEqual(takenFrom(c.cotangents?.o, 2, [3, 1]));
    expect(parts(heads.cotangents?.finalState as Tensor)).toEqual(takenFrom(c.cotangents?.finalState, 1, [3, 1]));
    const outputs: Case = { ...c, cotangents: { o: c.cotangents?.o as Tensor } };
    expect(takeAlong(outputs, 'H', [0]).cotangents).not.toHaveProperty('finalState');
    expect(takeAlong(withoutCotangents(c), 'H', [0])).not.toHaveProperty('cotangents');
  });

  it('tokens, with state and position as they are', () => {
    const cut = tokens(c, 1, 3);
    expect(parts(cut.inputs.k as Tensor)).toEqual(takenFrom(c.inputs.k, 1, [1, 2]));
    expect(parts(cut.cotangents?.o as Tensor)).toEqual(takenFrom(c.cotangents?.o, 1, [1, 2]));
    expect(cut.inputs.initialState).toBe(c.inputs.initialState);
    expect(cut.position).toEqual([7, 2]);
  });

  it('one sequence of a batch, and of a packed row', () => {
    const row = sequence(c, 1);
    expect(parts(row.inputs.q as Tensor)).toEqual(takenFrom(c.inputs.q, 0, [1]));
    expect(parts(row.inputs.initialState as Tensor)).toEqual(takenFrom(c.inputs.initialState, 0, [1]));
    expect(row.position).toEqual([2]);
    const packed = goodCase('gla', { n: 2, stateLevels: 1 }, { cuSeqlens: [0, 2, 5] });
    const second = sequence(packed, 1);
    expect(parts(second.inputs.v as Tensor)).toEqual(takenFrom(packed.inputs.v, 1, [2, 3, 4]));
    expect(parts(second.inputs.initialState as Tensor)).toEqual(takenFrom(packed.inputs.initialState, 0, [1]));
    expect(second).not.toHaveProperty('cuSeqlens');
    expect(second).not.toHaveProperty('position');
  });
});
