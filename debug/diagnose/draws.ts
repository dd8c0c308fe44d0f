/** What fills the tensors of probe cases: few bits, exact in every precision down to bfloat16, unless a draw says otherwise. */
import { fullSigned, noise } from '../../properties/arbitraries/noise.ts';
import type { Style } from '../../properties/arbitraries/values.ts';

const last = (index: readonly number[]): number => index[index.length - 1];
/** Time is the second axis of every tensor that has one. */
const time = (index: readonly number[]): number => index[1] ?? 0;

export const constant =
  (value: number): Style =>
  () =>
    value;
const oneOf =
  (...values: number[]): Style =>
  (seed, name, index) =>
    values[noise(seed, name, index) % values.length];
const scaled =
  (style: Style, factor: number): Style =>
  (seed, name, index) =>
    factor * style(seed, name, index);

/** Never 0, so that nothing hides behind a 0. */
export const quarters = oneOf(-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1);
export const integers = oneOf(-3, -2, 2, 3);
export const large = scaled(quarters, 64);
export const tiny = scaled(quarters, 2 ** -20);
/** Every bit of the significand. */
export const allBits: Style = (seed, name, index) => fullSigned(noise(seed, name, index), noise(seed + 1, name, index));
export const allBitsPositive: Style = (seed, name, index) => Math.abs(allBits(seed, name, index)) / 2 + 0.25;
export const allBitsNegative: Style = (seed, name, index) => -Math.abs(allBits(seed, name, index));

/** Short enough for the delta rule: it erases, and does not blow up. */
export const shortKeys = oneOf(-0.5, -0.375, -0.25, 0.25, 0.375, 0.5);
/** Two keys that take turns: much is erased, and products of keys are far from 0. */
export const repeatedKeys: Style = (seed, name, index) =>
  oneOf(-0.5, 0.5)(seed, name, [index[0], time(index) % 2, ...index.slice(2)]);

export const decays = scaled(oneOf(1, 2, 3, 4, 5, 6, 7, 8), -0.125);
export const weakDecays = scaled(oneOf(1, 2, 3, 4), -1 / 1024);
export const strongDecays = scaled(oneOf(8, 9, 12, 16), -1);
export const endingDecays = oneOf(-40, -100, -700);
export const resets: Style = (seed, name, index) =>
  noise(seed, `${name} reset`, index) % 4 === 0 ? Number.NEGATIVE_INFINITY : decays(seed, name, index);
export const growth = scaled(oneOf(1, 2, 3, 4), 0.0625);
/** Strong for eight tokens and weak, with all their bits, for eight: sums over both have lost what the weak ones say. */
export const strongThenWeak: Style = (seed, name, index) =>
  time(index) % 16 < 8 ? -60 : allBitsNegative(seed, name, index) / 128;

export const eighths = oneOf(0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875);
export const strongBetas = oneOf(1.25, 1.5, 1.75);
/** Different at every level, and from token to token. */
export const scales: Style = (seed, name, index) =>
  (last(index) + 1) / 4 + oneOf(0, 0.0625, 0.125)(seed, name, index.slice(0, -1));
export const oneHotLevel: Style = (seed, name, index) =>
  last(index) === noise(seed, name, index.slice(0, -1)) % 5 ? 1 : 0;
/** Scores of softmax that overflow exp where the largest is not taken off. */
export const hugeScores = scaled(integers, 64);
