/**
 * Small cases that tell known bugs apart, as data. Each probes one thing; all have few bits and few tokens, so that asking them costs
 * little. C is the chunk of whoever is asked.
 */
import type { Style } from '../../properties/arbitraries/values.ts';
import type { System } from '../../reference/systems/registry.ts';
import * as draw from './draws.ts';

export interface Probe {
  name: string;
  B?: number;
  /** Tokens, by the chunk size. */
  T: (C: number) => number;
  G?: number;
  H?: number;
  K?: number;
  V?: number;
  scale?: number;
  /** Where packed sequences begin, and T: by the chunk size. */
  cuSeqlens?: (C: number) => number[];
  /** Positions already seen, by the chunk size; they bring a state. */
  position?: (C: number) => number[];
  extraLevels?: number;
  /** Levels of the state below those of lambda. */
  missingStateLevels?: number;
  cotangents?: 'none' | 'o' | 'both';
  draws?: Record<string, Style>;
  on?: (system: System) => boolean;
  /** What the values are that not everybody takes. */
  values?: 'resets' | 'growth' | 'strongBeta';
  /** In memory in which time is the last axis. */
  strided?: boolean;
  /** Asked twice. */
  twice?: boolean;
  /** The value of the last token is NaN: nothing is promised of what may depend on it. */
  poisoned?: boolean;
}

const some = (T: number) => (): number => T;
const decaying = ({ recurrence }: System): boolean => recurrence !== null && recurrence.decay !== 'none';
const logLinear = (system: System): boolean => system.logLinear;
const delta = ({ recurrence }: System): boolean => recurrence?.beta === true;
const softmax = ({ recurrence }: System): boolean => recurrence === null;
const recurrence = (system: System): boolean => system.recurrence !== null;

export const probes: readonly Probe[] = [
  // the first ones are cheap and say much: most entries are out after them
  { name: 'ordinary', T: some(7), H: 2, G: 2, K: 3, V: 2, scale: 0.5, cotangents: 'both' },
  { name: 'three tokens', T: some(3), H: 1, K: 2, V: 1, cotangents: 'o' },
  { name: 'one token', T: some(1), H: 2, cotangents: 'both' },
  { name: 'a token more than a chunk of four', T: some(5), cotangents: 'o', scale: 2 },
  { name: 'two chunks and a part', T: (C) => 2 * C + 3, K: 2, V: 2, H: 1, scale: 0.5, cotangents: 'both' },
  { name: 'whole chunks', T: (C) => 2 * C, K: 2, V: 1, H: 1, cotangents: 'o' },
  {
    name: 'many chunks',
    T: (C) => (C > 16 ? 3 * C + 1 : 4 * C + 2),
    K: 1,
    V: 1,
    H: 1,
    cotangents: 'o',
    on: recurrence,
  },
  { name: 'groups', T: some(5), H: 4, G: 2, K: 2, V: 2, cotangents: 'o' },
  { name: 'one group', T: some(6), H: 3, G: 1, K: 2, V: 2, cotangents: 'both' },
  { name: 'rows', B: 3, T: some(5), H: 2, K: 2, V: 2, cotangents: 'both' },
  { name: 'packed', T: some(9), H: 2, K: 2, V: 2, cuSeqlens: () => [0, 3, 3, 8, 9], cotangents: 'both' },
  {
    name: 'packed across chunks',
    T: (C) => 2 * C + 3,
    H: 1,
    K: 2,
    V: 1,
    cuSeqlens: (C) => [0, C + 1, 2 * C + 3],
    cotangents: 'o',
  },
  { name: 'state', T: some(6), H: 2, K: 2, V: 3, position: () => [5], cotangents: 'both', scale: 0.5 },
  { name: 'state at an even position', T: some(5), H: 1, K: 3, V: 2, position: () => [4], cotangents: 'both' },
  { name: 'state of one token', T: some(1), H: 2, K: 2, V: 2, position: () => [6], cotangents: 'both' },
  { name: 'states of rows', B: 2, T: some(4), H: 1, K: 2, V: 2, position: () => [3, 8], cotangents: 'both' },
  {
    name: 'states of packed sequences',
    T: some(7),
    H: 1,
    K: 2,
    V: 2,
    position: () => [2, 5],
    cuSeqlens: () => [0, 3, 7],
    cotangents: 'both',
  },
  {
    name: 'state inside of a chunk',
    T: (C) => C + 3,
    H: 1,
    K: 2,
    V: 2,
    position: (C) => [C / 2 + 1],
    cotangents: 'both',
  },
  {
    name: 'short state',
    T: some(7),
    H: 1,
    K: 2,
    V: 2,
    position: () => [3],
    missingStateLevels: 1,
    cotangents: 'both',
    on: logLinear,
  },
  { name: 'more levels than read', T: some(6), H: 1, K: 2, V: 2, extraLevels: 2, cotangents: 'both', on: logLinear },
  { name: 'no tokens', T: some(0), H: 2, K: 2, V: 2, position: () => [5], cotangents: 'both', on: recurrence },
  { name: 'far position', T: some(5), H: 1, K: 2, V: 1, position: () => [8190], cotangents: 'o', on: logLinear },
  { name: 'farther position', T: some(5), H: 1, K: 2, V: 1, position: () => [65536], cotangents: 'o', on: logLinear },
  {
    name: 'seven levels',
    T: some(70),
    H: 1,
    K: 1,
    V: 1,
    cotangents: 'none',
    on: logLinear,
    draws: { g: draw.weakDecays },
  },
  { name: 'one level at a time', T: some(13), H: 1, K: 2, V: 2, on: logLinear, draws: { lambda: draw.oneHotLevel } },
  { name: 'no decay', T: some(6), K: 2, V: 2, on: decaying, cotangents: 'o', draws: { g: draw.constant(0) } },
  { name: 'weak decay', T: some(7), K: 2, V: 2, on: decaying, cotangents: 'o', draws: { g: draw.weakDecays } },
  { name: 'strong decay', T: some(6), K: 2, V: 2, on: decaying, cotangents: 'o', draws: { g: draw.strongDecays } },
  {
    name: 'decay that ends everything',
    T: some(6),
    H: 1,
    K: 2,
    V: 2,
    on: decaying,
    cotangents: 'o',
    draws: { g: draw.endingDecays },
  },
  {
    name: 'resets',
    T: some(9),
    K: 2,
    V: 2,
    on: decaying,
    cotangents: 'o',
    values: 'resets',
    draws: { g: draw.resets },
  },
  {
    name: 'growth',
    T: some(6),
    K: 2,
    V: 2,
    on: decaying,
    cotangents: 'o',
    values: 'growth',
    draws: { g: draw.growth },
  },
  {
    name: 'strong decay before weak',
    T: some(80),
    H: 1,
    K: 1,
    V: 1,
    on: decaying,
    cotangents: 'none',
    draws: { g: draw.strongThenWeak },
  },
  { name: 'keys that come again', T: some(9), K: 2, V: 2, cotangents: 'both', draws: { k: draw.repeatedKeys } },
  {
    name: 'strong beta',
    T: some(6),
    K: 2,
    V: 2,
    on: delta,
    values: 'strongBeta',
    cotangents: 'o',
    draws: { beta: draw.strongBetas },
  },
  { name: 'no writing', T: some(5), K: 2, V: 2, on: delta, cotangents: 'o', draws: { beta: draw.constant(0) } },
  {
    name: 'all bits',
    T: some(9),
    H: 1,
    K: 3,
    V: 3,
    cotangents: 'both',
    draws: {
      q: draw.allBits,
      k: draw.allBits,
      v: draw.allBits,
      g: draw.allBitsNegative,
      beta: draw.allBitsPositive,
      lambda: draw.allBitsPositive,
      cotangents: draw.allBits,
    },
  },
  { name: 'large values', T: some(6), K: 2, V: 2, cotangents: 'o', draws: { v: draw.large, cotangents: draw.large } },
  { name: 'tiny values', T: some(6), K: 2, V: 2, cotangents: 'o', draws: { v: draw.tiny } },
  { name: 'large queries', T: some(5), K: 2, V: 2, cotangents: 'o', draws: { q: draw.integers } },
  {
    name: 'large scores',
    T: some(5),
    K: 2,
    V: 2,
    cotangents: 'o',
    on: softmax,
    draws: { q: draw.hugeScores, k: draw.integers },
  },
  { name: 'many key channels', T: some(4), H: 1, K: 18, V: 1, cotangents: 'o' },
  { name: 'many value channels', T: some(3), H: 1, K: 1, V: 66, cotangents: 'o' },
  { name: 'other memory', T: some(5), H: 2, K: 2, V: 2, B: 2, cotangents: 'none', strided: true },
  {
    name: 'asked twice',
    T: some(11),
    H: 1,
    K: 2,
    V: 1,
    cotangents: 'none',
    twice: true,
    draws: { q: draw.allBits, v: draw.allBits },
  },
  { name: 'a last value that is none', T: some(5), H: 1, K: 2, V: 2, cotangents: 'none', poisoned: true },
  {
    name: 'packed, and a last value that is none',
    T: some(7),
    H: 1,
    K: 2,
    V: 2,
    cotangents: 'none',
    cuSeqlens: () => [0, 4, 7],
    poisoned: true,
  },
];
