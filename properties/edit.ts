/** Small changes to cases and tensors that laws are made of. Nothing here changes its arguments. */
import type { Case } from '../reference/case.ts';
import { heldLevels, type Levels } from '../reference/levels.ts';
import { findSystem, type System } from '../reference/systems/registry.ts';
import { axesOf, type InputName } from '../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../reference/tensor.ts';

export const systemOf = (c: Case): System => findSystem(c.system) as System;

export const inputNames = (c: Case): InputName[] => Object.keys(c.inputs) as InputName[];

export const axes = (c: Case, name: InputName): string => axesOf(systemOf(c).recurrence, name);

export const shapeOf = (c: Case, name: InputName): number[] => [...(c.inputs[name] as Tensor).shape];

/** Sizes by letter, read off the inputs. */
export function sizesOf(c: Case): {
  B: number;
  T: number;
  G: number;
  K: number;
  H: number;
  V: number;
  L: number;
  n: number;
} {
  const [B, T, G, K] = shapeOf(c, 'q');
  const [, , H, V] = shapeOf(c, 'v');
  const L = c.inputs.lambda ? shapeOf(c, 'lambda')[3] : 1;
  return { B, T, G, K, H, V, L, n: c.cuSeqlens ? c.cuSeqlens.length - 1 : B };
}

/** [n] positions that each sequence has seen after the call. */
export function positionsAfter(c: Case): number[] {
  const { T, n } = sizesOf(c);
  const { cuSeqlens, position = [] } = c;
  return Array.from({ length: n }, (_, i) => (position[i] ?? 0) + (cuSeqlens ? cuSeqlens[i + 1] - cuSeqlens[i] : T));
}

/** The entries of a tensor, one by one, with their place. */
export function mapTensor(from: Tensor, change: (value: number, index: readonly number[]) => number): DenseTensor {
  const data = toDense(from);
  const shape = [...from.shape];
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < data.length; i++) {
    data[i] = change(data[i], index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return tensor(data, shape);
}

export const scaleTensor = (from: Tensor, factor: number): DenseTensor => mapTensor(from, (value) => factor * value);

export function addTensors(a: Tensor, b: Tensor): DenseTensor {
  const data = toDense(a);
  const other = toDense(b);
  for (let i = 0; i < data.length; i++) data[i] += other[i];
  return tensor(data, [...a.shape]);
}

const zeros = (shape: readonly number[]): DenseTensor => tensor(new Float64Array(elements(shape)), [...shape]);

export const zerosLike = (from: Tensor): DenseTensor => zeros(from.shape);

/** A tensor whose entries follow from their places. */
export const tensorBy = (shape: readonly number[], entry: (index: readonly number[]) => number): DenseTensor =>
  mapTensor(zeros(shape), (_, index) => entry(index));

/** The entries `indices` along one axis, in that order; an index may come several times. */
export function take(from: Tensor, axis: number, indices: readonly number[]): DenseTensor {
  const data = toDense(from);
  const shape = [...from.shape];
  const outer = elements(shape.slice(0, axis));
  const inner = elements(shape.slice(axis + 1));
  const size = shape[axis];
  shape[axis] = indices.length;
  const out = new Float64Array(elements(shape));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices) {
      const at = (o * size + index) * inner;
      out.set(data.subarray(at, at + inner), to);
      to += inner;
    }
  }
  return tensor(out, shape);
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Tensors laid end to end along one axis. */
export function concat(parts: readonly Tensor[], axis: number): DenseTensor {
  const first = parts[0];
  const shape = [...first.shape];
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const outer = elements(shape.slice(0, axis));
  const out = new Float64Array(elements(shape));
  const dense = parts.map((part) => ({ data: toDense(part), block: elements(part.shape.slice(axis)) }));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const { data, block } of dense) {
      out.set(data.subarray(o * block, (o + 1) * block), to);
      to += block;
    }
  }
  return tensor(out, shape);
}

/** The case with some inputs exchanged; undefined removes one. */
export function withInputs(c: Case, inputs: Partial<Record<InputName, Tensor | undefined>>): Case {
  const merged = { ...c.inputs, ...inputs };
  for (const name of Object.keys(merged) as InputName[]) if (merged[name] === undefined) delete merged[name];
  return { ...c, inputs: merged };
}

/** The same entries along one axis (by letter) of every input and cotangent that has it. */
export function takeAlong(c: Case, letter: string, indices: readonly number[]): Case {
  const cut = (value: Tensor, letters: string): Tensor => {
    const axis = letters.indexOf(letter);
    return axis < 0 ? value : take(value, axis, indices);
  };
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) inputs[name] = cut(c.inputs[name] as Tensor, axes(c, name));
  const changed: Case = { ...c, inputs };
  if (c.cotangents) {
    changed.cotangents = { o: cut(c.cotangents.o, 'BTHV') };
    if (c.cotangents.finalState) changed.cotangents.finalState = cut(c.cotangents.finalState, 'nHLKV');
  }
  return changed;
}

/** Tokens [from, to) of an unpacked case; state, position and final cotangent are left as they are. */
export const tokens = (c: Case, from: number, to: number): Case => takeAlong(c, 'T', range(from, to));

/** Sequence i of a packed or batched case, as a case of its own. */
export function sequence(c: Case, i: number): Case {
  const one = c.cuSeqlens ? tokens(c, c.cuSeqlens[i], c.cuSeqlens[i + 1]) : takeAlong(c, 'B', [i]);
  const alone = takeAlong(one, 'n', [i]);
  delete alone.cuSeqlens;
  if (c.position) alone.position = [c.position[i]];
  return alone;
}

export const withoutCotangents = (c: Case): Case => {
  const { cotangents: _, ...rest } = c;
  return rest;
};

/** A state [n,H,L,K,V] without what is in levels that are empty by rule at its positions [n]: no recurrence gets there. */
export function withoutEmptyLevels(state: Tensor, levels: Levels, position: readonly number[]): DenseTensor {
  const held = position.map((each) => heldLevels(levels, each));
  return mapTensor(state, (value, [i, , l]) => (held[i].has(l) ? value : 0));
}
