/** The whole text of what compute refuses, one of each kind: what was given, what is wanted, and the remedy. */
import ndarray from 'ndarray';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { filled, goodCase } from './good-case.ts';
import { refusals } from './refusals.ts';

const changed = (system: string, inputs: object, more: object = {}) => {
  const c = goodCase(system, {}, more as Partial<Case>);
  return () => compute({ ...c, inputs: { ...c.inputs, ...inputs } });
};
const mamba = (inputs: object, more: object = {}) => changed('log-linear-mamba2', inputs, more);
const sized =
  (sizes: object, more: object = {}) =>
  () =>
    compute(goodCase('log-linear-mamba2', sizes, more));
const view = (change: object): object => ({ ...filled([1, 5, 1, 3]), dtype: 'float64', ...change });

refusals([
  [() => compute(3 as unknown as Case), 'compute: case: 3 given, an object wanted'],
  [
    mamba({}, { chunk_size: 3 }),
    'compute: chunk_size: an unknown field given, system, inputs, scale, structure, position, cuSeqlens, cotangents, form, chunkSize, law, seed, path wanted: remove it',
  ],
  [
    mamba({}, { system: 'mamba3' }),
    'compute: system: "mamba3" given, softmax, linear, retention, mamba2, gla, deltanet, gated-deltanet, kimi-delta, log-linear-linear, log-linear-retention, log-linear-mamba2, log-linear-gla, log-linear-deltanet, log-linear-gated-deltanet, log-linear-kimi-delta wanted',
  ],
  [() => compute({ system: 'mamba2' } as Case), 'compute: inputs: nothing given, tensors q, k, v, g wanted'],
  [
    () => compute({ system: 'mamba2', inputs: null } as unknown as Case),
    'compute: inputs: null given, tensors q, k, v, g wanted',
  ],
  [mamba({ g: filled([1, 5, 3]) }), 'compute: g: shape [1,5,3] given, [B,T,H] = [1,5,2] wanted'],
  [
    mamba({ gate: filled([1]) }),
    'compute: gate: an input that log-linear-mamba2 does not have given, q, k, v, g, lambda, initialState wanted: remove it',
  ],
  [
    changed('softmax', { g: filled([1]) }),
    'compute: g: an input that softmax does not have given, q, k, v wanted: remove it',
  ],
  [mamba({ g: undefined }), 'compute: g: no tensor given, one for log-linear-mamba2 wanted'],
  [mamba({ q: [1, 2] }), 'compute: q: an array of 2 given, an ndarray wanted: wrap it: ndarray(data, shape)'],
  [
    mamba({ q: ndarray(new Int8Array(15), [1, 5, 1, 3]) }),
    'compute: q: dtype "int8" given, float64 or float32 wanted: convert it first',
  ],
  [
    mamba({ q: view({ data: 'text' }) }),
    'compute: q: data that is "text" given, a Float64Array, Float32Array or array wanted',
  ],
  [mamba({ q: view({ shape: [1, -5, 1, 3] }) }), 'compute: q: shape [1,-5,1,3] given, sizes of 0 or more wanted'],
  [
    mamba({ q: view({ stride: [1, 2] }) }),
    'compute: q: strides 1,2, offset 0 given, an integer stride for each axis wanted',
  ],
  [
    mamba({ q: view({ shape: [1, 6, 1, 3] }) }),
    'compute: q: 15 numbers for shape [1,6,1,3], strides [15,3,3,1], offset 0 given, data that every index of the shape falls into wanted',
  ],
  [
    mamba({ q: ndarray(['a', ...new Array(14).fill(0)], [1, 5, 1, 3]) }),
    'compute: q: "a" at data[0] given, numbers wanted',
  ],
  [mamba({ q: filled([5, 3]) }), 'compute: q: rank 2, shape [5,3] given, rank 4, shape [B,T,G,K] wanted'],
  [
    mamba({ k: filled([1, 5, 1, 2]) }),
    'compute: k: shape [1,5,1,2] given, [B,T,G,K] = [1,5,1,3] wanted: k has the shape of q',
  ],
  [
    mamba({ v: filled([1, 6, 2, 2]) }),
    'compute: v: shape [1,6,2,2] given, [B,T,H,V] = [1,5,2,2] wanted: v has B and T of q',
  ],
  [
    mamba({ lambda: filled([1, 4, 2, 4]) }),
    'compute: lambda: shape [1,4,2,4] given, [B,T,H,L] = [1,5,2,4] wanted: lambda has B, T and H of v',
  ],
  [sized({ K: 0 }), 'compute: q: K = 0 given, K >= 1 wanted: only T may be 0'],
  [
    sized({ G: 2, H: 3 }),
    'compute: q: G = 2 groups for H = 3 heads given, G a divisor of H wanted: each group serves H / G heads',
  ],
  [
    mamba({}, { structure: 'strong' }),
    'compute: structure: "strong" given, {"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"} wanted',
  ],
  [
    mamba({}, { structure: { kind: 'weak', b: 3 } }),
    'compute: structure: unknown field "b" given, kind, base wanted: remove it',
  ],
  [
    mamba({}, { structure: { kind: 'weak', base: 1 } }),
    'compute: structure: kind "weak", base 1 given, {"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"} wanted: bases are integers from 2 to 2^16',
  ],
  [
    mamba({}, { structure: { kind: 'odd' } }),
    'compute: structure: kind "odd", base nothing given, {"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"} wanted',
  ],
  [mamba({}, { form: 'parallel' }), 'compute: form: "parallel" given, masked, recurrent, chunked wanted'],
  [
    changed('softmax', {}, { form: 'chunked' }),
    'compute: form: chunked for softmax given, masked wanted: softmax attention has no recurrence',
  ],
  [
    mamba({}, { form: 'chunked', structure: { kind: 'strong' } }),
    'compute: form: chunked with structure {"kind":"strong"} given, masked or recurrent wanted: chunks line up with the weak structure of base 2 alone',
  ],
  [
    sized({ T: 0, H: 2 ** 21 }),
    'compute: v: n = 1 sequences of H = 2097152 heads given, n H <= 2^20 wanted: split the batch',
  ],
  [mamba({}, { cuSeqlens: 5 }), 'compute: cuSeqlens: 5 given, an array of integers wanted'],
  [mamba({}, { cuSeqlens: [0, 2.5, 5] }), 'compute: cuSeqlens: entry 2.5 given, integers from 0 to 2^31 - 1 wanted'],
  [
    sized({ B: 2 }, { cuSeqlens: [0, 5] }),
    'compute: cuSeqlens: cuSeqlens with B = 2 given, B = 1 wanted: pack every sequence along T of one batch row',
  ],
  [mamba({}, { cuSeqlens: [0] }), 'compute: cuSeqlens: [0] given, at least [0, T] wanted'],
  [mamba({}, { cuSeqlens: [1, 5] }), 'compute: cuSeqlens: [1,5] given, a first entry of 0 wanted'],
  [mamba({}, { cuSeqlens: [0, 4] }), 'compute: cuSeqlens: [0,4] given, a last entry of T = 5 wanted'],
  [mamba({}, { cuSeqlens: [0, 3, 2, 5] }), 'compute: cuSeqlens: [0,3,2,5] given, entries that never decrease wanted'],
  [mamba({}, { position: [0, 0] }), 'compute: position: 2 entries given, n = 1, one for each sequence wanted'],
  [
    mamba({}, { position: [], cuSeqlens: [0, 5] }),
    'compute: position: 0 entries given, n = 1, one for each sequence wanted',
  ],
  [
    mamba({}, { position: [1], cuSeqlens: [0, 2, 5] }),
    'compute: position: 1 entry given, n = 2, one for each sequence wanted',
  ],
  [
    mamba({}, { position: [2 ** 31 - 3] }),
    'compute: position: 2147483645 + 5 tokens given, a last position below 2^31 - 1 wanted',
  ],
  [
    changed('mamba2', {}, { position: [0, 2 ** 31 - 3], cuSeqlens: [0, 2, 5] }),
    'compute: position: 2147483645 + 3 tokens given, a last position below 2^31 - 1 wanted',
  ],
  [
    changed('softmax', {}, { position: [3] }),
    'compute: position: entry 3 given, 0 for softmax wanted: softmax attention keeps no state',
  ],
  [mamba({}, { scale: '1' }), 'compute: scale: "1" given, a finite number wanted'],
  [mamba({}, { chunkSize: 3 }), 'compute: chunkSize: 3 given, a power of two from 1 to 2^20 wanted: try 64'],
  [
    sized({ L: 3 }),
    'compute: lambda: shape [1,5,2,3] given, [1,5,2,>=4] wanted: a sequence that ends after 5 positions reads 4 levels; pass lambda with L >= 4',
  ],
  [
    sized({ L: 2 }, { cuSeqlens: [0, 2, 5] }),
    'compute: lambda: shape [1,5,2,2] given, [1,5,2,>=3] wanted: a sequence that ends after 3 positions reads 3 levels; pass lambda with L >= 3',
  ],
  [
    sized({ T: 1, L: 0 }),
    'compute: lambda: shape [1,1,2,0] given, [1,1,2,>=1] wanted: a sequence that ends after 1 position reads 1 level; pass lambda with L >= 1',
  ],
  [sized({ T: 0, L: 0 }), 'compute: lambda: shape [1,0,2,0] given, [1,0,2,>=1] wanted'],
  [
    mamba({ initialState: filled([2, 2, 4, 3, 2]) }),
    'compute: initialState: shape [2,2,4,3,2] given, [n,H,L,K,V] = [1,2,4,3,2] wanted: n is the number of sequences',
  ],
  [
    sized({ stateLevels: 5 }),
    'compute: initialState: 5 levels given, 1 … 4 levels (lambda has L = 4) wanted: extend lambda or cut the state',
  ],
  [
    changed('mamba2', { initialState: filled([1, 2, 2, 3, 2]) }),
    'compute: initialState: 2 levels given, one level wanted: extend lambda or cut the state',
  ],
  [
    sized({ T: 0, K: 2 ** 20, V: 2 ** 20 }),
    'compute: v: a state of shape [1,2,4,1048576,1048576] given, n H L K V <= 2^26 wanted: fewer heads, or smaller ones',
  ],
  [
    sized({ T: 0, K: 2 ** 13, V: 2 ** 13, L: 1 }),
    'compute: v: a state of shape [1,2,1,8192,8192] given, n H L K V <= 2^26 wanted: fewer heads, or smaller ones',
  ],
  [mamba({}, { cotangents: 1 }), 'compute: cotangents: 1 given, {o} or {o, finalState} wanted'],
  [
    mamba({}, { cotangents: { o: filled([1, 5, 2, 2]), q: 1 } }),
    'compute: cotangents: unknown field "q" given, o, finalState wanted: remove it',
  ],
  [
    changed('softmax', {}, { cotangents: { o: filled([1, 5, 2, 2]), finalState: 1 } }),
    'compute: cotangents: unknown field "finalState" given, o wanted: remove it',
  ],
  [
    mamba({}, { cotangents: { o: filled([1, 5, 2, 3]) } }),
    'compute: cotangents.o: shape [1,5,2,3] given, [B,T,H,V] = [1,5,2,2] wanted: it has the shape of o',
  ],
  [
    mamba({}, { cotangents: { o: filled([1, 5, 2, 2]), finalState: 1 } }),
    'compute: cotangents.finalState: 1 given, an ndarray wanted: wrap it: ndarray(data, shape)',
  ],
  [
    mamba({}, { cotangents: { o: filled([1, 5, 2, 2]), finalState: filled([1, 2, 3, 3, 2]) } }),
    'compute: cotangents.finalState: shape [1,2,3,3,2] given, [n,H,L,K,V] = [1,2,4,3,2] wanted: it has the shape of finalState',
  ],
]);
