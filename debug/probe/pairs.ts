/** Sets of pairs of a query t and a key s: what entries of P can have in common. */
import { FLAT, levelsOf, WEAK } from '../../reference/levels.ts';
import { toDense } from '../../reference/tensor.ts';
import { alongMany, alongTime } from '../localise/hypotheses.ts';
import type { Hypothesis } from '../localise/search.ts';
import type { Lab } from './lab.ts';

/** Position of every token in its own sequence, the ones before the call counted. */
export const positionOf = ({ layout }: Lab, row: number, t: number): number =>
  layout.cells[row][t].before + layout.cells[row][t].index;

/** Whether s is in the sequence of t and not after it. */
export const isPast = ({ layout }: Lab, row: number, t: number, s: number): boolean =>
  s <= t && layout.cells[row][t].sequence === layout.cells[row][s].sequence;

/** The true level of a pair; -1 where nothing is to be read. */
export function trueLevel(lab: Lab, row: number, t: number, s: number): number {
  if (!isPast(lab, row, t, s)) return -1;
  const levels = lab.layout.hasLevels ? levelsOf(lab.c.structure ?? WEAK) : FLAT;
  return levels.level(positionOf(lab, row, t), positionOf(lab, row, s));
}

/** The axes of P as the search knows them: t queries, s keys. */
export const PAIR_AXES = 'ts';

/** Every set that is tried on one head. */
export function pairSets(lab: Lab, row: number, head: number, isWrong: (at: number) => boolean): Hypothesis[] {
  const { T, layout } = lab;
  const { chunkSize, hasChunks, hasLevels, levels, cells } = layout;
  const touched = [new Set<number>(), new Set<number>()];
  for (let at = 0; at < T * T; at++) {
    if (!isWrong(at)) continue;
    touched[0].add(Math.floor(at / T));
    touched[1].add(at % T);
  }
  const list = [
    ...alongTime('t', cells[row], {
      chunkSize,
      hasChunks,
      levels,
      wrongAt: (t) => touched[0].has(t),
      noun: 'query',
      nouns: 'queries',
    }),
    ...alongTime('s', cells[row], {
      chunkSize,
      hasChunks,
      levels: null,
      wrongAt: (s) => touched[1].has(s),
      noun: 'key',
    }),
  ];
  const sets: { words: string; cost: number; has(at: number): boolean }[] = [];
  const add = (words: string, cost: number, has: (t: number, s: number) => boolean): void => {
    sets.push({ words, cost, has: (at) => has(Math.floor(at / T), at % T) });
  };
  const past = (t: number, s: number): boolean => isPast(lab, row, t, s);
  add('the own token of a query (s = t)', 1, (t, s) => s === t);
  add('keys before their query (s < t)', 1, (t, s) => s < t && past(t, s));
  add('the key just before the query (s = t - 1)', 2, (t, s) => s === t - 1 && past(t, s));
  add('all but the last two keys (s < t - 1)', 3, (t, s) => s < t - 1 && past(t, s));
  add('keys of the future (s > t)', 1, (t, s) => s > t);
  add('the key after the query (s = t + 1)', 1.5, (t, s) => s === t + 1);
  add('keys of other sequences', 1.5, (t, s) => cells[row][t].sequence !== cells[row][s].sequence);
  const chunk = (t: number): number => Math.floor(positionOf(lab, row, t) / chunkSize);
  const name = `(C = ${chunkSize})`;
  add('every query and key (s <= t)', 1, past);
  if (hasChunks) {
    add(`query and key in one chunk ${name}`, 2, (t, s) => past(t, s) && chunk(t) === chunk(s));
    add(`keys before their query in one chunk ${name}`, 2.5, (t, s) => past(t, s) && s < t && chunk(t) === chunk(s));
    add(`a key of an earlier chunk than the query's ${name}`, 2, (t, s) => past(t, s) && chunk(t) > chunk(s));
    add(`at least one whole chunk between key and query ${name}`, 2.5, (t, s) => past(t, s) && chunk(t) > chunk(s) + 1);
  }
  if (hasLevels) {
    for (let level = 0; level < layout.L; level++) {
      add(`pairs of level ${level}`, 4, (t, s) => trueLevel(lab, row, t, s) === level);
      if (level > 1) add(`pairs of levels from ${level} on`, 4.5, (t, s) => trueLevel(lab, row, t, s) >= level);
    }
  }
  const { g } = lab.c.inputs;
  if (g && g.shape.length > 1) {
    const channels = g.shape[3] ?? 1;
    const data = toDense(g);
    const reset = (r: number): boolean => {
      const at = ((row * T + r) * lab.H + head) * channels;
      return data.subarray(at, at + channels).includes(Number.NEGATIVE_INFINITY);
    };
    /** The last reset up to each position; -1 where there was none. */
    const latest: number[] = [];
    for (let t = 0; t < T; t++) latest.push(reset(t) ? t : (latest[t - 1] ?? -1));
    if (latest[T - 1] >= 0) {
      add('keys before a reset that the query comes after', 3, (t, s) => past(t, s) && latest[t] > s);
      add('pairs after a reset', 3.5, (t, s) => past(t, s) && latest[t] >= 0 && latest[t] <= s);
      add('queries after a reset', 3.5, (t, s) => past(t, s) && latest[t] >= 0);
    }
  }
  return [...list, ...alongMany(PAIR_AXES, [T, T], sets)];
}
