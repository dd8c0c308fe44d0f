import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import type { Case } from '../../reference/case.ts';
import {
  answerToJson,
  caseToJson,
  errorToJson,
  jsonPieces,
  jsonText,
  parseAnswer,
  parseCase,
  parseTensor,
  tensorToJson,
} from '../../reference/case-json.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { elements, type Tensor } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

type Json = Record<string, unknown>;

const one = { shape: [1, 1, 1, 1], data: [1] };
const good = { system: 'softmax', inputs: { q: one, k: one, v: one } };
const withQ = (q: unknown): Json => ({ ...good, inputs: { ...good.inputs, q } });

function refusal(run: () => unknown): InvalidInput {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidInput) return error;
    throw error;
  }
  return expect.fail('no error');
}

/** A name, the JSON, the argument that the error names, and what the message says was given and is wanted. */
type Row = [name: string, json: unknown, argument: string, given: string, wanted: string];

const texts: Row[] = [
  ['nothing', '', 'case', 'at position 0', 'one JSON object'],
  ['cut off', '{"system": "softmax", "inputs"', 'case', 'at position 30', 'one JSON object'],
  ['NaN as a word', '{"scale": 1, "inputs": {"q": {"data": [1, NaN]}}}', 'case', 'at position 42', '"NaN"'],
  ['-Infinity as a word', '[-Infinity]', 'case', 'at position 2', '"-Infinity"'],
  ['a comma too many', '{"a": [1,,2]}', 'case', 'at position 9', 'one JSON object'],
  ['a comma before the end', '{"a": [1, 2,]}', 'case', 'at position 12', 'one JSON object'],
  ['no value', '{"a": {"b": [], "c":}}', 'case', 'at position 20', 'one JSON object'],
  ['quotes and brackets in a string', '{"a\\"]": "[{,\\\\", "b": x}', 'case', 'at position 23', 'one JSON object'],
  ['a string in single quotes', "{'a': 1}", 'case', 'at position 1', 'one JSON object'],
  ['a word', '[true, false, null, nil]', 'case', 'at position 20', 'one JSON object'],
  ['a space that is none', '{"a": \u00a01}', 'case', 'at position 6', 'one JSON object'],
  ['two values', '{} {}', 'case', 'at position 3', 'one JSON object'],
  ['a bracket that closes nothing', ']', 'case', 'at position 0', 'one JSON object'],
  ['brackets without end', '['.repeat(100_000), 'case', 'at position 100000', 'one JSON object'],
  ['an array', '[]', 'case', 'an array of 0', 'a case, {"system", "inputs", …}'],
  ['a number', '1', 'case', '1', 'a case'],
  ['null', 'null', 'case', 'null', 'a case'],
];

const fields: Row[] = [
  ['unknown', { ...good, sytem: 1 }, 'sytem', 'an unknown field', 'system, inputs, scale'],
  ['__proto__', '{"system":"softmax","inputs":{},"__proto__":{}}', '__proto__', 'an unknown field', 'system'],
  ['of a fixture', { ...good, expected: {} }, 'expected', 'an unknown field', 'system, inputs'],
  ['no system', { inputs: {} }, 'system', 'nothing', 'the name of a system'],
  ['system a number', { ...good, system: 1 }, 'system', '1', 'the name of a system'],
  ['no inputs', { system: 'softmax' }, 'inputs', 'nothing', 'tensors by name'],
  ['inputs a list', { ...good, inputs: [] }, 'inputs', 'an array of 0', 'tensors by name'],
  ['inputs null', { ...good, inputs: null }, 'inputs', 'null', 'tensors by name'],
  ['unknown input', { ...good, inputs: { w: one } }, 'w', 'an unknown input', 'q, k, v, g, beta, lambda, initialState'],
  ['input __proto__', '{"system":"softmax","inputs":{"__proto__":1}}', '__proto__', 'an unknown input', 'q, k, v'],
  ['scale NaN', { ...good, scale: 'NaN' }, 'scale', '"NaN"', 'a finite number'],
  ['scale null', { ...good, scale: null }, 'scale', 'null', 'a finite number'],
  ['structure a word', { ...good, structure: 'weak' }, 'structure', '"weak"', '{"kind": "weak", "base": 2}'],
  ['structure null', { ...good, structure: null }, 'structure', 'null', '{"kind": "weak", "base": 2}'],
  ['position a number', { ...good, position: 0 }, 'position', '0', 'an array of integers'],
  ['position of words', { ...good, position: ['0'] }, 'position', 'an array of 1', 'an array of integers'],
  ['cuSeqlens null', { ...good, cuSeqlens: null }, 'cuSeqlens', 'null', 'an array of integers'],
  ['form a number', { ...good, form: 1 }, 'form', '1', 'the name of a form'],
  ['chunkSize a word', { ...good, chunkSize: '64' }, 'chunkSize', '"64"', 'a power of two'],
  ['law a number', { ...good, law: 1 }, 'law', '1', 'a string'],
  ['seed a word', { ...good, seed: 'x' }, 'seed', '"x"', 'an integer'],
  ['seed and a half', { ...good, seed: 0.5 }, 'seed', '0.5', 'an integer'],
  ['path a list', { ...good, path: [1] }, 'path', 'an array of 1', 'a string'],
  ['cotangents null', { ...good, cotangents: null }, 'cotangents', 'null', 'tensors o and, optionally, finalState'],
  ['cotangents empty', { ...good, cotangents: {} }, 'cotangents.o', 'nothing', 'a tensor'],
  ['cotangents of q', { ...good, cotangents: { o: one, q: one } }, 'cotangents', 'field "q"', 'o, finalState'],
  [
    'finalState null',
    { ...good, cotangents: { o: one, finalState: null } },
    'cotangents.finalState',
    'null',
    'a tensor {"shape", "data", "dtype"}',
  ],
];

const tensors: Row[] = [
  ['null', withQ(null), 'q', 'null', 'a tensor {"shape", "data", "dtype"}'],
  ['nested arrays', withQ([[1]]), 'q', 'an array of 1', 'a tensor {"shape", "data", "dtype"}'],
  ['a field more', withQ({ ...one, strides: [1] }), 'q', 'unknown field "strides"', 'shape, data, dtype'],
  ['no shape', withQ({ data: [1] }), 'q', 'shape: nothing', 'an array of sizes'],
  ['shape a number', withQ({ shape: 1, data: [1] }), 'q', 'shape: 1', 'an array of sizes'],
  ['negative size', withQ({ shape: [-1], data: [] }), 'q', 'shape [-1]', 'integers of 0 or more'],
  ['half a size', withQ({ shape: [0.5, 2], data: [1] }), 'q', 'shape [0.5,2]', 'integers of 0 or more'],
  ['a size in words', withQ({ shape: ['1'], data: [1] }), 'q', 'shape ["1"]', 'integers of 0 or more'],
  ['unsafe size', withQ({ shape: [2 ** 53], data: [1] }), 'q', 'shape [9007199254740992]', 'integers of 0 or more'],
  ['sizes beyond doubles', withQ({ shape: [2 ** 52, 2 ** 52], data: [] }), 'q', '0 numbers', 'for shape'],
  ['no data', withQ({ shape: [1] }), 'q', 'data: nothing', 'an array of numbers'],
  ['data an object', withQ({ shape: [1], data: { 0: 1 } }), 'q', 'data: an object', 'an array of numbers'],
  ['data too short', withQ({ shape: [2, 3], data: [1, 2, 3, 4, 5] }), 'q', '5 numbers of data', '6 for shape [2,3]'],
  ['data too long', withQ({ shape: [2], data: [1, 2, 3] }), 'q', '3 numbers of data', '2 for shape [2]'],
  ['data for no size', withQ({ shape: [0, 3], data: [1] }), 'q', '1 numbers of data', '0 for shape [0,3]'],
  ['data for a scalar', withQ({ shape: [], data: [] }), 'q', '0 numbers of data', '1 for shape []'],
  ['rank 6', withQ({ shape: [1, 1, 1, 1, 1, 1], data: [1] }), 'q', 'rank 6', 'rank 5 or less'],
  ['rank 100000', withQ({ shape: new Array(100_000).fill(1), data: [1] }), 'q', 'rank 100000', 'rank 5 or less'],
  ['null in data', withQ({ shape: [2], data: [1, null] }), 'q', 'null at data[1]', '"NaN"'],
  ['a word in data', withQ({ shape: [1], data: ['1'] }), 'q', '"1" at data[0]', '"NaN"'],
  ['+Infinity', withQ({ shape: [1], data: ['+Infinity'] }), 'q', '"+Infinity" at data[0]', '"Infinity"'],
  ['nan', withQ({ shape: [1], data: ['nan'] }), 'q', '"nan" at data[0]', '"NaN"'],
  ['nested data', withQ({ shape: [1], data: [[1]] }), 'q', 'an array of 1 at data[0]', 'a number'],
  [
    'a number beyond doubles',
    '{"system":"softmax","inputs":{"q":{"shape":[1],"data":[1e999]}}}',
    'q',
    'Infinity at data[0]',
    'a number that a double can hold',
  ],
  ['dtype unknown', withQ({ ...one, dtype: 'double' }), 'q', 'dtype "double"', '"float64" or "float32"'],
  ['dtype bfloat16', withQ({ ...one, dtype: 'bfloat16' }), 'q', 'dtype "bfloat16"', '"float64" or "float32"'],
  ['dtype null', withQ({ ...one, dtype: null }), 'q', 'dtype null', '"float64" or "float32"'],
  ['no float32', withQ({ shape: [2], data: [1, 0.1], dtype: 'float32' }), 'q', '0.1 at data[1]', 'a float32 number'],
  ['too large for float32', withQ({ shape: [1], data: [1e39], dtype: 'float32' }), 'q', '1e+39', 'a float32 number'],
  ['too small for float32', withQ({ shape: [1], data: [1e-60], dtype: 'float32' }), 'q', '1e-60', 'a float32 number'],
  ['of a cotangent', { ...good, cotangents: { o: { shape: [1], data: [] } } }, 'cotangents.o', '0 numbers', '1 for'],
];

describe.each(Object.entries({ texts, fields, tensors }))('refuses, %s', (_title, rows) => {
  it.each(rows)('%s', (_name, json, argument, given, wanted) => {
    const error = refusal(() => parseCase(json));
    expect(error.kind).toBe('invalid-input');
    expect(error.argument).toBe(argument);
    expect(error.message.startsWith(`parseCase: ${argument}: `), error.message).toBe(true);
    const [before, after] = error.message.split(' given, ');
    expect(before).toContain(given);
    // the position is said once, by V8 or by us
    if (given.includes('position'))
      expect(before).toMatch(/^((?!at position).)* at position \d+( \(line \d+ column \d+\))?\)$/s);
    expect(after).toContain(wanted);
    expect(after).toContain(' wanted');
    // JSON data and its text are refused alike
    if (typeof json !== 'string') expect(refusal(() => parseCase(JSON.stringify(json))).message).toBe(error.message);
  });
});

it('keeps messages short, and takes any depth', () => {
  const long = 'x'.repeat(100_000);
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const name of ['system', 'scale', 'structure', 'position', 'form', 'seed', 'inputs', 'cotangents', 'other']) {
    expect(refusal(() => parseCase(`{"system":"softmax","inputs":{},"${name}":${deep}}`)).message.length).toBeLessThan(
      400,
    );
  }
  for (const json of [{ ...good, [long]: 1 }, { ...good, seed: long }, withQ({ ...one, [long]: 1 }), long]) {
    expect(refusal(() => parseCase(json)).message.length).toBeLessThan(400);
  }
  const structure = refusal(() =>
    compute(parseCase(`{"system":"softmax","inputs":${JSON.stringify(good.inputs)},"structure":{"kind":${deep}}}`)),
  );
  expect(structure.argument).toBe('structure');
});

it('names the function that was called', () => {
  expect(refusal(() => parseCase('{', 'replay')).message).toMatch(/^replay: case: /);
});

it('passes over a byte order mark', () => {
  expect(parseCase(`\uFEFF${JSON.stringify(good)}`).system).toBe('softmax');
});

describe('numbers', () => {
  const special = [-0, 0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 1e21, 1e-7];
  const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

  it('come back as the same doubles', () => {
    const all = Float64Array.from([...special, ...strange]);
    const back = parseTensor('test', 'q', JSON.parse(jsonText(tensorToJson(ndarray(all, [13])))));
    expect([...back.data]).toEqual([...all]);
  });

  it('are written as the format says', () => {
    expect(jsonText(tensorToJson(ndarray(Float64Array.of(-0, 1.5, ...strange), [5])))).toBe(
      '{"shape":[5],"data":[-0,1.5,"NaN","Infinity","-Infinity"],"dtype":"float64"}',
    );
    expect(jsonText({ a: -0, b: Number.NaN, c: undefined, d: [undefined, null, true], e: {}, f: [], g: [[-0]] })).toBe(
      '{"a":-0,"b":"NaN","d":[null,null,true],"e":{},"f":[],"g":[[-0]]}',
    );
  });

  it('any double, any float32', () => {
    const doubles = fc.float64Array({ maxLength: 20 });
    const floats = fc.float32Array({ maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(doubles, floats), (data) => {
        const back = parseTensor('test', 'q', JSON.parse(jsonText(tensorToJson(ndarray(data, [data.length])))));
        expect(back.dtype).toBe(data instanceof Float32Array ? 'float32' : 'float64');
        expect([...back.data]).toEqual([...data]);
      }),
    );
  });
});

it('jsonText writes what JSON.stringify writes, where that says everything', () => {
  const values = fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => !JSON.stringify(value, (_, v) => (Object.is(v, -0) ? '-0' : v)).includes('"-0"'));
  fc.assert(fc.property(values, (value) => jsonText(value) === JSON.stringify(value)));
});

it('keeps a -0 beside scalars', () => {
  expect(jsonText([1, { a: [-0] }])).toBe('[1,{"a":[-0]}]');
});

it('jsonPieces cut a long text, and lose nothing', () => {
  const value = { a: Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? -0 : i / 3)), b: 'x' };
  const pieces = [...jsonPieces(value)];
  expect(pieces.length).toBeGreaterThan(3);
  expect(JSON.parse(pieces.join(''))).toEqual(value);
});

// Cases and answers

const tensorOf = (shape: number[]): fc.Arbitrary<Tensor> =>
  fc
    .oneof(
      fc.float64Array({ minLength: elements(shape), maxLength: elements(shape) }),
      fc.float32Array({ minLength: elements(shape), maxLength: elements(shape) }),
    )
    .map((data) => ndarray(data, shape));

const anyTensor = fc.array(fc.nat(3), { maxLength: 5 }).chain(tensorOf);

/** Any code point but half of a pair. */
const codePoint = fc.nat(0x10ffff - 0x800).map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

/** Cases of the right form, whatever they mean. */
const anyCase: fc.Arbitrary<Case> = fc.record(
  {
    system: fc.constantFrom(...systems.map(({ name }) => name)),
    inputs: fc.record(
      {
        q: anyTensor,
        k: anyTensor,
        v: anyTensor,
        g: anyTensor,
        beta: anyTensor,
        lambda: anyTensor,
        initialState: anyTensor,
      } satisfies Record<InputName, fc.Arbitrary<Tensor>>,
      { requiredKeys: [] },
    ),
    scale: fc.double({ noNaN: true, noDefaultInfinity: true }),
    structure: fc.oneof(
      fc.record({ kind: fc.constant('weak' as const), base: fc.nat(9) }),
      fc.constant({ kind: 'strong' as const }),
    ),
    position: fc.array(fc.nat()),
    cuSeqlens: fc.array(fc.nat()),
    cotangents: fc.record({ o: anyTensor, finalState: anyTensor }, { requiredKeys: ['o'] }),
    form: fc.constantFrom('masked' as const, 'recurrent' as const, 'chunked' as const),
    chunkSize: fc.nat(),
    law: fc.string({ unit: codePoint }),
    seed: fc.integer(),
    path: fc.string(),
  },
  { requiredKeys: ['system', 'inputs'] },
);

/** A tree with tensors laid open: toEqual then compares every number, -0 and NaN too. */
function laidOpen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('stride' in value) {
    const { shape, dtype, data } = value as Tensor;
    return { shape, dtype, data: [...data] };
  }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, laidOpen(field)]));
}

it('any case comes back as it was', () => {
  fc.assert(
    fc.property(anyCase, (c) => {
      const text = jsonText(caseToJson(c));
      expect(text).not.toContain('\n');
      expect(laidOpen(parseCase(text))).toEqual(laidOpen(c));
      expect(laidOpen(parseCase(caseToJson(c)))).toEqual(laidOpen(c));
    }),
  );
});

it('views are written row-major, and fields that are undefined are left out', () => {
  const q = ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]).transpose(1, 0);
  const json = JSON.parse(jsonText(caseToJson({ system: 'linear', inputs: { q, k: undefined }, scale: undefined })));
  expect(json).toEqual({
    system: 'linear',
    inputs: { q: { shape: [3, 2], data: [1, 4, 2, 5, 3, 6], dtype: 'float64' } },
  });
});

it('writes neither the case nor the JSON data it reads', () => {
  const c = withCotangents(goodCase('log-linear-mamba2'));
  const before = laidOpen(c);
  const json = caseToJson(c);
  const text = jsonText(json);
  parseCase(json).inputs.q?.data.fill(7);
  expect(laidOpen(c)).toEqual(before);
  expect(jsonText(json)).toBe(text);
});

it.each(systems.map(({ name }) => name))('%s: the answer comes back as it was', (system) => {
  const c = withCotangents(goodCase(system));
  const answer = compute(parseCase(jsonText(caseToJson(c))));
  expect(laidOpen(answer)).toEqual(laidOpen(compute(c)));
  const text = jsonText(answerToJson(answer));
  expect(laidOpen(parseAnswer(text))).toEqual(laidOpen(answer));
  expect(Object.keys(JSON.parse(text)).includes('finalState')).toBe(system !== 'softmax');
});

const answer = { o: one, finalState: one, position: [1], gradients: { q: one } };
const answers: Row[] = [
  ['no JSON', '{', 'answer', 'at position 1', 'one JSON object'],
  ['a list', [], 'answer', 'an array of 0', 'an answer'],
  ['an error', { error: {} }, 'error', 'an unknown field', 'o, finalState, position, gradients'],
  ['no o', { position: [0] }, 'o', 'nothing', 'a tensor'],
  ['a state of no tensor', { ...answer, finalState: null }, 'finalState', 'null', 'a tensor'],
  ['no position', { o: one }, 'position', 'nothing', 'an array of integers of 0 or more'],
  ['a position below 0', { ...answer, position: [0, -1] }, 'position', '[0,-1]', 'an array of integers of 0 or more'],
  ['half a position', { ...answer, position: [0.5] }, 'position', '[0.5]', 'an array of integers of 0 or more'],
  ['gradients a list', { ...answer, gradients: [] }, 'gradients', 'an array of 0', "tensors by the inputs' names"],
  ['gradient of nothing', { ...answer, gradients: { w: one } }, 'gradients', 'field "w"', 'q, k, v'],
  ['gradient, short', { ...answer, gradients: { q: { shape: [2], data: [1] } } }, 'gradients.q', '1 numbers', '2 for'],
];

it.each(answers)('refuses an answer: %s', (_name, json, argument, given, wanted) => {
  const error = refusal(() => parseAnswer(json));
  expect(error.argument).toBe(argument);
  const [before, after] = error.message.split(' given, ');
  expect(before).toContain(`parseAnswer: ${argument}: `);
  expect(before).toContain(given);
  expect(after).toContain(wanted);
});

it('fields that are undefined are not there', () => {
  expect(parseCase({ ...good, inputs: { ...good.inputs, g: undefined } }).inputs).not.toHaveProperty('g');
  expect(parseAnswer({ ...answer, gradients: undefined })).not.toHaveProperty('gradients');
  expect(parseAnswer({ ...answer, gradients: { q: undefined } }).gradients).toEqual({});
});

it('an argument is named by the first 60 characters of an unknown input', () => {
  expect(refusal(() => parseCase({ ...good, inputs: { ['x'.repeat(99)]: one } })).argument).toBe('x'.repeat(60));
});

it('an answer may have bounds, and float32 tensors, which come as float64', () => {
  const { o } = parseAnswer({ ...answer, o: { ...one, dtype: 'float32' }, bounds: { o: one } });
  expect(o.dtype).toBe('float64');
});

it('an error is written as the format says', () => {
  const error = new InvalidInput('compute', 'lambda', 'shape [1]', '[2]');
  expect(jsonText(errorToJson(error))).toBe(
    '{"error":{"kind":"invalid-input","argument":"lambda","message":"compute: lambda: shape [1] given, [2] wanted"}}',
  );
});

// Anything at all

/** What stands for a field that is not what it should be. */
const rubbish = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0, 1, 2, 3, 4, 5, 0.5, -0, 64, 2 ** 16, 1e9, 2 ** 31, 2 ** 53, 1e300),
  fc.constantFrom<unknown>(
    '',
    'NaN',
    'Infinity',
    '1',
    'q',
    'strong',
    'weak',
    'masked',
    'recurrent',
    'chunked',
    'softmax',
  ),
  fc.constantFrom<unknown>([], {}, [[]], [0], [0, 0], [0, 5], [1, 0, 1, 1], [1e9, 0, 1e9, 1e9, 1e9], {
    kind: 'strong',
  }),
  fc.constantFrom<unknown>({ shape: [1, 0, 1e9, 1], data: [] }, { shape: [0], data: [] }, one),
  fc.constantFrom<unknown>({ kind: 'weak', base: 3 }, { kind: 'weak', base: 2 ** 16 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const fieldNames = [
  'system',
  'inputs',
  'lambda',
  'beta',
  'initialState',
  'position',
  'cuSeqlens',
  'structure',
  'scale',
];
const names = fc.constantFrom(
  ...fieldNames,
  'form',
  'chunkSize',
  'cotangents',
  'o',
  'finalState',
  'dtype',
  '__proto__',
);

type Mutation = { step: number[]; kind: number; value: unknown; name: string };
const mutation: fc.Arbitrary<Mutation> = fc.record({
  step: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  kind: fc.nat(5),
  value: rubbish,
  name: names,
});

/** Changes one place of a JSON tree: walks down by `step`, then replaces, removes, repeats, adds or swaps. */
function mutate(root: unknown, { step, kind, value, name }: Mutation): void {
  let at = root as Json | unknown[];
  for (const [depth, turn] of step.entries()) {
    const keys = Object.keys(at);
    if (keys.length === 0) return;
    const key = keys[turn % keys.length] as keyof typeof at;
    const next = at[key] as unknown;
    if (depth < step.length - 1 && typeof next === 'object' && next !== null) {
      at = next as Json;
      continue;
    }
    if (Array.isArray(at)) {
      const i = Number(key);
      if (kind === 0) at.splice(i, 1);
      else if (kind === 1) at.splice(i, 0, at[i]);
      else if (kind === 2) at.reverse();
      else at[i] = value;
    } else if (kind === 0) delete at[key];
    else if (kind === 1)
      Object.defineProperty(at, name, { value, enumerable: true, writable: true, configurable: true });
    else Object.assign(at, { [key]: value });
    return;
  }
}

/** Answered, or refused as bad input; anything else that is thrown fails. */
function answered(text: string): boolean {
  try {
    JSON.parse(jsonText(answerToJson(compute(parseCase(text)))));
    return true;
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    JSON.parse(jsonText(errorToJson(error)));
    return false;
  }
}

const seeds = [
  withCotangents(goodCase('log-linear-mamba2', { stateLevels: 2 }, { position: [6], chunkSize: 2, form: 'recurrent' })),
  withCotangents(goodCase('log-linear-kimi-delta', { n: 2 }, { cuSeqlens: [0, 2, 5], structure: { kind: 'strong' } }), {
    n: 2,
  }),
  withCotangents(goodCase('retention', { stateLevels: 1 }, { scale: 0.5, form: 'masked' })),
  goodCase('log-linear-linear', { T: 0, K: 1, V: 1 }),
  withCotangents(goodCase('softmax', { B: 2, H: 2, G: 2 }), { B: 2 }),
].map((c) => jsonText(caseToJson(c)));

it('no mutation of a case does worse than be refused', () => {
  let good = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 3 }), (seed, mutations) => {
      const tree = JSON.parse(seed);
      for (const one of mutations) mutate(tree, structuredClone(one));
      if (answered(jsonText(tree))) good++;
    }),
    { numRuns: 1500 },
  );
  expect(good).toBeGreaterThan(0);
});

it('no mutation of the text does worse than be refused', () => {
  const edit = fc.record({
    at: fc.nat(),
    drop: fc.nat(3),
    put: fc.constantFrom('', '0', '-', 'e9', ',', '[', '}', '"', 'NaN', '\\', ':'),
  });
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 2 }), (seed, edits) => {
      const text = edits.reduce((now, { at, drop, put }) => {
        const i = at % now.length;
        return now.slice(0, i) + put + now.slice(i + drop);
      }, seed);
      answered(text);
    }),
    { numRuns: 1500 },
  );
});

it('where V8 does not say where a text breaks off, the position is right', () => {
  const bad = fc.constantFrom('NaN', 'undefined', '\u00a0', '+1', '.5', ',');
  const value = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), bad, (before, word) => {
      const head = `{"a": [${before.map((entry) => `${JSON.stringify(entry, null, 1)}, `).join('')}`;
      const { message } = refusal(() => parseCase(`${head}${word}, 1]}`));
      expect(message).toContain(`at position ${head.length})`);
    }),
  );
});
