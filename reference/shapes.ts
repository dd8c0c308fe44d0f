/** The one validation at the public boundary: a case comes in as somebody wrote it and leaves as a problem that the loops can trust. */
import type { Case, FormName } from './case.ts';
import { InvalidInput } from './errors.ts';
import { FLAT, type Levels, levelsOf, type Structure, WEAK } from './levels.ts';
import { findSystem, type System, systems } from './systems/registry.ts';
import type { InputName } from './systems/system.ts';
import { brief, checkTensor, counted, show, type Tensor, toDense } from './tensor.ts';

export const FORMS: readonly FormName[] = ['masked', 'recurrent', 'chunked'];
export const DEFAULT_CHUNK_SIZE = 64;
/** Positions are below 2^31, so that 32-bit integer operations on them are exact. */
export const MOST_POSITIONS = 2 ** 31 - 1;
/** Finding a bucket takes time in proportion to the base. */
const LARGEST_BASE = 2 ** 16;
/** With T = 0 a case without any data may name any sizes; these keep the work and the answer within what a process can hold. */
const MOST_HEADS = 2 ** 20;
const MOST_STATE = 2 ** 26;

/** One sequence: tokens [start, end) of batch row `row`. */
export interface Sequence {
  row: number;
  start: number;
  end: number;
  position: number;
}

/** A case whose every field has been checked, with dense copies of its tensors. */
export interface Problem {
  system: System;
  form: FormName;
  B: number;
  T: number;
  H: number;
  G: number;
  K: number;
  V: number;
  /** Levels of lambda; 1 for a flat system. */
  L: number;
  /** Levels of the incoming state, at most L. */
  stateLevels: number;
  levels: Levels;
  structure: Structure;
  chunkSize: number;
  scale: number;
  sequences: Sequence[];
  inputs: Partial<Record<InputName, Float64Array>>;
  shapes: Partial<Record<InputName, number[]>>;
  cotangents: { o: Float64Array; finalState: Float64Array | null } | null;
}

export const CASE_FIELDS: readonly string[] = [
  'system',
  'inputs',
  'scale',
  'structure',
  'position',
  'cuSeqlens',
  'cotangents',
  'form',
  'chunkSize',
  'law',
  'seed',
  'path',
];

const names = (list: readonly string[]): string => list.join(', ');

/** Refuses a field that is not known: in the name of the argument that has it, or, on the case itself, in its own. */
export function checkFields(where: string, object: object, known: readonly string[], argument?: string): void {
  for (const [field, value] of Object.entries(object)) {
    if (value === undefined || known.includes(field)) continue;
    const given = argument === undefined ? 'an unknown field' : `unknown field ${brief(field)}`;
    throw new InvalidInput(where, argument ?? field.slice(0, 60), given, names(known), 'remove it');
  }
}

function shapeOf(where: string, argument: string, value: Tensor, letters: string): number[] {
  if (value.shape.length !== letters.length) {
    const given = `rank ${value.shape.length}, shape ${show(value.shape)}`;
    throw new InvalidInput(where, argument, given, `rank ${letters.length}, shape ${show([...letters])}`);
  }
  return value.shape;
}

export function checkShape(
  where: string,
  argument: string,
  value: Tensor,
  wanted: number[],
  letters: string,
  remedy = '',
): void {
  const given = shapeOf(where, argument, value, letters);
  if (given.some((size, axis) => size !== wanted[axis])) {
    throw new InvalidInput(where, argument, `shape ${show(given)}`, `${show([...letters])} = ${show(wanted)}`, remedy);
  }
}

function checkIntegers(where: string, argument: string, list: unknown, length: number | null): readonly number[] {
  if (!(Array.isArray(list) || list instanceof Int32Array)) {
    throw new InvalidInput(where, argument, brief(list), 'an array of integers');
  }
  const values: readonly number[] = Array.from(list as number[]);
  for (const value of values) {
    if (!Number.isInteger(value) || value < 0 || value > MOST_POSITIONS) {
      throw new InvalidInput(where, argument, `entry ${brief(value)}`, 'integers from 0 to 2^31 - 1');
    }
  }
  if (length !== null && values.length !== length) {
    const given = values.length === 1 ? '1 entry' : `${values.length} entries`;
    throw new InvalidInput(where, argument, given, `n = ${length}, one for each sequence`);
  }
  return values;
}

function checkStructure(where: string, structure: unknown): Structure {
  if (structure === undefined) return WEAK;
  const wanted = '{"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"}';
  const given = structure as { kind?: unknown; base?: unknown } | null;
  if (typeof given !== 'object' || given === null) throw new InvalidInput(where, 'structure', brief(structure), wanted);
  checkFields(where, given, ['kind', 'base'], 'structure');
  if (given.kind === 'strong' && given.base === undefined) return { kind: 'strong' };
  if (given.kind === 'strong' && given.base === 2) return { kind: 'strong' };
  const base = given.base === undefined ? 2 : given.base;
  const isBase = typeof base === 'number' && Number.isInteger(base) && base >= 2 && base <= LARGEST_BASE;
  if (given.kind === 'weak' && isBase) return { kind: 'weak', base };
  const remedy = given.kind === 'weak' ? 'bases are integers from 2 to 2^16' : '';
  throw new InvalidInput(where, 'structure', `kind ${brief(given.kind)}, base ${brief(given.base)}`, wanted, remedy);
}

function checkForm(where: string, form: unknown, system: System, structure: Structure): FormName {
  const isBinary = structure.kind === 'weak' && structure.base === 2;
  const chunks = isBinary || !system.logLinear;
  if (form === undefined) return system.recurrence === null ? 'masked' : chunks ? 'chunked' : 'recurrent';
  if (!FORMS.includes(form as FormName)) {
    throw new InvalidInput(where, 'form', brief(form), names(FORMS));
  }
  if (system.recurrence === null && form !== 'masked') {
    throw new InvalidInput(where, 'form', `${form} for softmax`, 'masked', 'softmax attention has no recurrence');
  }
  if (form === 'chunked' && !chunks) {
    const remedy = 'chunks line up with the weak structure of base 2 alone';
    throw new InvalidInput(
      where,
      'form',
      `chunked with structure ${JSON.stringify(structure)}`,
      'masked or recurrent',
      remedy,
    );
  }
  return form as FormName;
}

/** The sequences of a case: one a batch row, or the packed ones. */
function checkSequences(where: string, c: Case, B: number, T: number, H: number): Sequence[] {
  let bounds: { row: number; start: number; end: number }[];
  const checkHeads = (argument: string, n: number): void => {
    if (n * H <= MOST_HEADS) return;
    throw new InvalidInput(where, argument, `n = ${n} sequences of H = ${H} heads`, 'n H <= 2^20', 'split the batch');
  };
  if (c.cuSeqlens === undefined) {
    checkHeads('v', B);
    bounds = Array.from({ length: B }, (_, row) => ({ row, start: 0, end: T }));
  } else {
    const cuts = checkIntegers(where, 'cuSeqlens', c.cuSeqlens, null);
    if (B !== 1) {
      const remedy = 'pack every sequence along T of one batch row';
      throw new InvalidInput(where, 'cuSeqlens', `cuSeqlens with B = ${B}`, 'B = 1', remedy);
    }
    const given = show(cuts);
    checkHeads('cuSeqlens', cuts.length - 1);
    if (cuts.length < 2) throw new InvalidInput(where, 'cuSeqlens', given, 'at least [0, T]');
    if (cuts[0] !== 0) throw new InvalidInput(where, 'cuSeqlens', given, 'a first entry of 0');
    if (cuts.at(-1) !== T) throw new InvalidInput(where, 'cuSeqlens', given, `a last entry of T = ${T}`);
    if (cuts.some((cut, i) => i > 0 && cut < cuts[i - 1])) {
      throw new InvalidInput(where, 'cuSeqlens', given, 'entries that never decrease');
    }
    bounds = cuts.slice(1).map((end, i) => ({ row: 0, start: cuts[i], end }));
  }
  const position =
    c.position === undefined ? bounds.map(() => 0) : checkIntegers(where, 'position', c.position, bounds.length);
  bounds.forEach(({ start, end }, i) => {
    if (position[i] + end - start > MOST_POSITIONS) {
      throw new InvalidInput(
        where,
        'position',
        `${position[i]} + ${end - start} tokens`,
        'a last position below 2^31 - 1',
      );
    }
  });
  return bounds.map((bound, i) => ({ ...bound, position: position[i] }));
}

function checkNumber(where: string, argument: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new InvalidInput(where, argument, brief(value), 'a finite number');
  }
  return value;
}

function checkChunkSize(where: string, value: unknown): number {
  const C = checkNumber(where, 'chunkSize', value, DEFAULT_CHUNK_SIZE);
  if (!Number.isInteger(C) || C < 1 || C > 2 ** 20 || (C & (C - 1)) !== 0) {
    throw new InvalidInput(where, 'chunkSize', String(C), 'a power of two from 1 to 2^20', 'try 64');
  }
  return C;
}

/** The inputs that a case really has: a name with the value undefined is as good as none. */
function inputsOf(c: Case): [InputName, Tensor][] {
  return (Object.entries(c.inputs) as [InputName, Tensor | undefined][]).filter(
    (entry): entry is [InputName, Tensor] => entry[1] !== undefined,
  );
}

/** Tensors the system needs are there, others are not, and each is an ndarray of a dtype we take. */
function checkInputs(where: string, c: Case, system: System): void {
  if (typeof c.inputs !== 'object' || c.inputs === null) {
    throw new InvalidInput(where, 'inputs', brief(c.inputs), `tensors ${names(system.required)}`);
  }
  const optional: InputName[] = system.recurrence === null ? [] : ['initialState'];
  const known = [...system.required, ...optional];
  for (const [name, value] of inputsOf(c)) {
    if (!known.includes(name)) {
      const given = `an input that ${system.name} does not have`;
      throw new InvalidInput(where, name.slice(0, 60), given, names(known), 'remove it');
    }
    checkTensor(where, name, value);
  }
  for (const name of system.required) {
    if (c.inputs[name] === undefined) throw new InvalidInput(where, name, 'no tensor', `one for ${system.name}`);
  }
}

/**
 * Checks every field of a case and makes dense copies of its tensors.
 * @param where the function to name in errors
 * @throws InvalidInput at the first thing that is off
 */
export function checkCase(where: string, c: Case): Problem {
  if (typeof c !== 'object' || c === null) throw new InvalidInput(where, 'case', brief(c), 'an object');
  checkFields(where, c, CASE_FIELDS);
  const system = typeof c.system === 'string' ? findSystem(c.system) : undefined;
  if (!system) {
    throw new InvalidInput(where, 'system', brief(c.system), names(systems.map(({ name }) => name)));
  }
  checkInputs(where, c, system);
  const { q, k, v, g, beta, lambda, initialState } = c.inputs as Record<InputName, Tensor>;

  const [B, T, G, K] = shapeOf(where, 'q', q, 'BTGK');
  checkShape(where, 'k', k, [B, T, G, K], 'BTGK', 'k has the shape of q');
  const [, , H, V] = shapeOf(where, 'v', v, 'BTHV');
  checkShape(where, 'v', v, [B, T, H, V], 'BTHV', 'v has B and T of q');
  for (const [letter, size, argument] of [
    ['B', B, 'q'],
    ['G', G, 'q'],
    ['K', K, 'q'],
    ['H', H, 'v'],
    ['V', V, 'v'],
  ] as const) {
    if (size < 1) throw new InvalidInput(where, argument, `${letter} = ${size}`, `${letter} >= 1`, 'only T may be 0');
  }
  if (H % G !== 0) {
    const remedy = 'each group serves H / G heads';
    throw new InvalidInput(where, 'q', `G = ${G} groups for H = ${H} heads`, 'G a divisor of H', remedy);
  }

  const structure = checkStructure(where, c.structure);
  const form = checkForm(where, c.form, system, structure);
  const levels = system.logLinear ? levelsOf(structure) : FLAT;
  const sequences = checkSequences(where, c, B, T, H);
  const late = sequences.find(({ position }) => position > 0);
  if (system.recurrence === null && late) {
    const remedy = 'softmax attention keeps no state';
    throw new InvalidInput(where, 'position', `entry ${late.position}`, '0 for softmax', remedy);
  }

  if (g) {
    const decay = system.recurrence?.decay;
    if (decay === 'head') checkShape(where, 'g', g, [H], 'H');
    else if (decay === 'token') checkShape(where, 'g', g, [B, T, H], 'BTH');
    else checkShape(where, 'g', g, [B, T, H, K], 'BTHK');
  }
  if (beta) checkShape(where, 'beta', beta, [B, T, H], 'BTH');
  let L = 1;
  if (lambda) {
    L = shapeOf(where, 'lambda', lambda, 'BTHL')[3];
    checkShape(where, 'lambda', lambda, [B, T, H, L], 'BTHL', 'lambda has B, T and H of v');
    for (const { start, end, position } of sequences) {
      const wanted = levels.count(position + end - start);
      if (end > start && L < wanted) {
        const reach = counted(position + end - start, 'position');
        const remedy = `a sequence that ends after ${reach} reads ${counted(wanted, 'level')}; pass lambda with L >= ${wanted}`;
        throw new InvalidInput(where, 'lambda', `shape ${show(lambda.shape)}`, show([B, T, H, `>=${wanted}`]), remedy);
      }
    }
    if (L < 1) throw new InvalidInput(where, 'lambda', `shape ${show(lambda.shape)}`, show([B, T, H, '>=1']));
  }
  const n = sequences.length;
  let stateLevels = L;
  if (initialState) {
    stateLevels = shapeOf(where, 'initialState', initialState, 'nHLKV')[2];
    checkShape(where, 'initialState', initialState, [n, H, stateLevels, K, V], 'nHLKV', 'n is the number of sequences');
    if (stateLevels < 1 || stateLevels > L) {
      const wanted = system.logLinear ? `1 … ${L} levels (lambda has L = ${L})` : 'one level';
      throw new InvalidInput(
        where,
        'initialState',
        counted(stateLevels, 'level'),
        wanted,
        'extend lambda or cut the state',
      );
    }
  }
  if (n * H * L * K * V > MOST_STATE) {
    const given = `a state of shape ${show([n, H, L, K, V])}`;
    throw new InvalidInput(where, 'v', given, 'n H L K V <= 2^26', 'fewer heads, or smaller ones');
  }
  const problem: Problem = {
    system,
    form,
    B,
    T,
    H,
    G,
    K,
    V,
    L,
    stateLevels,
    levels,
    structure,
    chunkSize: checkChunkSize(where, c.chunkSize),
    scale: checkNumber(where, 'scale', c.scale, 1),
    sequences,
    inputs: {},
    shapes: {},
    cotangents: null,
  };
  for (const [name, value] of inputsOf(c)) {
    problem.inputs[name] = toDense(value);
    problem.shapes[name] = [...value.shape];
  }
  if (c.cotangents !== undefined) problem.cotangents = checkCotangents(where, c.cotangents, problem);
  return problem;
}

function checkCotangents(where: string, given: unknown, p: Problem): NonNullable<Problem['cotangents']> {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidInput(where, 'cotangents', brief(given), '{o} or {o, finalState}');
  }
  const { o, finalState } = given as NonNullable<Case['cotangents']>;
  checkFields(where, given, p.system.recurrence === null ? ['o'] : ['o', 'finalState'], 'cotangents');
  checkTensor(where, 'cotangents.o', o);
  checkShape(where, 'cotangents.o', o, [p.B, p.T, p.H, p.V], 'BTHV', 'it has the shape of o');
  if (finalState === undefined) return { o: toDense(o), finalState: null };
  checkTensor(where, 'cotangents.finalState', finalState);
  const wanted = [p.sequences.length, p.H, p.L, p.K, p.V];
  checkShape(where, 'cotangents.finalState', finalState, wanted, 'nHLKV', 'it has the shape of finalState');
  return { o: toDense(o), finalState: toDense(finalState) };
}
