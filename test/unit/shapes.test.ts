import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import type { Answer, Case } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import { checkCase, FORMS } from '../../reference/shapes.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';
import { filled, goodCase, type Sizes, withCotangents } from './good-case.ts';

/** Anything at all as a case: what a caller without types may pass. */
const asCase = (value: unknown): Case => value as Case;
const asTensor = (value: unknown): Tensor => value as Tensor;

function refusal(c: Case): InvalidInput {
  try {
    compute(c);
  } catch (error) {
    if (error instanceof InvalidInput) return error;
    throw error;
  }
  return expect.fail('no error');
}

interface Row {
  name: string;
  case: Case;
  /** The argument that the error names, what it says was given, and what it says is wanted. */
  argument: string;
  given: string;
  wanted: string;
}

const row = (name: string, c: Case, argument: string, given: string, wanted: string): Row => ({
  name,
  case: c,
  argument,
  given,
  wanted,
});

/** A good case of that system with these inputs in place of its own. */
const swapped = (system: string, inputs: Partial<Record<InputName, Tensor>>, more: Partial<Case> = {}): Case => {
  const c = goodCase(system, {}, more);
  return { ...c, inputs: { ...c.inputs, ...inputs } };
};
const mamba = 'log-linear-mamba2';
const delta = 'log-linear-gated-deltanet';
const packed = (cuSeqlens: unknown, more: Partial<Case> = {}): Case =>
  goodCase(mamba, {}, { cuSeqlens: cuSeqlens as number[], ...more });
const with_ = (more: Record<string, unknown>, system = mamba): Case => goodCase(system, {}, more as Partial<Case>);
const cotangents = (value: unknown, system = mamba): Case => with_({ cotangents: value }, system);
const wrongView = (change: Partial<Record<keyof Tensor, unknown>>): Tensor =>
  asTensor({ ...filled([1, 5, 1, 3]), dtype: 'float64', ...change });

const ranks = [
  row('q', swapped(mamba, { q: filled([1, 5, 3]) }), 'q', 'rank 3, shape [1,5,3]', 'rank 4, shape [B,T,G,K]'),
  row('k', swapped(mamba, { k: filled([5, 3]) }), 'k', 'rank 2', 'rank 4, shape [B,T,G,K]'),
  row('v', swapped(mamba, { v: filled([1, 1, 5, 2, 2]) }), 'v', 'rank 5', 'rank 4, shape [B,T,H,V]'),
  row('g by token', swapped(mamba, { g: filled([1, 5, 2, 3]) }), 'g', 'rank 4', 'rank 3, shape [B,T,H]'),
  row('g by channel', swapped('log-linear-gla', { g: filled([1, 5, 2]) }), 'g', 'rank 3', 'rank 4, shape [B,T,H,K]'),
  row('g by head', swapped('retention', { g: filled([1, 5, 2]) }), 'g', 'rank 3', 'rank 1, shape [H]'),
  row('beta', swapped(delta, { beta: filled([1, 5, 2, 1]) }), 'beta', 'rank 4', 'rank 3, shape [B,T,H]'),
  row('lambda', swapped(mamba, { lambda: filled([1, 5, 4]) }), 'lambda', 'rank 3', 'rank 4, shape [B,T,H,L]'),
  row('a scalar', swapped(mamba, { q: ndarray(Float64Array.of(1), []) }), 'q', 'rank 0, shape []', 'rank 4'),
  row(
    'initialState',
    swapped(mamba, { initialState: filled([2, 4, 3, 2]) }),
    'initialState',
    'rank 4',
    'rank 5, shape [n,H,L,K,V]',
  ),
];

const shapes = [
  row('k: K of q', swapped(mamba, { k: filled([1, 5, 1, 2]) }), 'k', 'shape [1,5,1,2]', '[B,T,G,K] = [1,5,1,3]'),
  row('k: T of q', swapped(mamba, { k: filled([1, 4, 1, 3]) }), 'k', 'shape [1,4,1,3]', '[1,5,1,3]'),
  row('k: G of q', swapped(mamba, { k: filled([1, 5, 2, 3]) }), 'k', 'shape [1,5,2,3]', '[1,5,1,3]'),
  row('v: T of q', swapped(mamba, { v: filled([1, 6, 2, 2]) }), 'v', 'shape [1,6,2,2]', '[B,T,H,V] = [1,5,2,2]'),
  row('v: B of q', swapped(mamba, { v: filled([2, 5, 2, 2]) }), 'v', 'shape [2,5,2,2]', '[1,5,2,2]'),
  row('g: T', swapped(mamba, { g: filled([1, 4, 2]) }), 'g', 'shape [1,4,2]', '[B,T,H] = [1,5,2]'),
  row('g: H', swapped(mamba, { g: filled([1, 5, 1]) }), 'g', 'shape [1,5,1]', '[1,5,2]'),
  row('g: K', swapped('gla', { g: filled([1, 5, 2, 2]) }), 'g', 'shape [1,5,2,2]', '[B,T,H,K] = [1,5,2,3]'),
  row('g: H of retention', swapped('retention', { g: filled([3]) }), 'g', 'shape [3]', '[H] = [2]'),
  row('beta: H', swapped(delta, { beta: filled([1, 5, 1]) }), 'beta', 'shape [1,5,1]', '[B,T,H] = [1,5,2]'),
  row('lambda: T', swapped(mamba, { lambda: filled([1, 1, 2, 4]) }), 'lambda', 'shape [1,1,2,4]', '[1,5,2,4]'),
  row('lambda: H', swapped(mamba, { lambda: filled([1, 5, 1, 4]) }), 'lambda', 'shape [1,5,1,4]', '[1,5,2,4]'),
  ...(
    [
      ['n', [2, 2, 4, 3, 2]],
      ['H', [1, 1, 4, 3, 2]],
      ['K', [1, 2, 4, 2, 2]],
      ['V', [1, 2, 4, 3, 3]],
    ] as const
  ).map(([letter, shape]) =>
    row(
      `initialState: ${letter}`,
      swapped(mamba, { initialState: filled([...shape]) }),
      'initialState',
      `shape [${shape}]`,
      '[n,H,L,K,V] = [1,2,4,3,2]',
    ),
  ),
  row(
    'initialState: n of a packed batch',
    swapped(mamba, { initialState: filled([1, 2, 4, 3, 2]) }, { cuSeqlens: [0, 2, 5] }),
    'initialState',
    'shape [1,2,4,3,2]',
    '[2,2,4,3,2]',
  ),
  row('G no divisor of H', goodCase(mamba, { G: 2, H: 3 }), 'q', 'G = 2 groups for H = 3 heads', 'G a divisor of H'),
  row('more groups than heads', goodCase(mamba, { G: 4 }), 'q', 'G = 4 groups for H = 2 heads', 'G a divisor of H'),
];

const tensors = [
  row('a number', swapped(mamba, { q: asTensor(3) }), 'q', '3', 'an ndarray'),
  row('null', swapped(mamba, { q: asTensor(null) }), 'q', 'null', 'an ndarray'),
  row('nested arrays', swapped(mamba, { q: asTensor([[[[1]]]]) }), 'q', 'an array of 1', 'an ndarray'),
  row('a typed array', swapped(mamba, { q: asTensor(new Float64Array(15)) }), 'q', 'an object', 'an ndarray'),
  row(
    'integers',
    swapped(mamba, { v: asTensor(ndarray(new Int32Array(20), [1, 5, 2, 2])) }),
    'v',
    'dtype "int32"',
    'float64 or float32',
  ),
  row(
    'a getter and a setter',
    swapped(mamba, { v: asTensor(ndarray({ get: () => 1, set: () => {}, length: 20 }, [1, 5, 2, 2])) }),
    'v',
    'dtype "generic"',
    'float64',
  ),
  row(
    'too little data',
    swapped(mamba, { q: ndarray(new Float64Array(14), [1, 5, 1, 3]) }),
    'q',
    '14 numbers for shape [1,5,1,3], strides [15,3,3,1], offset 0',
    'data that every index of the shape falls into',
  ),
  row(
    'an offset past the end',
    swapped(mamba, { q: ndarray(new Float64Array(15), [1, 5, 1, 3], [15, 3, 3, 1], 1) }),
    'q',
    'offset 1',
    'data that every index',
  ),
  row(
    'strides before the start',
    swapped(mamba, { q: ndarray(new Float64Array(15), [1, 5, 1, 3], [15, -3, 3, 1], 2) }),
    'q',
    'strides [15,-3,3,1]',
    'data that every index',
  ),
  row('no data', swapped(mamba, { q: wrongView({ data: null }) }), 'q', 'data that is null', 'a Float64Array'),
  row('a negative size', swapped(mamba, { q: wrongView({ shape: [1, -5, 1, 3] }) }), 'q', '[1,-5,1,3]', 'sizes of 0'),
  row('half a size', swapped(mamba, { q: wrongView({ shape: [1, 2.5, 1, 3] }) }), 'q', '[1,2.5,1,3]', 'sizes of 0'),
  row(
    'half a stride',
    swapped(mamba, { q: wrongView({ stride: [15, 1.5, 3, 1] }) }),
    'q',
    'strides 15,1.5,3,1',
    'an integer stride for each axis',
  ),
  row('a stride too few', swapped(mamba, { q: wrongView({ stride: [3, 3, 1] }) }), 'q', 'strides 3,3,1', 'each axis'),
  row(
    'words',
    swapped(mamba, { q: asTensor(ndarray(new Array(15).fill('1'), [1, 5, 1, 3])) }),
    'q',
    '"1" at data[0]',
    'numbers',
  ),
  row(
    'holes',
    swapped(mamba, { q: asTensor(ndarray(new Array(15), [1, 5, 1, 3])) }),
    'q',
    'nothing at data[0]',
    'numbers',
  ),
];

const levels = [
  row('too few for T', goodCase(mamba, { L: 3 }), 'lambda', 'shape [1,5,2,3]', '[1,5,2,>=4]'),
  row('too few for the position', with_({ position: [4] }), 'lambda', 'shape [1,5,2,4]', '[1,5,2,>=5]'),
  row('too few packed', goodCase(mamba, { L: 2 }, { cuSeqlens: [0, 2, 5] }), 'lambda', '[1,5,2,2]', '[1,5,2,>=3]'),
  row('too few packed, by position', packed([0, 2, 5], { position: [7, 0] }), 'lambda', '[1,5,2,4]', '[1,5,2,>=5]'),
  row(
    'too few in base 3',
    goodCase(mamba, { L: 2 }, { structure: { kind: 'weak', base: 3 } }),
    'lambda',
    '[1,5,2,2]',
    '[1,5,2,>=3]',
  ),
  row('too few, strong', goodCase(mamba, { L: 3 }, { structure: { kind: 'strong' } }), 'lambda', '2,3]', '2,>=4]'),
  row('none at T = 0', goodCase(mamba, { T: 0, L: 0 }), 'lambda', 'shape [1,0,2,0]', '[1,0,2,>=1]'),
  row(
    'a state with more than lambda',
    goodCase(mamba, { stateLevels: 5 }),
    'initialState',
    '5 levels',
    '1 … 4 levels (lambda has L = 4)',
  ),
  row('a state without levels', goodCase(mamba, { stateLevels: 0 }), 'initialState', '0 levels', '1 … 4 levels'),
  row('a flat state with two', goodCase('mamba2', { stateLevels: 2 }), 'initialState', '2 levels', 'one level'),
];

const packings = [
  row('decreasing', packed([0, 3, 2, 5]), 'cuSeqlens', '[0,3,2,5]', 'entries that never decrease'),
  row('not from 0', packed([1, 5]), 'cuSeqlens', '[1,5]', 'a first entry of 0'),
  row('short of T', packed([0, 4]), 'cuSeqlens', '[0,4]', 'a last entry of T = 5'),
  row('past T', packed([0, 6]), 'cuSeqlens', '[0,6]', 'a last entry of T = 5'),
  row('past T inside', packed([0, 6, 5]), 'cuSeqlens', '[0,6,5]', 'entries that never decrease'),
  row('half positions', packed([0, 2.5, 5]), 'cuSeqlens', 'entry 2.5', 'integers'),
  row('negative', packed([0, -1, 5]), 'cuSeqlens', 'entry -1', 'integers from 0'),
  row('NaN', packed([0, Number.NaN, 5]), 'cuSeqlens', 'entry NaN', 'integers'),
  row('words', packed(['0', '5']), 'cuSeqlens', 'entry "0"', 'integers'),
  row('empty', packed([]), 'cuSeqlens', '[]', 'at least [0, T]'),
  row('no end', packed([0]), 'cuSeqlens', '[0]', 'at least [0, T]'),
  row('no array', packed(5), 'cuSeqlens', '5', 'an array of integers'),
  row('null', packed(null), 'cuSeqlens', 'null', 'an array of integers'),
  row('B > 1', goodCase(mamba, { B: 2 }, { cuSeqlens: [0, 5] }), 'cuSeqlens', 'cuSeqlens with B = 2', 'B = 1'),
];

const positions = [
  row('too many', with_({ position: [0, 0] }), 'position', '2 entries', 'n = 1'),
  row('none', with_({ position: [] }), 'position', '0 entries', 'n = 1'),
  row('too few packed', packed([0, 2, 5], { position: [1] }), 'position', '1 entry', 'n = 2'),
  row('half', with_({ position: [0.5] }), 'position', 'entry 0.5', 'integers from 0'),
  row('negative', with_({ position: [-1] }), 'position', 'entry -1', 'integers from 0'),
  row('too far', with_({ position: [2 ** 31] }), 'position', 'entry 2147483648', 'to 2^31 - 1'),
  row('too far at the end', with_({ position: [2 ** 31 - 3] }), 'position', '2147483645 + 5 tokens', 'below 2^31 - 1'),
  row('a word', with_({ position: ['0'] }), 'position', 'entry "0"', 'integers'),
  row('an array in it', with_({ position: [[0]] }), 'position', 'entry an array of 1', 'integers'),
  row('a number', with_({ position: 0 }), 'position', '0', 'an array of integers'),
  row('of softmax', with_({ position: [3] }, 'softmax'), 'position', 'entry 3', '0 for softmax'),
];

const options = [
  row('no object', asCase(null), 'case', 'null', 'an object'),
  row('text', asCase('{}'), 'case', '"{}"', 'an object'),
  row('nothing in it', asCase({}), 'system', 'nothing', 'softmax, linear, '),
  row('an unknown field', with_({ chunk_size: 4 }), 'chunk_size', 'an unknown field', 'chunkSize'),
  row('an unknown system', { ...goodCase(mamba), system: 'mamba3' }, 'system', '"mamba3"', 'mamba2'),
  row('a system in capitals', { ...goodCase(mamba), system: 'Mamba2' }, 'system', '"Mamba2"', 'mamba2'),
  row('__proto__ as system', { ...goodCase(mamba), system: '__proto__' }, 'system', '"__proto__"', 'mamba2'),
  row('log-linear softmax', { ...goodCase(mamba), system: 'log-linear-softmax' }, 'system', 'log-linear-s', 'softmax'),
  row('no inputs', with_({ inputs: undefined }), 'inputs', 'nothing', 'tensors q, k, v, g, lambda'),
  row('scale NaN', with_({ scale: Number.NaN }), 'scale', 'NaN', 'a finite number'),
  row('scale Infinity', with_({ scale: Number.POSITIVE_INFINITY }), 'scale', 'Infinity', 'a finite number'),
  row('scale a word', with_({ scale: '1' }), 'scale', '"1"', 'a finite number'),
  row('scale null', with_({ scale: null }), 'scale', 'null', 'a finite number'),
  ...[0, 3, -2, 1.5, 96, 2 ** 21].map((C) =>
    row(`chunkSize ${C}`, with_({ chunkSize: C }), 'chunkSize', String(C), 'a power of two from 1 to 2^20'),
  ),
  row('chunkSize a word', with_({ chunkSize: '64' }), 'chunkSize', '"64"', 'a finite number'),
  row('chunkSize NaN', with_({ chunkSize: Number.NaN }), 'chunkSize', 'NaN', 'a finite number'),
  row('an unknown form', with_({ form: 'parallel' }), 'form', '"parallel"', 'masked, recurrent, chunked'),
  row('form null', with_({ form: null }), 'form', 'null', 'masked, recurrent, chunked'),
  row('softmax recurrent', with_({ form: 'recurrent' }, 'softmax'), 'form', 'recurrent for softmax', 'masked'),
  row('softmax chunked', with_({ form: 'chunked' }, 'softmax'), 'form', 'chunked for softmax', 'masked'),
  row(
    'strong, chunked',
    with_({ form: 'chunked', structure: { kind: 'strong' } }),
    'form',
    'chunked with structure {"kind":"strong"}',
    'masked or recurrent',
  ),
  row(
    'base 3, chunked',
    with_({ form: 'chunked', structure: { kind: 'weak', base: 3 } }),
    'form',
    'chunked with structure {"kind":"weak","base":3}',
    'masked or recurrent',
  ),
  row('an unknown structure', with_({ structure: { kind: 'odd' } }), 'structure', 'kind "odd"', '{"kind": "strong"}'),
  row('structure a word', with_({ structure: 'strong' }), 'structure', '"strong"', '{"kind": "strong"}'),
  row('structure null', with_({ structure: null }), 'structure', 'null', '{"kind": "weak", "base": 2}'),
  row('structure empty', with_({ structure: {} }), 'structure', 'kind nothing', '{"kind": "weak", "base": 2}'),
  row('structure, a field more', with_({ structure: { kind: 'weak', b: 3 } }), 'structure', 'field "b"', 'kind, base'),
  ...[1, 0, -2, 2.5, 2 ** 16 + 1, Number.NaN].map((base) =>
    row(
      `base ${base}`,
      with_({ structure: { kind: 'weak', base } }),
      'structure',
      `base ${base}`,
      '(or a larger base)',
    ),
  ),
  row('base a word', with_({ structure: { kind: 'weak', base: '3' } }), 'structure', 'base "3"', '(or a larger base)'),
  row(
    'strong of base 3',
    with_({ structure: { kind: 'strong', base: 3 } }),
    'structure',
    'base 3',
    '{"kind": "strong"}',
  ),
];

const given = [
  row(
    'an unknown input',
    swapped(mamba, { gate: filled([1]) } as object),
    'gate',
    'does not have',
    'q, k, v, g, lambda',
  ),
  row('beta for Mamba-2', swapped(mamba, { beta: filled([1, 5, 2]) }), 'beta', `${mamba} does not have`, 'q, k, v'),
  row('lambda for a flat system', swapped('mamba2', { lambda: filled([1, 5, 2, 4]) }), 'lambda', 'mamba2', 'q, k, v'),
  row('g for linear attention', swapped('linear', { g: filled([1, 5, 2]) }), 'g', 'linear does not have', 'q, k, v'),
  row(
    'a state for softmax',
    swapped('softmax', { initialState: filled([1, 2, 1, 3, 2]) }),
    'initialState',
    'softmax does not have',
    'q, k, v',
  ),
  ...systems.flatMap(({ name, required }) =>
    required.map((input) =>
      row(`${name} without ${input}`, swapped(name, { [input]: undefined }), input, 'no tensor', `one for ${name}`),
    ),
  ),
];

const gradients = [
  row('a number', cotangents(1), 'cotangents', '1', '{o} or {o, finalState}'),
  row('null', cotangents(null), 'cotangents', 'null', '{o} or {o, finalState}'),
  row('without o', cotangents({ finalState: filled([1, 2, 4, 3, 2]) }), 'cotangents.o', 'nothing', 'an ndarray'),
  row('of an input', cotangents({ o: filled([1, 5, 2, 2]), q: 1 }), 'cotangents', 'field "q"', 'o, finalState'),
  row('o: rank', cotangents({ o: filled([5, 2, 2]) }), 'cotangents.o', 'rank 3', 'rank 4, shape [B,T,H,V]'),
  row('o: V', cotangents({ o: filled([1, 5, 2, 3]) }), 'cotangents.o', '[1,5,2,3]', '[B,T,H,V] = [1,5,2,2]'),
  row(
    'o: dtype',
    cotangents({ o: ndarray(new Int8Array(20), [1, 5, 2, 2]) }),
    'cotangents.o',
    'dtype "int8"',
    'float64 or float32',
  ),
  row(
    'finalState: L',
    cotangents({ o: filled([1, 5, 2, 2]), finalState: filled([1, 2, 3, 3, 2]) }),
    'cotangents.finalState',
    '[1,2,3,3,2]',
    '[n,H,L,K,V] = [1,2,4,3,2]',
  ),
  row(
    'finalState: one level of a flat system',
    cotangents({ o: filled([1, 5, 2, 2]), finalState: filled([1, 2, 4, 3, 2]) }, 'mamba2'),
    'cotangents.finalState',
    '[1,2,4,3,2]',
    '[1,2,1,3,2]',
  ),
  row(
    'finalState of softmax',
    cotangents({ o: filled([1, 5, 2, 2]), finalState: filled([1, 2, 1, 3, 2]) }, 'softmax'),
    'cotangents',
    'field "finalState"',
    'o',
  ),
];

const sizes = [
  ...(
    [
      ['B', 'q'],
      ['G', 'q'],
      ['K', 'q'],
      ['H', 'v'],
      ['V', 'v'],
    ] as const
  ).map(([letter, argument]) =>
    row(`${letter} = 0`, goodCase(mamba, { [letter]: 0 }), argument, `${letter} = 0`, `${letter} >= 1`),
  ),
  row('too many heads', goodCase('linear', { T: 0, H: 2 ** 21 }), 'v', 'H = 2097152 heads', 'n H <= 2^20'),
  row('too many rows', goodCase('linear', { T: 0, B: 2 ** 40 }), 'v', 'n = 1099511627776 sequences', 'n H <= 2^20'),
  row(
    'too many packed',
    goodCase('linear', { T: 0, H: 2 ** 19 }, { cuSeqlens: [0, 0, 0, 0] }),
    'cuSeqlens',
    'n = 3 sequences of H = 524288 heads',
    'n H <= 2^20',
  ),
  row('a vast state', goodCase('linear', { T: 0, K: 1e9, V: 1e9 }), 'v', '[1,2,1,1000000000,', 'n H L K V <= 2^26'),
  row('vast levels', goodCase(mamba, { T: 0, L: 2 ** 50 }), 'v', '[1,2,1125899906842624,3,2]', 'n H L K V <= 2^26'),
];

const table = { ranks, shapes, tensors, levels, packings, positions, options, given, gradients, sizes };

describe.each(Object.entries(table))('refuses, %s', (_title, rows) => {
  it.each(rows)('$name', ({ case: c, argument, given: wasGiven, wanted }) => {
    const error = refusal(c);
    expect(error.kind).toBe('invalid-input');
    expect(error.argument).toBe(argument);
    expect(error.message.startsWith(`compute: ${argument}: `), error.message).toBe(true);
    const [before, after] = error.message.split(' given, ');
    expect(before).toContain(wasGiven);
    expect(after).toContain(wanted);
    expect(after).toContain(' wanted');
  });
});

it('keeps messages short whatever was given', () => {
  const long = 'x'.repeat(1e6);
  const many = new Array(1e5).fill(0);
  const cases = [
    { ...goodCase(mamba), system: long },
    with_({ form: long }),
    with_({ [long]: 1 }),
    swapped(mamba, { [long]: 1 } as object),
    with_({ structure: { kind: long } }),
    with_({ structure: { [long]: 1 } }),
    packed(many),
    packed([long]),
    with_({ scale: many }),
    with_({ position: [many] }),
    cotangents({ [long]: 1 }),
    swapped(mamba, { q: wrongView({ shape: many }) }),
  ];
  for (const c of cases) expect(refusal(c).message.length).toBeLessThan(500);
});

// What is right

/** Every tensor of an answer, by name, as plain numbers: toEqual tells -0 from 0 and takes NaN for NaN. */
function numbers({ o, finalState, position, gradients: grads }: Answer): Record<string, unknown> {
  const plain = (tensor?: Tensor): unknown => tensor && { shape: tensor.shape, data: [...toDense(tensor)] };
  const byName = Object.entries(grads ?? {}).map(([name, tensor]) => [name, plain(tensor)]);
  return { o: plain(o), finalState: plain(finalState), position, gradients: Object.fromEntries(byName) };
}

const everyForm = systems.flatMap(({ name, recurrence }) =>
  FORMS.filter((form) => recurrence !== null || form === 'masked').map((form) => ({ system: name, form })),
);

describe.each(everyForm)('$system, $form', ({ system, form }) => {
  const isFlat = !system.startsWith('log-linear');
  const isSoftmax = system === 'softmax';
  const stateLevels = isSoftmax ? undefined : isFlat ? 1 : 2;
  const make = (wanted: Sizes = {}, more: Partial<Case> = {}): Case =>
    withCotangents(goodCase(system, { stateLevels, ...wanted }, { form, chunkSize: 2, ...more }), wanted);

  it('T = 0 returns the state, and its gradient is that of the final state', () => {
    const position = isSoftmax ? [0] : [6];
    const { o, finalState, position: after, gradients: grads = {} } = compute(make({ T: 0 }, { position }));
    expect(o.shape).toEqual([1, 0, 2, 2]);
    expect(after).toEqual(position);
    if (!stateLevels) return expect(finalState).toBeUndefined();
    const c = make({ T: 0 });
    const state = toDense(c.inputs.initialState as Tensor);
    const per = stateLevels * 6;
    const L = isFlat ? 1 : 4;
    for (let h = 0; h < 2; h++) {
      const extended = [...state.slice(h * per, (h + 1) * per), ...new Array((L - stateLevels) * 6).fill(0)];
      expect([...(finalState as DenseTensor).data.slice(h * L * 6, (h + 1) * L * 6)]).toEqual(extended);
      const dFinal = toDense(c.cotangents?.finalState as Tensor).slice(h * L * 6, h * L * 6 + per);
      expect([...(grads.initialState as DenseTensor).data.slice(h * per, (h + 1) * per)]).toEqual([...dFinal]);
    }
  });

  it('answers T = 1, one channel, one value, one head', () => {
    const one: Sizes = { T: 1, H: 1, K: 1, V: 1, L: 1, stateLevels: isSoftmax ? undefined : 1 };
    const { o, gradients: grads } = compute(make(one));
    expect(o.shape).toEqual([1, 1, 1, 1]);
    expect(Number.isFinite(o.get(0, 0, 0, 0))).toBe(true);
    for (const tensor of Object.values(grads ?? {})) expect(tensor.data).toHaveLength(1);
  });

  it('gives gradients of the shapes of the inputs that came', () => {
    const c = make();
    const { gradients: grads } = compute(c);
    const shapesOf = (by: object): unknown => Object.entries(by).map(([name, { shape }]) => [name, shape]);
    expect(shapesOf(grads ?? {})).toEqual(shapesOf(c.inputs));
    expect(compute({ ...c, cotangents: undefined }).gradients).toBeUndefined();
  });

  it('packed sequences, empty ones among them, are each their own operator', () => {
    const cuts = [0, 0, 3, 3, 5, 5];
    const c = make({ n: 5 }, { cuSeqlens: cuts });
    const whole = compute(c);
    expect(whole.position).toEqual([0, 3, 0, 2, 0]);
    for (let n = 0; n < 5; n++) {
      const cut = (tensor: Tensor): Tensor => tensor.hi(-1, cuts[n + 1]).lo(0, cuts[n]);
      const inputs: Record<string, Tensor> = {};
      for (const [name, tensor] of Object.entries(c.inputs)) {
        if (name === 'initialState') inputs[name] = tensor.hi(n + 1).lo(n);
        else inputs[name] = tensor.shape.length === 1 ? tensor : cut(tensor);
      }
      const alone = compute({ ...c, inputs, cuSeqlens: undefined, cotangents: undefined });
      expect([...toDense(cut(whole.o))]).toEqual([...alone.o.data]);
      if (!whole.finalState) continue;
      expect([...toDense(whole.finalState.hi(n + 1).lo(n))]).toEqual([...(alone.finalState as DenseTensor).data]);
    }
  });

  it('a state with fewer levels than lambda is one extended with zeros', () => {
    if (!stateLevels || isFlat) return;
    const c = make({ L: 5 }, { position: [6] });
    const state = c.inputs.initialState as DenseTensor;
    const wide = ndarray(new Float64Array(60), [1, 2, 5, 3, 2]);
    for (let i = 0; i < 24; i++) wide.data[i < 12 ? i : i + 18] = state.data[i];
    const [narrow, extended] = [compute(c), compute({ ...c, inputs: { ...c.inputs, initialState: wide } })];
    expect([...narrow.o.data]).toEqual([...extended.o.data]);
    expect([...(narrow.finalState as DenseTensor).data]).toEqual([...(extended.finalState as DenseTensor).data]);
  });

  it('levels of lambda beyond those needed are never read, and have gradient 0', () => {
    if (isFlat) return;
    const c = make({ L: 6, stateLevels: undefined });
    const lambda = c.inputs.lambda as DenseTensor;
    const before = compute(c);
    lambda.data.forEach((_, i) => {
      if (i % 6 >= 4) lambda.data[i] = Number.NaN;
    });
    const after = compute(c);
    expect(numbers(after)).toEqual(numbers(before));
    const unread = after.gradients?.lambda?.data.filter((_, i) => i % 6 >= 4);
    expect(unread).toEqual(new Float64Array(20));
  });

  it('views answer bitwise as copies do, and nothing is written into them', () => {
    const c = make();
    const views: ((tensor: Tensor) => Tensor)[] = [transposed, sliced, reversed, asArray];
    const expected = numbers(compute(c));
    for (const view of views) {
      const inputs: Partial<Record<InputName, Tensor>> = {};
      for (const [name, tensor] of Object.entries(c.inputs)) inputs[name as InputName] = view(tensor);
      const { o, finalState } = c.cotangents as NonNullable<Case['cotangents']>;
      const viewed: Case = { ...c, inputs, cotangents: { o: view(o), finalState: finalState && view(finalState) } };
      const tensorsIn = [...Object.values(inputs), viewed.cotangents?.o, viewed.cotangents?.finalState];
      const before = tensorsIn.map((tensor) => tensor && [...tensor.data]);
      expect(numbers(compute(viewed)), view.name).toEqual(expected);
      expect(tensorsIn.map((tensor) => tensor && [...tensor.data])).toEqual(before);
    }
  });

  it('takes float32 as the doubles that it is', () => {
    const c = make();
    const single: Partial<Record<InputName, Tensor>> = {};
    const double: Partial<Record<InputName, Tensor>> = {};
    for (const [name, { data, shape }] of Object.entries(c.inputs) as [InputName, DenseTensor][]) {
      single[name] = ndarray(Float32Array.from(data), shape);
      double[name] = ndarray(data.map(Math.fround), shape);
    }
    expect(numbers(compute({ ...c, inputs: single }))).toEqual(numbers(compute({ ...c, inputs: double })));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%s in q is data: it flows', (value) => {
    const c = make();
    const clean = compute(c);
    const q = c.inputs.q as DenseTensor;
    q.set(0, 3, 0, 1, value);
    const { o } = compute(c);
    for (let t = 0; t < 5; t++) {
      for (let h = 0; h < 2; h++) {
        for (let j = 0; j < 2; j++) {
          if (t === 3) expect(Number.isFinite(o.get(0, t, h, j))).toBe(false);
          else expect(o.get(0, t, h, j)).toBe(clean.o.get(0, t, h, j));
        }
      }
    }
  });
});

function transposed(tensor: Tensor): Tensor {
  const axes = tensor.shape.map((_, axis) => axis).reverse();
  const copy = ndarray(toDense(tensor.transpose(...axes)), [...tensor.shape].reverse());
  return copy.transpose(...axes);
}

/** Every other entry along each axis of an array that is larger at both ends, NaN wherever it should not be read. */
function sliced(tensor: Tensor): Tensor {
  const shape = tensor.shape.map((size) => 2 * size + 2);
  const wide = ndarray(new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(Number.NaN), shape);
  const view = wide
    .lo(...shape.map(() => 1))
    .hi(...shape.map((size) => size - 2))
    .step(...shape.map(() => 2));
  return copyInto(view, tensor);
}

function reversed(tensor: Tensor): Tensor {
  const dense = ndarray(new Float64Array(tensor.size), [...tensor.shape]);
  return copyInto(dense.step(...tensor.shape.map(() => -1)), tensor);
}

function asArray(tensor: Tensor): Tensor {
  return ndarray([...toDense(tensor)], [...tensor.shape]);
}

function copyInto(view: Tensor, from: Tensor): Tensor {
  const dense = toDense(from);
  dense.forEach((value, i) => {
    const index = from.shape.map(
      (size, axis) => Math.floor(i / from.shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % size,
    );
    view.set(...index, value);
  });
  return view;
}

it('a batch of several rows and groups is its rows, one by one', () => {
  const c = goodCase(delta, { B: 3, H: 4, G: 2 });
  const { o } = compute(c);
  for (let b = 0; b < 3; b++) {
    const inputs = Object.fromEntries(Object.entries(c.inputs).map(([name, tensor]) => [name, tensor.hi(b + 1).lo(b)]));
    expect([...compute({ ...c, inputs }).o.data]).toEqual([...toDense(o.hi(b + 1).lo(b))]);
  }
});

it('an input or a field that is undefined is as good as none', () => {
  const c = goodCase(mamba);
  const same: Case = {
    ...c,
    inputs: { ...c.inputs, initialState: undefined },
    scale: undefined,
    structure: undefined,
    position: undefined,
    cuSeqlens: undefined,
    cotangents: undefined,
    form: undefined,
    chunkSize: undefined,
  };
  expect(numbers(compute(same))).toEqual(numbers(compute(c)));
});

it('the defaults are what they are said to be', () => {
  const c = goodCase(mamba);
  const said: Case = {
    ...c,
    scale: 1,
    structure: { kind: 'weak', base: 2 },
    position: [0],
    form: 'chunked',
    chunkSize: 64,
  };
  expect(numbers(compute(said))).toEqual(numbers(compute(c)));
  const softmax = goodCase('softmax');
  expect(numbers(compute({ ...softmax, form: 'masked', position: [0] }))).toEqual(numbers(compute(softmax)));
  for (const structure of [{ kind: 'strong' }, { kind: 'weak', base: 3 }] as const) {
    const other: Case = { ...c, structure };
    expect(numbers(compute({ ...other, form: 'recurrent' }))).toEqual(numbers(compute(other)));
  }
});

it('cuSeqlens and position may be Int32Arrays', () => {
  const c = goodCase(mamba, {}, { cuSeqlens: [0, 2, 5], position: [0, 1] });
  const typed = { ...c, cuSeqlens: Int32Array.of(0, 2, 5), position: Int32Array.of(0, 1) };
  expect(numbers(compute(asCase(typed)))).toEqual(numbers(compute(c)));
});

describe('takes what is just within the limits', () => {
  it.each<[string, Case]>([
    ['the most heads', goodCase('linear', { T: 0, H: 2 ** 20, K: 1, V: 1 })],
    ['the largest state', goodCase('linear', { T: 0, H: 1, K: 2 ** 13, V: 2 ** 13 })],
    ['the smallest chunks', with_({ chunkSize: 1 })],
    ['the largest chunks', with_({ chunkSize: 2 ** 20 })],
    ['the largest base', with_({ structure: { kind: 'weak', base: 2 ** 16 } })],
    ['the last position', goodCase('linear', {}, { cuSeqlens: [0, 2, 5], position: [0, 2 ** 31 - 4] })],
    ['levels for the longest of packed sequences', goodCase(mamba, { L: 3 }, { cuSeqlens: [0, 3, 5] })],
  ])('%s', (_, c) => {
    expect(() => checkCase('test', c)).not.toThrow();
  });
});

it('a base of 2 may be left out of the weak structure, and said of the strong one', () => {
  const structureOf = (structure: unknown): unknown => checkCase('test', with_({ structure })).structure;
  expect(structureOf({ kind: 'weak' })).toEqual({ kind: 'weak', base: 2 });
  expect(structureOf({ kind: 'strong', base: 2 })).toEqual({ kind: 'strong' });
});

it.each([
  ['softmax', undefined, 'masked'],
  [mamba, undefined, 'chunked'],
  [mamba, { kind: 'strong' }, 'recurrent'],
  [mamba, { kind: 'weak', base: 3 }, 'recurrent'],
  ['mamba2', { kind: 'strong' }, 'chunked'],
])('%s with structure %j is answered by the %s form', (system, structure, form) => {
  expect(checkCase('test', with_({ structure }, system)).form).toBe(form);
});

it.each(FORMS)('no tokens and no state: the %s form answers with a state of zeros', (form) => {
  const { o, finalState } = compute({ ...goodCase(mamba, { T: 0 }), form });
  expect([o.shape, o.data.length]).toEqual([[1, 0, 2, 2], 0]);
  expect(finalState?.shape).toEqual([1, 2, 4, 3, 2]);
  expect([...(finalState?.data ?? [])]).toEqual(new Array(48).fill(0));
});
