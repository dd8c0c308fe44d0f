/**
 * What fills a tensor: styles, from the plainest to the places where kernels break. A style is drawn by its number and shrinks
 * towards number 0, so a counterexample is as plain as it can be.
 */
import type { InputName } from '../../reference/systems/system.ts';
import { fullSigned, noise, signed, unit } from './noise.ts';

/** Fills one entry from its place. `index` is the place in the tensor, last axis last. */
export type Style = (seed: number, name: string, index: readonly number[]) => number;

const last = (index: readonly number[]): number => index[index.length - 1];
const row = (index: readonly number[]): readonly number[] => index.slice(0, -1);
/** Time is the second axis of every tensor that has one. */
const time = (index: readonly number[]): number => index[1] ?? 0;
const constant =
  (value: number): Style =>
  () =>
    value;
const uniform: Style = (seed, name, index) => signed(noise(seed, name, index));
/** Every bit of the significand is used: an input that is rounded on the way shows. */
const full: Style = (seed, name, index) => fullSigned(noise(seed, name, index), noise(seed + 1, name, index));
const positive: Style = (seed, name, index) => unit(noise(seed, name, index));
const bell: Style = (seed, name, index) =>
  [1, 2, 3].reduce((sum, part) => sum + signed(noise(seed + part, name, index)), 0);
const scaled =
  (style: Style, factor: number): Style =>
  (seed, name, index) =>
    factor * style(seed, name, index);
/** Rows of very different magnitude: powers of two from 2^-20 to 2^20. */
const mixedMagnitudes: Style = (seed, name, index) =>
  uniform(seed, name, index) * 2 ** ((noise(seed, `${name} exponent`, row(index)) % 41) - 20);
const sparse: Style = (seed, name, index) =>
  noise(seed, `${name} sparse`, index) % 3 === 0 ? uniform(seed, name, index) : 0;
const smallIntegers: Style = (seed, name, index) => (noise(seed, name, index) % 5) - 2;
const oneOf =
  (values: readonly number[]): Style =>
  (seed, name, index) =>
    values[noise(seed, name, index) % values.length];

const vectors: Style[] = [
  constant(1),
  uniform,
  full,
  smallIntegers,
  bell,
  sparse,
  mixedMagnitudes,
  scaled(uniform, 2 ** 40),
  scaled(uniform, 2 ** -40),
];

/** Keys also repeat, take turns, or are unit vectors: the delta rule lives on these. */
const keys: Style[] = [
  ...vectors,
  (seed, name, index) => uniform(seed, name, [index[0], 0, ...index.slice(2)]),
  (seed, name, index) => uniform(seed, name, [index[0], time(index) % 2, ...index.slice(2)]),
  (seed, _name, index) => (last(index) === (time(index) + seed) % 4 ? 1 : 0),
];

/** Strong for one stretch of tokens and weak for the next: a prefix sum over all of them has lost what the weak ones say. */
const strongThenWeak: Style = (seed, name, index) => {
  const stretch = Math.floor(time(index) / (8 + (seed % 57)));
  return stretch % 2 === 0 ? -60 : -unit(noise(seed, name, index)) / 256;
};

/** Log decays: none, constant, ordinary, weak, strong, hard resets, growth, a mixture, and strong ones before weak ones. */
const decays: Style[] = [
  constant(0),
  constant(-0.125),
  (seed, name, index) => -Math.abs(full(seed, name, index)),
  (seed, name, index) => -unit(noise(seed, name, index)),
  (seed, name, index) => -unit(noise(seed, name, index)) / 1024,
  (seed, name, index) => -4 - 48 * unit(noise(seed, name, index)),
  (seed, name, index) =>
    noise(seed, `${name} reset`, index) % 5 === 0 ? Number.NEGATIVE_INFINITY : -unit(noise(seed, name, index)),
  (seed, name, index) => signed(noise(seed, name, index)) / 8,
  oneOf([0, -0.5, -1 / 1024, -40, -3, -700]),
  strongThenWeak,
];

const betas: Style[] = [
  constant(1),
  positive,
  (seed, name, index) => Math.abs(full(seed, name, index)),
  constant(0.5),
  constant(0),
  (seed, name, index) => unit(noise(seed, name, index)) * 2 ** -20,
  (seed, name, index) => 1 - unit(noise(seed, name, index)) * 2 ** -20,
  constant(2),
  (seed, name, index) => 2 * unit(noise(seed, name, index)),
  oneOf([0, 1, 2, 0.5]),
];

/** Level scales: ones, the number of the level, ordinary, signed, one level alone (for all tokens, or for each its own), zeros. */
const scales: Style[] = [
  constant(1),
  (_seed, _name, index) => last(index) + 1,
  full,
  positive,
  uniform,
  (seed, name, index) => (last(index) === noise(seed, name, []) % 5 ? 1 : 0),
  (seed, name, index) => (last(index) === noise(seed, name, row(index)) % 5 ? 1 : 0),
  (seed, name, index) => (noise(seed, name, index) % 2 === 0 ? 0 : uniform(seed, name, index)),
  scaled(uniform, 2 ** 20),
  scaled(uniform, 2 ** -30),
];

export const styles: Record<InputName, readonly Style[]> = {
  q: vectors,
  k: keys,
  v: vectors,
  g: decays,
  beta: betas,
  lambda: scales,
  initialState: vectors,
};

/** Numbers drawn independently, each with all its bits: nothing is repeated, nothing lines up, no rounding error comes twice. */
export const independent: Record<InputName, readonly Style[]> = {
  q: [full],
  k: [full],
  v: [full],
  g: [
    (seed, name, index) => -Math.abs(full(seed, name, index)),
    (seed, name, index) => -Math.abs(full(seed, name, index)) / 16,
    (seed, name, index) => -Math.abs(full(seed, name, index)) / 1024,
    (seed, name, index) => full(seed, name, index) / 8,
    (seed, name, index) => -20 * Math.abs(full(seed, name, index)),
    (seed, name, index) =>
      noise(seed, `${name} reset`, index) % 5 === 0 ? Number.NEGATIVE_INFINITY : -Math.abs(full(seed, name, index)),
    strongThenWeak,
  ],
  beta: [
    (seed, name, index) => Math.abs(full(seed, name, index)),
    (seed, name, index) => 2 * Math.abs(full(seed, name, index)),
  ],
  lambda: [full, (seed, name, index) => Math.abs(full(seed, name, index))],
  initialState: [full],
};

/** Ordinary numbers, for cotangents and directions. */
export const ordinary: readonly Style[] = [constant(1), uniform, full, smallIntegers, sparse];
