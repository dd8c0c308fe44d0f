import { describe, expect, it } from 'vitest';
import { contentLevels, FLAT, levelsOf, popcount, type Structure } from '../../reference/levels.ts';

const structures: Structure[] = [
  { kind: 'weak', base: 2 },
  { kind: 'weak', base: 3 },
  { kind: 'weak', base: 5 },
  { kind: 'strong' },
];

describe.each(structures)('levels of $kind $base', (structure) => {
  const levels = levelsOf(structure);

  it('has one level before the first position', () => {
    expect(levels.count(0)).toBe(1);
  });

  it('partitions [0,t] without gap or overlap, and agrees with the level map', () => {
    for (let t = 0; t < 300; t++) {
      let next = 0;
      for (const { level, start, end } of levels.partition(t)) {
        expect(start).toBe(next);
        expect(end).toBeGreaterThan(start);
        for (let s = start; s < end; s++) if (levels.level(t, s) !== level) expect.fail(`level(${t}, ${s})`);
        next = end;
      }
      expect(next).toBe(t + 1);
    }
  });

  it('needs as many levels as the level map uses', () => {
    let most = 0;
    for (let t = 0; t < 300; t++) {
      for (let s = 0; s <= t; s++) most = Math.max(most, levels.level(t, s));
      expect(levels.count(t + 1)).toBe(most + 1);
    }
  });

  it('moves whole levels from one step to the next', () => {
    for (let t = 1; t < 300; t++) {
      for (let s = 0; s < t; s++) {
        if (levels.advance(t, levels.level(t - 1, s)) !== levels.level(t, s)) expect.fail(`position ${s} at step ${t}`);
      }
    }
  });

  it('follows the content of a state, live or empty by rule, as stepping does', () => {
    for (const position of [0, 1, 2, 3, 4, 7, 8, 12, 25, 26]) {
      for (let l = 0; l < 6; l++) {
        const stepped: number[] = [];
        for (let t = position, now = l; t < position + 70; t++) {
          if (now >= 0) now = levels.advance(t, now);
          stepped.push(now);
        }
        expect([...contentLevels(levels, position, l, 70)], `position ${position} level ${l}`).toEqual(stepped);
      }
    }
  });
});

describe('weak base 2', () => {
  const levels = levelsOf({ kind: 'weak', base: 2 });
  it('is the bit length of t xor s', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((s) => levels.level(6, s))).toEqual([3, 3, 3, 3, 2, 2, 0]);
  });
  it('has one bucket for each set bit of t, and the token itself', () => {
    for (let t = 0; t < 300; t++) expect(levels.partition(t)).toHaveLength(popcount(t) + 1);
  });
  it('holds far positions exactly', () => {
    expect(levels.level(2 ** 30, 2 ** 30 - 1)).toBe(31);
    expect(levels.count(2 ** 30 + 1)).toBe(32);
  });
});

describe('base 5', () => {
  it('counts digits with integers: 125 positions need 3 digits and one level more', () => {
    const levels = levelsOf({ kind: 'weak', base: 5 });
    expect(levels.count(125)).toBe(4);
    expect(levels.count(126)).toBe(5);
    expect(levels.level(125, 0)).toBe(4);
    expect(levels.level(124, 0)).toBe(3);
  });
});

describe('strong', () => {
  const levels = levelsOf({ kind: 'strong' });
  it('keeps neighbouring blocks fine', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => levels.level(9, s))).toEqual([4, 4, 4, 4, 3, 3, 2, 2, 1, 0]);
  });
});

it('flat has one level', () => {
  expect(FLAT.count(9)).toBe(1);
  expect(FLAT.level(9, 3)).toBe(0);
  expect(FLAT.partition(9)).toEqual([{ level: 0, start: 0, end: 10 }]);
  expect([...contentLevels(FLAT, 0, 0, 3)]).toEqual([0, 0, 0]);
});
