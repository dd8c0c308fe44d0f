/** What fills the tensors of drawn cases: each style by its range, and the bits that a seed stands for. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fullSigned, noise, signed, unit } from '../../properties/arbitraries/noise.ts';
import { independent, ordinary, type Style, styles } from '../../properties/arbitraries/values.ts';

const { NEGATIVE_INFINITY: NEGATIVE } = Number;

/** The style on a tensor [2,12,3,8], entry by entry. */
function sample(style: Style, seed = 7): number[] {
  const values: number[] = [];
  for (let b = 0; b < 2; b++) {
    for (let t = 0; t < 12; t++) {
      for (let h = 0; h < 3; h++) for (let i = 0; i < 8; i++) values.push(style(seed, 'name', [b, t, h, i]));
    }
  }
  return values;
}

describe('numbers from bits', () => {
  it('signed are the multiples of 1/128 in [-1, 1], unit those in [0, 1]', () => {
    expect([0, 128, 256, 257].map(signed)).toEqual([-1, 0, 1, -1]);
    expect([0, 64, 128, 129].map(unit)).toEqual([0, 0.5, 1, 0]);
  });
  it('full ones use all bits', () => {
    expect(fullSigned(0, 0)).toBe(-1);
    expect(fullSigned(2 ** 31, 0)).toBe(0);
    expect(fullSigned(2 ** 31, 2 ** 11)).toBe(2 ** -52);
    expect(fullSigned(2 ** 32 - 1, 0)).toBe(1 - 2 ** -31);
  });
  it('noise depends on seed, name, each index and their number', () => {
    const places: [number, string, number[]][] = [
      [1, 'q', [0, 1]],
      [2, 'q', [0, 1]],
      [1, 'k', [0, 1]],
      [1, 'q', [1, 0]],
      [1, 'q', [0, 1, 0]],
      [1, 'q', []],
      [1, 'qq', [0, 1]],
    ];
    const all = places.map(([seed, name, index]) => noise(seed, name, index));
    expect(new Set(all).size).toBe(places.length);
    for (const each of all) expect(Number.isInteger(each) && each >= 0 && each < 2 ** 32).toBe(true);
  });
});

/** The least and the most of every style, resets left out, and how many values differ where they are few. */
const RANGES: Record<string, [least: number, most: number, different?: number][]> = {
  q: [
    [1, 1, 1],
    [-1, 1],
    [-1, 1],
    [-2, 2, 5],
    [-3, 3],
    [-1, 1],
    [-(2 ** 20), 2 ** 20],
    [-(2 ** 40), 2 ** 40],
    [-(2 ** -40), 2 ** -40],
  ],
  g: [
    [0, 0, 1],
    [-0.125, -0.125, 1],
    [-1, 0],
    [-1, 0],
    [-1 / 1024, 0],
    [-52, -4],
    [-1, 0],
    [-1 / 8, 1 / 8],
    [-700, 0, 6],
  ],
  beta: [
    [1, 1, 1],
    [0, 1],
    [0, 1],
    [0.5, 0.5, 1],
    [0, 0, 1],
    [0, 2 ** -20],
    [1 - 2 ** -20, 1],
    [2, 2, 1],
    [0, 2],
    [0, 2, 4],
  ],
  lambda: [
    [1, 1, 1],
    [1, 8, 8],
    [-1, 1],
    [0, 1],
    [-1, 1],
    [0, 1, 2],
    [0, 1, 2],
    [-1, 1],
    [-(2 ** 20), 2 ** 20],
    [-(2 ** -30), 2 ** -30],
  ],
};

describe.each(Object.entries(RANGES))('styles of %s', (name, ranges) => {
  it.each(ranges.map((range, i) => [i, ...range] as const))('%i: from %d to %d', (i, least, most, different) => {
    const values = sample(styles[name as 'q'][i]).filter((value) => value !== NEGATIVE);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    expect(low).toBeGreaterThanOrEqual(least);
    expect(high).toBeLessThanOrEqual(most);
    // and they come near both ends
    expect((high - low) / (most - least || 1)).toBeGreaterThan(least === most ? -1 : 0.75);
    const count = new Set(values).size;
    if (different === undefined) expect(count).toBeGreaterThan(30);
    else expect(count).toBe(different);
  });
});

it('keys repeat, take turns, or are unit vectors', () => {
  const [repeated, alternating, unitVectors] = styles.k.slice(-3);
  const at = (style: Style, t: number): number[] => [0, 1, 2, 3].map((i) => style(3, 'k', [0, t, 1, i]));
  expect(at(repeated, 5)).toEqual(at(repeated, 0));
  expect(new Set(at(repeated, 0)).size).toBe(4);
  expect(at(alternating, 4)).toEqual(at(alternating, 0));
  expect(at(alternating, 5)).toEqual(at(alternating, 1));
  expect(at(alternating, 1)).not.toEqual(at(alternating, 0));
  expect([0, 1, 2].map((t) => at(unitVectors, t))).toEqual([
    [0, 0, 0, 1],
    [1, 0, 0, 0],
    [0, 1, 0, 0],
  ]);
});

it('one level alone is the same for all tokens, or each token its own', () => {
  const [forAll, forEach] = styles.lambda.slice(5, 7);
  const chosen = (style: Style): Set<number> =>
    new Set(
      Array.from({ length: 40 }, (_, t) => [0, 1, 2, 3, 4].findIndex((l) => style(2, 'lambda', [0, t, 0, l]) === 1)),
    );
  expect(chosen(forAll).size).toBe(1);
  expect(chosen(forEach)).toEqual(new Set([0, 1, 2, 3, 4]));
});

// a report names a seed, and its cases are to be the same tomorrow
it('a seed stands for the same numbers as ever', () => {
  const print = (list: readonly Style[]): string =>
    createHash('sha256')
      .update(Float64Array.from(list.flatMap((style) => sample(style))))
      .digest('hex')
      .slice(0, 12);
  const all = Object.entries({ ...styles, ordinary });
  expect(Object.fromEntries(all.map(([name, list]) => [name, print(list)]))).toEqual({
    q: '9fe0a8e7e7dd',
    k: '03d635daf4ab',
    v: '9fe0a8e7e7dd',
    g: '35b572040c5a',
    beta: '1fa0fd4d594c',
    lambda: 'e32bcf47df14',
    initialState: '9fe0a8e7e7dd',
    ordinary: '592bd69906f9',
  });
  const full = '870c1ee60c82';
  expect(Object.fromEntries(Object.entries(independent).map(([name, list]) => [name, print(list)]))).toEqual({
    q: full,
    k: full,
    v: full,
    g: '7c16c7978b17',
    beta: 'c1df19cb8937',
    lambda: 'f7b2b073ec2a',
    initialState: full,
  });
});
