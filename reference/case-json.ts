/**
 * A case and its answer as JSON, and back. What JSON has no number for is written so: NaN and the infinities are the strings
 * "NaN", "Infinity" and "-Infinity", negative zero is -0. A tensor is {"shape", "data", "dtype"}, its data row-major. Every
 * number comes back as the same double.
 *
 * Reading checks the JSON: fields that are known, of the right type, and data that fits its shape. What the values mean is
 * checked once, by checkCase (shapes.ts).
 */
import ndarray from 'ndarray';
import type { Answer, Case } from './case.ts';
import { InvalidInput } from './errors.ts';
import { CASE_FIELDS, checkFields } from './shapes.ts';
import type { InputName } from './systems/system.ts';
import { brief, type DenseTensor, elements, show, type Tensor, toDense } from './tensor.ts';

export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

export interface JsonTensor {
  shape: number[];
  data: JsonNumber[];
  /** Left out: float64. */
  dtype?: 'float64' | 'float32';
}

/** A case as plain JSON data; `jsonText` writes it. */
export type JsonCase = Omit<Case, 'inputs' | 'cotangents'> & {
  inputs: Partial<Record<InputName, JsonTensor>>;
  cotangents?: { o: JsonTensor; finalState?: JsonTensor };
};

export interface JsonAnswer {
  o: JsonTensor;
  finalState?: JsonTensor;
  position: number[];
  gradients?: Partial<Record<InputName, JsonTensor>>;
}

export interface JsonError {
  error: { kind: 'invalid-input'; argument: string; message: string };
}

const INPUTS: readonly string[] = ['q', 'k', 'v', 'g', 'beta', 'lambda', 'initialState'] satisfies readonly InputName[];

/** The largest rank in the alphabet is that of a state, [n,H,L,K,V]. */
const MOST_AXES = 5;

// Writing

/** Text is handed on in pieces of about this many characters, arrays in blocks of this many entries. */
const PIECE = 2 ** 16;
const BLOCK = 2 ** 12;

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
/** Whether JSON.stringify writes the value as we want it. */
const isPlain = (value: unknown): boolean =>
  typeof value === 'number' ? Number.isFinite(value) && !Object.is(value, -0) : typeof value === 'string';

function scalarText(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  return JSON.stringify(typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value ?? null));
}

/** JSON text of a value, in pieces: an answer may be longer than the longest string. */
export function* jsonPieces(value: unknown): Generator<string> {
  let text = '';
  for (const token of tokens(value)) {
    text += token;
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield text;
}

function* tokens(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += BLOCK) {
      const block = value.slice(at, at + BLOCK);
      yield at === 0 ? '[' : ',';
      if (block.every(isPlain)) yield JSON.stringify(block).slice(1, -1);
      else if (block.every(isScalar)) yield block.map(scalarText).join(',');
      else yield* entries(block);
    }
    yield value.length === 0 ? '[]' : ']';
  } else if (typeof value === 'object' && value !== null) {
    let before = '{';
    for (const [name, field] of Object.entries(value)) {
      if (field === undefined) continue;
      yield `${before}${JSON.stringify(name)}:`;
      yield* tokens(field);
      before = ',';
    }
    yield before === '{' ? '{}' : '}';
  } else yield scalarText(value);
}

function* entries(block: unknown[]): Generator<string> {
  for (let i = 0; i < block.length; i++) {
    if (i > 0) yield ',';
    yield* tokens(block[i]);
  }
}

/** JSON text of a value, on one line: as JSON.stringify writes it, but -0, NaN and the infinities are kept. */
export function jsonText(value: unknown): string {
  let text = '';
  for (const piece of jsonPieces(value)) text += piece;
  return text;
}

/** A tensor as JSON data, whatever its strides. */
export function tensorToJson(value: Tensor): JsonTensor {
  const dense = toDense(value);
  const data: JsonNumber[] = Array.from(dense);
  for (let i = 0; i < dense.length; i++) if (!Number.isFinite(dense[i])) data[i] = String(dense[i]) as JsonNumber;
  return { shape: [...value.shape], data, dtype: value.dtype === 'float32' ? 'float32' : 'float64' };
}

/** Tensors by name; those that are undefined are left out. */
function tensorsToJson<Name extends string>(by: Partial<Record<Name, Tensor>>): Partial<Record<Name, JsonTensor>> {
  const json: Partial<Record<Name, JsonTensor>> = {};
  for (const [name, value] of Object.entries(by) as [Name, Tensor | undefined][]) {
    if (value !== undefined) json[name] = tensorToJson(value);
  }
  return json;
}

/** A case as JSON data. */
export function caseToJson({ system, inputs, position, cuSeqlens, cotangents, ...plain }: Case): JsonCase {
  const json: JsonCase = { system, inputs: tensorsToJson(inputs), ...plain };
  if (position !== undefined) json.position = Array.from(position);
  if (cuSeqlens !== undefined) json.cuSeqlens = Array.from(cuSeqlens);
  if (cotangents !== undefined) json.cotangents = tensorsToJson(cotangents) as JsonCase['cotangents'];
  return json;
}

/** An answer as JSON data. */
export function answerToJson({ o, finalState, position, gradients }: Answer): JsonAnswer {
  const json: JsonAnswer = { o: tensorToJson(o), position: [...position] };
  if (finalState) json.finalState = tensorToJson(finalState);
  if (gradients) json.gradients = tensorsToJson(gradients);
  return json;
}

/** What is answered to a bad case, as JSON data. */
export const errorToJson = ({ kind, argument, message }: InvalidInput): JsonError => ({
  error: { kind, argument, message },
});

// Reading

type Fields = Record<string, unknown>;

/** Where a text stops being JSON, for the errors in which V8 does not say it: a value wanted, and something else there. */
function unexpectedAt(text: string): number {
  const scalar = /-?\d[\d.eE+-]*|true|false|null/y;
  let before = '';
  for (let i = 0; i < text.length; i++) {
    const token = text[i];
    if (' \t\n\r'.includes(token)) continue;
    if (token === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
      before = 'value';
    } else if ('[{'.includes(token)) before = token;
    else if (']},:'.includes(token)) {
      if (before === '' || ',:'.includes(before) || (before === '[' && token !== ']')) return i;
      before = token;
    } else {
      scalar.lastIndex = i;
      if (!scalar.test(text)) return i;
      i = scalar.lastIndex - 1;
      before = 'value';
    }
  }
  return text.length;
}

/** A JSON text as data. A byte order mark before it is passed over. */
function parseText(where: string, argument: string, text: string): unknown {
  const bare = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(bare);
  } catch (error) {
    const { message } = error as SyntaxError;
    const at = /at position \d/.test(message) ? '' : ` at position ${unexpectedAt(bare)}`;
    const remedy = 'write NaN and the infinities as the strings "NaN", "Infinity", "-Infinity"';
    throw new InvalidInput(where, argument, `text that is not JSON (${message}${at})`, 'one JSON object', remedy);
  }
}

function objectOf(where: string, argument: string, value: unknown, wanted: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new InvalidInput(where, argument, brief(value), wanted);
}

function numberOf(where: string, argument: string, value: unknown, i: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  const wanted = 'a number that a double can hold, or one of the strings "NaN", "Infinity", "-Infinity"';
  throw new InvalidInput(where, argument, `${brief(value)} at data[${i}]`, wanted);
}

/**
 * A tensor from JSON data: {"shape", "data", "dtype"?}. float32 data must be numbers that float32 can hold.
 * @param mostAxes of its rank
 * @throws InvalidInput with `argument` as its argument
 */
export function parseTensor(where: string, argument: string, value: unknown, mostAxes = MOST_AXES): Tensor {
  const tensor = objectOf(where, argument, value, 'a tensor {"shape", "data", "dtype"}');
  checkFields(where, tensor, ['shape', 'data', 'dtype'], argument);
  const { shape, data, dtype = 'float64' } = tensor;
  if (!Array.isArray(shape)) throw new InvalidInput(where, argument, `shape: ${brief(shape)}`, 'an array of sizes');
  if (shape.length > mostAxes) {
    throw new InvalidInput(where, argument, `rank ${shape.length}`, `rank ${mostAxes} or less`);
  }
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new InvalidInput(where, argument, `shape ${show(shape.map(brief))}`, 'sizes that are integers of 0 or more');
  }
  if (dtype !== 'float64' && dtype !== 'float32') {
    const remedy = 'any float16 or bfloat16 number is a float32 number too';
    throw new InvalidInput(where, argument, `dtype ${brief(dtype)}`, '"float64" or "float32"', remedy);
  }
  if (!Array.isArray(data)) throw new InvalidInput(where, argument, `data: ${brief(data)}`, 'an array of numbers');
  const size = shape.includes(0) ? 0 : elements(shape);
  if (data.length !== size) {
    throw new InvalidInput(where, argument, `${data.length} numbers of data`, `${size} for shape ${show(shape)}`);
  }
  const dense = dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const number = numberOf(where, argument, data[i], i);
    dense[i] = number;
    if (Object.is(dense[i], number)) continue;
    const remedy = 'round it first, or say "dtype": "float64"';
    throw new InvalidInput(where, argument, `${number} at data[${i}] of float32`, 'a float32 number', remedy);
  }
  return ndarray(dense, shape.map(Number));
}

const isListOfNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number');

/** The fields of a case that are no tensors, by the JSON type that each must have. */
const PLAIN: Record<string, { is: (value: unknown) => boolean; wanted: string }> = {
  system: { is: (value) => typeof value === 'string', wanted: 'the name of a system' },
  scale: { is: (value) => typeof value === 'number', wanted: 'a finite number' },
  structure: {
    is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    wanted: '{"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"}',
  },
  position: { is: isListOfNumbers, wanted: 'an array of integers, one for each sequence' },
  cuSeqlens: { is: isListOfNumbers, wanted: 'an array of integers' },
  form: { is: (value) => typeof value === 'string', wanted: 'the name of a form' },
  chunkSize: { is: (value) => typeof value === 'number', wanted: 'a power of two' },
  law: { is: (value) => typeof value === 'string', wanted: 'a string' },
  seed: { is: Number.isSafeInteger, wanted: 'an integer' },
  path: { is: (value) => typeof value === 'string', wanted: 'a string' },
};

/**
 * A case from its JSON text, or from JSON data that is parsed already. What comes back has fields of the right types; whether
 * they make a case that can be answered is for checkCase to say.
 * @throws InvalidInput; its argument is "case" where the text is not JSON or not an object
 */
export function parseCase(json: unknown, where = 'parseCase'): Case {
  const value = typeof json === 'string' ? parseText(where, 'case', json) : json;
  const given = objectOf(where, 'case', value, 'a case, {"system", "inputs", …}');
  checkFields(where, given, CASE_FIELDS);
  const c: Fields = {};
  for (const [name, { is, wanted }] of Object.entries(PLAIN)) {
    const field = given[name];
    if (field === undefined && name !== 'system') continue;
    if (!is(field)) throw new InvalidInput(where, name, brief(field), wanted);
    c[name] = field;
  }
  const inputs: Fields = {};
  for (const [name, field] of Object.entries(objectOf(where, 'inputs', given.inputs, 'tensors by name'))) {
    if (!INPUTS.includes(name)) {
      throw new InvalidInput(where, name.slice(0, 60), 'an unknown input', INPUTS.join(', '), 'remove it');
    }
    if (field !== undefined) inputs[name] = parseTensor(where, name, field);
  }
  c.inputs = inputs;
  if (given.cotangents !== undefined) {
    const cotangents = objectOf(where, 'cotangents', given.cotangents, 'tensors o and, optionally, finalState');
    checkFields(where, cotangents, ['o', 'finalState'], 'cotangents');
    const o = parseTensor(where, 'cotangents.o', cotangents.o);
    const { finalState } = cotangents;
    c.cotangents =
      finalState === undefined ? { o } : { o, finalState: parseTensor(where, 'cotangents.finalState', finalState) };
  }
  return c as unknown as Case;
}

function parseDense(where: string, argument: string, value: unknown): DenseTensor {
  const parsed = parseTensor(where, argument, value);
  return ndarray(toDense(parsed), parsed.shape);
}

/**
 * An answer from its JSON text, or from JSON data that is parsed already. Bounds beside it are passed over.
 * @throws InvalidInput; its argument is "answer" where the text is not JSON or not an object
 */
export function parseAnswer(json: unknown, where = 'parseAnswer'): Answer {
  const value = typeof json === 'string' ? parseText(where, 'answer', json) : json;
  const given = objectOf(where, 'answer', value, 'an answer, {"o", "finalState", "position", "gradients"}');
  checkFields(where, given, ['o', 'finalState', 'position', 'gradients', 'bounds']);
  const { position } = given;
  if (!Array.isArray(position) || !position.every((entry) => Number.isSafeInteger(entry) && entry >= 0)) {
    const wrong = Array.isArray(position) ? show(position.map(brief)) : brief(position);
    throw new InvalidInput(where, 'position', wrong, 'an array of integers of 0 or more');
  }
  const answer: Answer = { o: parseDense(where, 'o', given.o), position: position.map(Number) };
  if (given.finalState !== undefined) answer.finalState = parseDense(where, 'finalState', given.finalState);
  if (given.gradients !== undefined) {
    const gradients = objectOf(where, 'gradients', given.gradients, "tensors by the inputs' names");
    checkFields(where, gradients, INPUTS, 'gradients');
    answer.gradients = {};
    for (const [name, gradient] of Object.entries(gradients)) {
      if (gradient === undefined) continue;
      answer.gradients[name as InputName] = parseDense(where, `gradients.${name}`, gradient);
    }
  }
  return answer;
}
