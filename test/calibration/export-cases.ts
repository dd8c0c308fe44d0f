/**
 * `node dist/test/calibration/export-cases.js OUT_DIR [--seed N]`: cases with their exact answers and bounds, for kernels on hardware
 * that has no Node (torch_kernels.py). One file a precision, one case a line. docs/hardware.md says how they are used.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import pc from 'picocolors';
import { fill } from '../../properties/arbitraries/cases.ts';
import { noise, signed } from '../../properties/arbitraries/noise.ts';
import { independent, type Style } from '../../properties/arbitraries/values.ts';
import { seedOf } from '../../properties/check-law.ts';
import type { ByElement } from '../../properties/errors/by-element.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { findPrecision, float32, isExactIn, type Precision, roundCase } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { FLAT, levelsOf, WEAK } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { axesOf, type InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';

const PRECISIONS = ['float32', 'tf32', 'bfloat16', 'float16'];
const SYSTEMS = [
  'softmax',
  'mamba2',
  'gated-deltanet',
  ...['linear', 'retention', 'mamba2', 'gla', 'deltanet', 'gated-deltanet', 'kimi-delta'].map(
    (name) => `log-linear-${name}`,
  ),
];

interface Size {
  H: number;
  T: number;
  K: number;
  V: number;
  C: number;
}

/** One head where a second one would only make the files larger. */
const SIZES: readonly Size[] = [
  { H: 2, T: 9, K: 4, V: 4, C: 4 },
  { H: 2, T: 40, K: 16, V: 16, C: 16 },
  { H: 1, T: 130, K: 64, V: 32, C: 64 },
];
const STRUCTURED: Size = { ...SIZES[1], H: 1 };

/** How a case's numbers are made; cotangents are made as q is, unless it says otherwise. */
type Styles = Record<InputName, Style> & { cotangents: Style };

const constant =
  (value: number): Style =>
  () =>
    value;
const uniform: Style = (seed, name, index) => signed(noise(seed, name, index));

/** Rows of magnitudes 2^-most … 2^most. */
const mixed =
  (most: number): Style =>
  (seed, name, index) =>
    uniform(seed, name, index) * 2 ** ((noise(seed, `${name} exponent`, index.slice(0, -1)) % (2 * most + 1)) - most);

/** Every token has the first one's key. */
const repeated: Style = (seed, name, index) => uniform(seed, name, [index[0], 0, ...index.slice(2)]);
const resets: Style = (seed, name, index) =>
  noise(seed, `${name} reset`, index) % 5 === 0 ? Number.NEGATIVE_INFINITY : -Math.abs(uniform(seed, name, index));

const first = Object.fromEntries(Object.entries(independent).map(([name, [style]]) => [name, style])) as Record<
  InputName,
  Style
>;
const drawn: Styles = { ...first, cotangents: independent.v[0] };
const ones: Styles = {
  q: constant(1),
  k: constant(1),
  v: constant(1),
  g: constant(-0.125),
  beta: constant(0.5),
  lambda: constant(1),
  initialState: constant(0),
  cotangents: constant(1),
};

/** Inputs whose rounding errors do not cancel as independent ones do. */
const structured = (p: Precision): Record<string, Styles> => {
  // products of five such numbers stay inside of float16's range
  const most = p.inputs.maxExponent < 127 ? 2 : 10;
  return {
    ones,
    'repeated keys': { ...drawn, k: repeated, g: constant(0), beta: constant(1) },
    'constant decay': { ...drawn, g: constant(-0.125), lambda: constant(1) },
    resets: { ...drawn, g: resets },
    'mixed magnitudes': { ...drawn, q: mixed(most), k: mixed(most), v: mixed(most), lambda: uniform },
  };
};

/** Keys of length 1: the delta rule is stable with them. */
function normalized(keys: DenseTensor, K: number): DenseTensor {
  for (let at = 0; at < keys.data.length; at += K) {
    const row = keys.data.subarray(at, at + K);
    const length = Math.hypot(...row);
    for (let i = 0; i < K && length > 0; i++) row[i] /= length;
  }
  return keys;
}

/** Levels that hold nothing after T positions have no say: zeros take no room in the file. */
function clearEmptyLevels(state: DenseTensor, T: number, L: number, size: number): DenseTensor {
  const held = new Set(
    levelsOf(WEAK)
      .partition(T - 1)
      .map(({ level }) => level),
  );
  for (let block = 0; block * size < state.data.length; block++) {
    if (!held.has(block % L)) state.data.fill(0, block * size, (block + 1) * size);
  }
  return state;
}

/**
 * In a format with few exponents values and cotangents are small, so that no sum on the way may overflow: nothing would be promised.
 * Everything is linear in both.
 */
function quieter(styles: Styles, p: Precision): Styles {
  if (p.inputs.maxExponent >= 127) return styles;
  const times =
    (factor: number, style: Style): Style =>
    (seed, name, index) =>
      factor * style(seed, name, index);
  return { ...styles, v: times(2 ** -3, styles.v), cotangents: times(2 ** -4, styles.cotangents) };
}

function buildCase(system: System, { H, T, K, V, C }: Size, styles: Styles, seed: number, p: Precision): Case {
  const style = quieter(styles, p);
  const L = (system.logLinear ? levelsOf(WEAK) : FLAT).count(T);
  const sizes: Record<string, number> = { B: 1, T, H, G: 1, K, V, L, n: 1 };
  const shape = (letters: string): number[] => [...letters].map((letter) => sizes[letter]);
  const inputs: Case['inputs'] = {};
  for (const name of system.required) {
    const value = fill(seed, name, shape(axesOf(system.recurrence, name)), style[name]);
    inputs[name] = name === 'k' && system.recurrence?.beta ? normalized(value, K) : value;
  }
  const cotangents: Case['cotangents'] = { o: fill(seed, 'cotangents.o', shape('BTHV'), style.cotangents) };
  if (system.recurrence) {
    const state = fill(seed, 'cotangents.finalState', shape('nHLKV'), style.cotangents);
    cotangents.finalState = system.logLinear ? clearEmptyLevels(state, T, L, K * V) : state;
  }
  return roundCase({ system: system.name, inputs, cotangents, scale: K ** -0.5, chunkSize: C }, p);
}

interface Encoded {
  shape: readonly number[];
  dtype: 'float32' | 'float64';
  base64: string;
}

/**
 * Little-endian, as float32 where that is exact; the first bytes of all numbers, then the second ones, and so on: in that order signs,
 * exponents and zeros compress.
 */
function encode(value: Tensor): Encoded {
  const data = toDense(value);
  const dtype = isExactIn(float32, value) ? 'float32' : 'float64';
  const numbers = dtype === 'float32' ? Float32Array.from(data) : data;
  const width = numbers.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(numbers.buffer);
  const planes = bytes.map((_, i) => bytes[(i % data.length) * width + Math.floor(i / data.length)]);
  return { shape: value.shape, dtype, base64: Buffer.from(planes).toString('base64') };
}

/** A number with its significand cut to that many bits; away from zero if `up`. */
function shortened(value: number, bits: number, up: boolean): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const quantum = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1);
  return (up ? Math.ceil(value / quantum) : Math.round(value / quantum)) * quantum;
}

/** Bounds need no more than two digits: rounded up to 8 bits, and none below what float32 can hold. */
const encodeBound = (data: Float64Array, shape: readonly number[]): Encoded =>
  encode(
    tensor(
      data.map((bound) => shortened(Math.max(bound, 2 ** -126), 8, true)),
      [...shape],
    ),
  );

/** Exact answers, 12 bits more than the factors of products have: what is cut off is a few ten-thousandths of a bound. */
const encodeExact = (value: Tensor, { product }: Precision): Encoded =>
  encode(
    tensor(
      toDense(value).map((entry) => shortened(entry, product.bits + 12, false)),
      [...value.shape],
    ),
  );

interface Encodings {
  o: Encoded;
  finalState?: Encoded;
  gradients: Record<string, Encoded>;
}

/** Everything that an answer has, each encoded by `encodeOne`. */
function encodeAnswer(
  { o, finalState, gradients }: Answer,
  encodeOne: (value: Tensor, name: InputName | 'o' | 'finalState') => Encoded,
): Encodings {
  const pairs = Object.entries(gradients ?? {}) as [InputName, Tensor][];
  return {
    o: encodeOne(o, 'o'),
    ...(finalState ? { finalState: encodeOne(finalState, 'finalState') } : {}),
    gradients: Object.fromEntries(pairs.map(([name, value]) => [name, encodeOne(value, name)])),
  };
}

const encodeBounds = (answer: Answer, bounds: ByElement): Encodings =>
  encodeAnswer(answer, (value, name) =>
    encodeBound(
      name === 'o' || name === 'finalState' ? bounds[name] : (bounds.gradients[name] as Float64Array),
      value.shape,
    ),
  );

function lineOf(name: string, c: Case, p: Precision, isIndependent: boolean): string {
  const answer = compute(c);
  const encoded = (values: Record<string, Tensor | undefined>): Record<string, Encoded> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encode(value as Tensor)]));
  return JSON.stringify({
    name,
    system: c.system,
    inputs: encoded(c.inputs),
    cotangents: encoded({ ...c.cotangents }),
    scale: c.scale,
    chunkSize: c.chunkSize,
    expected: encodeAnswer(answer, (value) => encodeExact(value, p)),
    bounds: encodeBounds(answer, boundsOf(c, p)),
    likely: isIndependent ? encodeBounds(answer, likelyBoundsOf(c, p)) : null,
  });
}

function linesOf(p: Precision, seed: number): string[] {
  const lines: string[] = [];
  for (const systemName of SYSTEMS) {
    const system = findSystem(systemName) as System;
    const add = (kind: string, size: Size, style: Styles): void => {
      const name = `${systemName} T=${size.T} ${kind}`;
      const c = buildCase(system, size, style, seedOf(seed, name), p);
      lines.push(lineOf(name, c, p, style === drawn));
    };
    for (const size of SIZES) add('independent', size, drawn);
    for (const [kind, style] of Object.entries(structured(p))) add(kind, STRUCTURED, style);
  }
  return lines;
}

function exportCases(directory: string, seed: number): void {
  mkdirSync(directory, { recursive: true });
  for (const name of PRECISIONS) {
    const lines = linesOf(findPrecision(name) as Precision, seed);
    const file = join(directory, `${name}.jsonl.gz`);
    const packed = gzipSync(`${lines.join('\n')}\n`, { level: 9 });
    writeFileSync(file, packed);
    console.log(`${pc.bold(file)}  ${lines.length} cases, ${(packed.length / 1e6).toFixed(1)} MB`);
  }
}

new Command()
  .name('export-cases')
  .description('Write cases, exact answers and bounds of float32, tf32, bfloat16 and float16, one file each.')
  .argument('<directory>', 'where the files go')
  .option('--seed <number>', 'where the numbers come from', '1')
  .action((directory: string, { seed }: { seed: string }) => exportCases(directory, Number(seed)))
  .parse();
