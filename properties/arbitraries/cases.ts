/**
 * Cases of a system. What is drawn is a flat recipe of small integers, each with its plainest value first; a case is built from it
 * deterministically. So every part shrinks by itself: sizes towards 1, values towards ones and zeros, options towards defaults.
 */
import fc from 'fast-check';
import type { Case } from '../../reference/case.ts';
import { FLAT, levelsOf, type Structure, WEAK } from '../../reference/levels.ts';
import type { System } from '../../reference/systems/registry.ts';
import { axesOf, type InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, tensor } from '../../reference/tensor.ts';
import { withoutEmptyLevels } from '../edit.ts';
import type { Abilities, SizeLimit } from '../law.ts';
import { DOUBLE, type Precision, roundCase, unitRoundoff } from '../precision.ts';
import { noise } from './noise.ts';
import { channels, chunkSizes, lengths, longLengths, positions, weighted } from './sizes.ts';
import { ordinary, type Style, styles } from './values.ts';

/** What a law asks of its cases. */
export interface Wish {
  /** Most positions; default 300. */
  maxT?: number;
  minT?: number;
  /** Largest K and V; default 70. */
  maxChannels?: number;
  /** Multiply-adds of one masked evaluation; larger draws are cut down to it. */
  work?: number;
  /** Cotangents, where the implementation has gradients. */
  gradients?: boolean;
  state?: 'never' | 'sometimes' | 'always';
  packed?: 'never' | 'sometimes' | 'always';
  structures?: boolean;
  /** At least this many batch rows, heads. */
  minB?: number;
  minH?: number;
  /** At most so many heads. */
  maxH?: number;
  /** Styles to use for some inputs instead of the usual ones. */
  styles?: Partial<Record<InputName, readonly Style[]>>;
  /** Keys of the delta rule are unit vectors of one channel, always in narrow formats and in half of the cases else: bounds stay small then. */
  plainKeys?: boolean;
  /** Sizes to draw instead of the usual ones, whatever the work. */
  sizes?: Partial<Record<Size, fc.Arbitrary<number>>>;
}

/** Sizes of a recipe. */
export type Size = 'T' | 'K' | 'V' | 'B' | 'G' | 'headsPerGroup' | 'chunkSize';

/** Most positions of a drawn case. */
const LONGEST = 300;
/** One case in so many is long. */
const LONG_EVERY = 14;
/** Long cases may cost so many times more. */
const LONG_WORK = 10;

interface Recipe {
  /** Several chunks of the default size, one head: a draw of its own, since small draws never reach what breaks there. */
  isLong: boolean;
  longT: number;
  gradients: boolean;
  seed: number;
  T: number;
  K: number;
  V: number;
  B: number;
  G: number;
  headsPerGroup: number;
  chunkSize: number;
  scale: number;
  structure: Structure;
  extraLevels: number;
  packed: boolean;
  cuts: number[];
  hasState: boolean;
  shortState: boolean;
  positions: number[];
  unbounded: boolean;
  finalCotangent: boolean;
  style: Record<InputName | 'o' | 'finalState', number>;
}

const flag = (sometimes: 'never' | 'sometimes' | 'always' | undefined): fc.Arbitrary<boolean> =>
  sometimes === 'always' ? fc.constant(true) : sometimes === 'sometimes' ? fc.boolean() : fc.constant(false);

/** Style 0 is plain; ordinary numbers (1 and 2) come most often. */
const styleNumber = (count: number): fc.Arbitrary<number> =>
  weighted(Array.from({ length: count }, (_, i): [number, number] => [i === 1 || i === 2 ? 4 : 1, i]));

function recipes(system: System, abilities: Abilities, wish: Wish): fc.Arbitrary<Recipe> {
  const stateful = abilities.state && system.recurrence !== null;
  const manyStructures = Boolean(wish.structures) && abilities.structures && system.logLinear;
  const styleCount = (name: InputName): number => (wish.styles?.[name] ?? styles[name]).length;
  // a large case costs too much to try it with other numbers: its sizes shrink, and little else
  const still = <T>(drawn: fc.Arbitrary<T>): fc.Arbitrary<T> => (wish.sizes ? fc.noShrink(drawn) : drawn);
  return fc.record({
    isLong:
      (wish.maxT ?? LONGEST) < 100 || wish.sizes
        ? fc.constant(false)
        : weighted([
            [LONG_EVERY - 1, false],
            [1, true],
          ] as const),
    longT: wish.sizes ? fc.constant(1) : longLengths,
    gradients: fc.constant(Boolean(wish.gradients) && abilities.gradients),
    seed: still(fc.nat(65535)),
    T: lengths(wish.maxT ?? LONGEST, wish.minT ?? 0),
    K: channels(wish.maxChannels ?? 70),
    V: channels(wish.maxChannels ?? 70),
    B: weighted([
      [6, 1],
      [2, 2],
      [1, 3],
    ] as const).map((B) => Math.max(B, wish.minB ?? 1)),
    G: weighted([
      [6, 1],
      [3, 2],
      [1, 3],
    ] as const),
    headsPerGroup: abilities.groups
      ? weighted([
          [6, 1],
          [3, 2],
          [1, 3],
        ] as const)
      : fc.constant(1),
    chunkSize: chunkSizes,
    scale: still(
      weighted([
        [6, 1],
        [3, 0.5],
        [1, -0.75],
        [1, 0],
        [1, 0.125],
      ] as const),
    ),
    structure: manyStructures
      ? weighted<Structure>([
          [6, WEAK],
          [1, { kind: 'weak', base: 3 }],
          [1, { kind: 'weak', base: 4 }],
          [1, { kind: 'weak', base: 5 }],
          [2, { kind: 'strong' }],
        ])
      : fc.constant(WEAK),
    extraLevels: still(
      weighted([
        [5, 0],
        [2, 1],
        [1, 3],
      ] as const),
    ),
    packed: abilities.packed ? flag(wish.packed) : fc.constant(false),
    cuts: still(fc.array(fc.nat(400), { maxLength: 4 })),
    hasState: stateful ? flag(wish.state) : fc.constant(false),
    shortState: still(fc.boolean()),
    positions:
      stateful && wish.state !== 'never' && wish.state !== undefined
        ? still(fc.array(positions, { minLength: 3, maxLength: 3 }))
        : fc.constant([0, 0, 0]),
    unbounded: still(fc.integer({ min: 0, max: 3 })).map((n) => n === 3),
    finalCotangent: stateful && wish.state !== undefined && wish.state !== 'never' ? fc.boolean() : fc.constant(false),
    ...wish.sizes,
    style: still(
      fc.record({
        q: styleNumber(styleCount('q')),
        k: styleNumber(styleCount('k')),
        v: styleNumber(styleCount('v')),
        g: styleNumber(styleCount('g')),
        beta: styleNumber(styleCount('beta')),
        lambda: styleNumber(styleCount('lambda')),
        initialState: styleNumber(styleCount('initialState')),
        o: styleNumber(ordinary.length),
        finalState: styleNumber(ordinary.length),
      }),
    ),
  });
}

/** A tensor of that shape in that style. */
export function fill(seed: number, name: string, shape: number[], style: Style): DenseTensor {
  const data = new Float64Array(elements(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < data.length; i++) {
    data[i] = style(seed, name, index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return tensor(data, shape);
}

/** Numbers that a format with few exponents can multiply: the square root of the range of float32 is enough for every style. */
function inRange(values: DenseTensor, name: InputName, { inputs, product, state }: Precision): DenseTensor {
  const most = Math.min(inputs.maxExponent, product.maxExponent, state.maxExponent);
  if (name === 'g' || most >= 127) return values;
  // huge and tiny numbers keep a tenth of their exponent
  for (let i = 0; i < values.data.length; i++) {
    const exponent = Math.log2(Math.abs(values.data[i]));
    if (Number.isFinite(exponent) && Math.abs(exponent) > 8) values.data[i] *= 2 ** -Math.round(0.9 * exponent);
  }
  return values;
}

/** Each row of K divided by its length: the delta rule is stable for keys of length 1. */
function normalizeRows(keys: DenseTensor, K: number): DenseTensor {
  for (let at = 0; at < keys.data.length; at += K) {
    const row = keys.data.subarray(at, at + K);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest === 0) continue;
    const norm = largest * Math.sqrt(row.reduce((sum, value) => sum + (value / largest) ** 2, 0));
    for (let i = 0; i < K; i++) row[i] /= norm;
  }
  return keys;
}

/**
 * Keys with a 1 in one channel each, and queries that read what a key wrote up to two tokens before: the delta rule overwrites, so that its
 * errors do not grow with the number of tokens.
 */
function plainRows({ q, k }: Case['inputs'], seed: number): void {
  for (const [rows, reach] of [
    [k as DenseTensor, 1],
    [q as DenseTensor, 3],
  ] as const) {
    const [, T, G, K] = rows.shape;
    rows.data.fill(0);
    for (let row = 0; row * K < rows.data.length; row++) {
      const [b, t, g] = [Math.floor(row / (T * G)), Math.floor(row / G) % T, row % G];
      rows.data[row * K + (noise(seed, 'channel', [b, t - (t % reach), g]) % K)] = 1;
    }
  }
}

const largest = ({ data }: DenseTensor): number => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** A long case has one batch row and head, and chunks of the default size. */
const long = (r: Recipe, wish: Wish): Recipe =>
  r.isLong
    ? {
        ...r,
        T: Math.min(r.longT, wish.maxT ?? LONGEST),
        chunkSize: 64,
        B: wish.minB ?? 1,
        G: 1,
        headsPerGroup: 1,
        K: Math.max(r.K, 4),
        V: Math.max(r.V, 4),
      }
    : r;

/** The nearest size from there on that the limit allows, or the largest that it allows. */
export function fit(
  size: number,
  { min = 0, max = Infinity, multipleOf = 1, powerOfTwo = false }: SizeLimit = {},
): number {
  const isFine = (n: number): boolean => n % multipleOf === 0 && (!powerOfTwo || Number.isInteger(Math.log2(n)));
  const from = Math.min(Math.max(size, min), max);
  // a power of two may be a multiple of another one alone
  const first = Math.ceil(from / multipleOf) * multipleOf;
  for (let n = first; n <= Math.min(max, 2 * first + multipleOf); n += multipleOf) if (isFine(n)) return n;
  for (let n = Math.floor(from / multipleOf) * multipleOf; n >= min; n -= multipleOf) if (isFine(n)) return n;
  return from;
}

/** Sizes that the implementation takes. Heads are a multiple of groups, whatever is asked of both. */
function fitted(
  r: Recipe,
  { limits = {}, groups }: Abilities,
  wish: Wish,
): Pick<Recipe, 'B' | 'T' | 'G' | 'K' | 'V'> & { H: number } {
  const [B, T, K, V] = (['B', 'T', 'K', 'V'] as const).map((letter) => fit(r[letter], limits[letter]));
  const heads = Math.min(Math.max(r.G * r.headsPerGroup, wish.minH ?? 1), wish.maxH ?? Infinity);
  const H = fit(heads, limits.H);
  const wanted = groups ? fit(r.G, limits.G) : H;
  return { B: r.packed ? 1 : B, T, K, V, H, G: H % wanted === 0 ? wanted : H };
}

/** Cuts sizes, as far as the implementation takes smaller ones, until one masked evaluation costs no more than `work` multiply-adds. */
function affordable(recipe: Recipe, abilities: Abilities, wish: Wish): Recipe {
  if (wish.sizes) return recipe;
  const r = { ...recipe };
  const most = (wish.work ?? 1e6) * (r.isLong ? LONG_WORK : 1);
  const isTooMuch = (): boolean => {
    const { B, T, H, K, V } = fitted(r, abilities, wish);
    return B * H * (T + 1) * (T + 4) * (K + V) > most;
  };
  if (isTooMuch()) r.B = wish.minB ?? 1;
  if (isTooMuch()) r.headsPerGroup = 1;
  if (isTooMuch()) r.G = 1;
  if (isTooMuch()) r.V = Math.min(r.V, 4);
  if (isTooMuch()) r.K = Math.min(r.K, 4);
  while (isTooMuch() && r.T > 1) r.T = Math.floor(r.T / 2);
  return r;
}

/** Values that the implementation takes in place of those that it does not. */
function tamed(
  values: DenseTensor,
  name: InputName,
  { resets = true, growth = true, strongBeta = true }: Abilities,
): DenseTensor {
  for (let i = 0; i < values.data.length; i++) {
    const value = values.data[i];
    if (name === 'g' && !resets && value === Number.NEGATIVE_INFINITY) values.data[i] = -1;
    if (name === 'g' && !growth && value > 0) values.data[i] = -value;
    if (name === 'beta' && !strongBeta && value > 1) values.data[i] = 1 / value;
  }
  return values;
}

function build(system: System, abilities: Abilities, drawn: Recipe, wish: Wish, precision: Precision): Case {
  const r = affordable(long(drawn, wish), abilities, wish);
  const { B, T, K, V, G, H } = fitted(r, abilities, wish);
  const { seed } = r;
  const levels = system.logLinear ? levelsOf(r.structure) : FLAT;
  const cuSeqlens = r.packed ? [0, ...r.cuts.map((cut) => cut % (T + 1)).sort((a, b) => a - b), T] : undefined;
  const lengthsOf = cuSeqlens ? cuSeqlens.slice(1).map((end, i) => end - cuSeqlens[i]) : Array<number>(B).fill(T);
  const n = lengthsOf.length;
  const position = lengthsOf.map((_, i) => r.positions[i % r.positions.length]);
  const L = system.logLinear
    ? Math.max(...lengthsOf.map((length, i) => levels.count(position[i] + length))) + r.extraLevels
    : 1;
  const stateLevels = r.shortState && system.logLinear ? Math.max(...position.map((p) => levels.count(p))) : L;
  const sizes: Record<string, number> = { B, T, H, G, K, V, L, n };
  const styleOf = (name: InputName): Style => (wish.styles?.[name] ?? styles[name])[r.style[name]];
  const inputs: Case['inputs'] = {};
  const wanted: InputName[] = r.hasState ? [...system.required, 'initialState'] : system.required;
  for (const name of wanted) {
    const shape = [...axesOf(system.recurrence, name)].map((letter) => sizes[letter]);
    if (name === 'initialState') shape[2] = stateLevels;
    inputs[name] = tamed(inRange(fill(seed, name, shape, styleOf(name)), name, precision), name, abilities);
  }
  // the delta rule grows without bound for long keys: few tokens may have them, and none of them huge
  const isStable = !system.recurrence?.beta || (r.unbounded && T <= 8 && largest(inputs.k as DenseTensor) <= 4);
  const isPlain =
    Boolean(wish.plainKeys && system.recurrence?.beta) &&
    (unitRoundoff(precision.product) > 2 ** -20 || seed % 2 === 0);
  if (isPlain) plainRows(inputs, seed);
  else if (!isStable) normalizeRows(inputs.k as DenseTensor, K);
  if (inputs.initialState) inputs.initialState = withoutEmptyLevels(inputs.initialState, levels, position);
  const c: Case = { system: system.name, inputs, chunkSize: r.chunkSize };
  if (r.scale !== 1) c.scale = r.scale;
  if (r.structure !== WEAK) c.structure = r.structure;
  if (position.some((p) => p !== 0)) c.position = position;
  if (cuSeqlens) c.cuSeqlens = cuSeqlens;
  if (r.gradients) {
    c.cotangents = { o: fill(seed, 'cotangents.o', [B, T, H, V], ordinary[r.style.o]) };
    if (r.finalCotangent) {
      const shape = [n, H, L, K, V];
      c.cotangents.finalState = fill(seed, 'cotangents.finalState', shape, ordinary[r.style.finalState]);
    }
  }
  return c;
}

/** Cases of the system, inside what the implementation can do, in the formats that it computes in. */
export const cases = (
  system: System,
  abilities: Abilities,
  wish: Wish = {},
  precision: Precision = DOUBLE,
): fc.Arbitrary<Case> =>
  recipes(system, abilities, wish).map((recipe) =>
    roundCase(build(system, abilities, recipe, wish, precision), precision),
  );
