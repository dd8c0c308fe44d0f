/** Sets of positions, heads, rows, channels and levels that kernels are wrong on: one list for each axis. */
import { levelsOf, type Structure } from '../../reference/levels.ts';
import type { Hypothesis } from './search.ts';

/** One place along time. */
export interface TimeCell {
  /** Index along T, in the packed row if there is one. */
  t: number;
  /** Which sequence, and the index in it. */
  sequence: number;
  index: number;
  length: number;
  /** Position that the sequence had reached before. */
  before: number;
}

/** Adds those that are neither empty nor everything. */
function collect(axes: string, size: number) {
  const list: Hypothesis[] = [];
  return {
    list,
    add(words: string, cost: number, has: (at: number) => boolean): void {
      const mask = Uint8Array.from({ length: size }, (_, at) => Number(has(at)));
      const inside = mask.reduce((sum, each) => sum + each, 0);
      if (inside > 0 && inside < size) list.push({ axes, mask, words, cost });
    },
  };
}

const powersUpTo = (most: number): number[] => {
  const powers: number[] = [];
  for (let power = 2; power <= most; power *= 2) powers.push(power);
  return powers;
};

/** What counts as a position: the index in the sequence, the position that a state goes on from, the index in the packed row. */
interface Count {
  words: string;
  cost: number;
  of(cell: TimeCell): number;
  /** Whether it is what levels follow from. */
  isPosition?: boolean;
  /** One past the last. */
  end(cell: TimeCell): number;
}

function countsOf(cells: readonly TimeCell[]): Count[] {
  const counts: Count[] = [
    { words: '', cost: 0, of: ({ index }) => index, end: ({ length }) => length },
    {
      words: ', counted from where the state began',
      cost: 3,
      of: ({ index, before }) => before + index,
      end: ({ length, before }) => before + length,
    },
    {
      words: ', counted along the packed row',
      cost: 3,
      of: ({ t }) => t,
      end: () => cells.length,
    },
  ];
  const key = (count: Count): string => cells.map((cell) => `${count.of(cell)}/${count.end(cell)}`).join();
  // of those that number all places alike the first one stays, and levels follow from it
  const position = key(counts[1]);
  const seen = new Set<string>();
  return counts
    .filter((count) => !seen.has(key(count)) && seen.add(key(count)))
    .map((count) => ({ ...count, isPosition: key(count) === position }));
}

/** Sets of positions: `wrongAt` says which cells have a wrong element, `noun` what a position is called. */
export function alongTime(
  axes: string,
  cells: readonly TimeCell[],
  { chunkSize, hasChunks, levels, wrongAt, noun = 'position', nouns = `${noun}s` }: TimeOptions,
): Hypothesis[] {
  const { list, add } = collect(axes, cells.length);
  // of pairs it has to be said whose chunk it is
  const of = noun === 'position' ? '' : `${nouns} in `;
  for (const count of countsOf(cells)) {
    const x = (at: number): number => count.of(cells[at]);
    const end = (at: number): number => count.end(cells[at]);
    const suffix = count.words;
    const most = cells.reduce((largest, _, at) => Math.max(largest, end(at)), 0);
    const smallest = cells.reduce((least, _, at) => Math.min(least, x(at)), most);
    for (const C of powersUpTo(2 * most)) {
      const isOwn = hasChunks && C === chunkSize;
      const cost = count.cost + (isOwn ? 2 : 5.5);
      const chunk = isOwn ? `chunk (C = ${C})` : `block of ${C}`;
      const chunks = isOwn ? `chunks (C = ${C})` : `blocks of ${C}`;
      const last = (at: number): number => Math.floor((end(at) - 1) / C) * C;
      const half = `${of}the second half of every ${chunk}${suffix}`;
      if (!count.isPosition || !levels) add(half, cost + 1, (at) => x(at) % C >= C / 2);
      // one block is no block
      if (C >= most) continue;
      add(
        `${of}the last partial ${chunk}${suffix}`,
        cost - 0.5,
        (at) => end(at) % C > 0 && x(at) >= last(at) && last(at) > 0,
      );
      add(`${of}the last ${chunk}${suffix}`, cost + 0.5, (at) => x(at) >= last(at) && last(at) > 0);
      add(`${of}all but the last ${chunk}${suffix}`, cost + 1, (at) => x(at) < last(at));
      add(`${of}the first ${chunk}${suffix}`, cost + 0.5, (at) => x(at) < C);
      add(`${of}every ${chunk} after the first${suffix}`, cost, (at) => x(at) >= C);
      // what a chunk takes over wrongly fades inside of it
      for (let width = 2; isOwn && width < C; width *= 2) {
        const stretch = `the first ${width} ${nouns} of every ${chunk}`;
        add(`${stretch} after the first${suffix}`, cost + 4, (at) => x(at) % C < width && x(at) >= C);
      }
      if (isOwn) add(`${of}every ${chunk} after the second${suffix}`, cost + 1, (at) => x(at) >= 2 * C);
      add(`the first ${nouns} of ${chunks}${suffix}`, cost + 0.5, (at) => x(at) % C === 0);
      add(`the first ${nouns} of ${chunks} after the first${suffix}`, cost, (at) => x(at) % C === 0 && x(at) > 0);
      add(`all but the first ${nouns} of ${chunks}${suffix}`, cost + 1, (at) => x(at) % C > 0);
      add(`the last ${nouns} of ${chunks}${suffix}`, cost, (at) => x(at) % C === C - 1);
      add(`all but the last ${nouns} of ${chunks}${suffix}`, cost + 1, (at) => x(at) % C < C - 1);
      add(`${of}the first half of every ${chunk}${suffix}`, cost + 1, (at) => x(at) % C < C / 2);
    }
    if (count.isPosition && levels) addLevels(levels, most, count, { add, x, noun, nouns });
    const isPower = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;
    add(`${nouns} that are powers of two${suffix}`, count.cost + 4, (at) => isPower(x(at)));
    add(`${nouns} just after a power of two${suffix}`, count.cost + 5, (at) => isPower(x(at) - 1));
    add(`even ${nouns}${suffix}`, count.cost + 3, (at) => x(at) % 2 === 0);
    add(`odd ${nouns}${suffix}`, count.cost + 3, (at) => x(at) % 2 === 1);
    add(`the first ${noun}${suffix}`, count.cost + 2, (at) => x(at) === smallest);
    add(`the last ${noun}${suffix}`, count.cost + 2, (at) => x(at) === end(at) - 1);
    const free = count.cost + 2 + Math.log2(most + 1);
    const touches = (edge: number): boolean => cells.some((_, at) => x(at) === edge && wrongAt(at));
    for (const edge of edgesOf(cells.length, x, wrongAt)) {
      add(`${nouns} from ${edge} on${suffix}`, free, (at) => x(at) >= edge);
      add(`${nouns} before ${edge}${suffix}`, free, (at) => x(at) < edge);
      if (touches(edge)) add(`${noun} ${edge}${suffix}`, free, (at) => x(at) === edge);
    }
    const touched = cells.map((_, at) => at).filter(wrongAt);
    if (touched.length > 1) {
      const [from, to] = [Math.min(...touched.map(x)), Math.max(...touched.map(x))];
      const words = `${nouns} from ${from} to ${to}${suffix}`;
      add(words, free + Math.log2(most + 1), (at) => x(at) >= from && x(at) <= to);
    }
  }
  const sequences = new Set(cells.map(({ sequence }) => sequence));
  // rows of a batch have an axis of their own
  if (sequences.size > 1 && axes.length === 1) {
    const free = 2 + Math.log2(sequences.size);
    const cell = (at: number): TimeCell => cells[at];
    for (const each of sequences) {
      add(`${of}sequence ${each} of the packed ones`, free, (at) => cell(at).sequence === each);
      add(`${of}packed sequences from ${each} on`, free, (at) => cell(at).sequence >= each);
    }
    add('the first token of every packed sequence', 2, (at) => cell(at).index === 0);
    add(
      'the first token of every packed sequence after the first',
      1.5,
      (at) => cell(at).index === 0 && cell(at).t > 0,
    );
    add('all but the first token of every packed sequence', 2, (at) => cell(at).index > 0);
    add('the last token of every packed sequence', 2, (at) => cell(at).index === cell(at).length - 1);
    add('the last token of every packed sequence before the last', 2, (at) => {
      const { index, length, t } = cell(at);
      return index === length - 1 && t < cells.length - 1;
    });
  }
  return list;
}

interface Adding {
  add(words: string, cost: number, has: (at: number) => boolean): void;
  x(at: number): number;
  noun: string;
  nouns: string;
}

const FARTHEST = 4096;

/** Positions by the levels that they read, of any hierarchy; of the paper's one a level is a bit. */
function addLevels(
  structure: Structure,
  most: number,
  { words: suffix, cost }: Count,
  { add, x, noun, nouns }: Adding,
) {
  const levels = levelsOf(structure);
  const isBits = structure.kind === 'weak' && structure.base === 2;
  // where levels begin in other hierarchies is looked for position by position
  if (!isBits && most > FARTHEST) return;
  const known = new Map<number, Set<number>>();
  const readBy = (position: number): Set<number> => {
    const found = known.get(position) ?? new Set(levels.partition(position).map(({ level }) => level));
    known.set(position, found);
    return found;
  };
  for (let level = 1; level < levels.count(most); level++) {
    let begins = isBits ? 2 ** (level - 1) : 0;
    while (!isBits && begins < most && !readBy(begins).has(level)) begins++;
    const bit = isBits ? ` (bit ${level - 1} of the ${noun} is set)` : '';
    add(`${nouns} that read level ${level}${bit}${suffix}`, cost + 6.5, (at) => readBy(x(at)).has(level));
    add(`${nouns} from ${begins} on, where level ${level} begins${suffix}`, cost + 4.5, (at) => x(at) >= begins);
  }
}

export interface TimeOptions {
  chunkSize: number;
  /** Softmax has none. */
  hasChunks: boolean;
  /** What levels follow from; null where there are none. */
  levels: Structure | null;
  wrongAt(at: number): boolean;
  noun?: string;
  nouns?: string;
}

/** Where wrong places begin or end: an edge elsewhere would be no better. */
function edgesOf(size: number, x: (at: number) => number, wrongAt: (at: number) => boolean): number[] {
  const touched = new Set<number>();
  for (let at = 0; at < size; at++) if (wrongAt(at)) touched.add(x(at));
  const edges = new Set<number>();
  for (const each of touched) {
    if (!touched.has(each - 1)) edges.add(each);
    if (!touched.has(each + 1)) edges.add(each + 1);
  }
  // where they begin and end all the time no edge says anything
  return [...edges].sort((a, b) => a - b).slice(0, 24);
}

/** Sets along an axis on which places are merely numbered: heads, groups, rows, channels. */
export function alongCount(letter: string, size: number, noun: string, wrongAt: (at: number) => boolean): Hypothesis[] {
  const { list, add } = collect(letter, size);
  const free = 2 + Math.log2(size + 1);
  for (const edge of edgesOf(size, (at) => at, wrongAt)) {
    const isTile = edge % 16 === 0;
    const cost = isTile ? 3 : free;
    add(`${noun}s from ${edge} on${isTile && edge > 0 ? `, a tile of ${edge}` : ''}`, cost, (at) => at >= edge);
    add(`${noun}s before ${edge}`, cost + 0.5, (at) => at < edge);
  }
  for (let one = 0; one < Math.min(size, 256); one++) {
    if (wrongAt(one)) add(`${noun} ${one}`, one === 0 ? 2 : free, (at) => at === one);
    else add(`every ${noun} but ${one}`, one === 0 ? 2 : free + 1, (at) => at !== one);
  }
  for (let modulus = 2; modulus <= Math.min(size / 2, 32); modulus *= 2) {
    for (let rest = 0; rest < modulus; rest++) {
      const words = `${noun}s that are ${rest} modulo ${modulus}`;
      add(words, 4 + 2 * Math.log2(modulus), (at) => at % modulus === rest);
    }
    const which = `each ${modulus} ${noun}s`;
    add(`the last of ${which}`, 5, (at) => at % modulus === modulus - 1);
    add(`all but the first of ${which}`, 5, (at) => at % modulus > 0);
  }
  const half = Math.floor(size / 2);
  add(`the second half of the ${noun}s`, 4, (at) => at >= size - half);
  add(`the first half of the ${noun}s`, 4, (at) => at < half);
  return list;
}

/** Heads by the groups that they read. */
export function alongHeads(H: number, G: number, wrongAt: (at: number) => boolean): Hypothesis[] {
  const { list, add } = collect('H', H);
  const groupOf = (h: number): number => Math.floor((h * G) / H);
  if (G > 1 && G < H) {
    for (let group = 0; group < G; group++) add(`the heads of group ${group}`, 4, (h) => groupOf(h) === group);
    add(`heads whose group is not h mod G (G = ${G})`, 3, (h) => groupOf(h) !== h % G);
    add('heads that do not read group 0', 3, (h) => groupOf(h) !== 0);
    add('all but the first head of each group', 3, (h) => h > 0 && groupOf(h) === groupOf(h - 1));
    add('the last head of each group', 3, (h) => h === H - 1 || groupOf(h) !== groupOf(h + 1));
  }
  return [...list, ...alongCount('H', H, 'head', wrongAt)];
}

/** Levels by number. */
export function alongLevels(L: number, wrongAt: (at: number) => boolean): Hypothesis[] {
  const { list, add } = collect('L', L);
  for (let level = 0; level < L; level++) {
    add(`level ${level}`, level === 0 ? 2 : 3 + Math.log2(L), (l) => l === level);
    if (level > 0) add(`levels from ${level} on`, level === 1 ? 2.5 : 3 + Math.log2(L), (l) => l >= level);
    if (level > 0) add(`levels below ${level}`, 3.5 + Math.log2(L), (l) => l < level);
    if (!wrongAt(level)) add(`every level but ${level}`, 4 + Math.log2(L), (l) => l !== level);
  }
  return list;
}

/** Sets over several axes that follow from the numbers or the structure: `has` by place along these axes. */
export function alongMany(
  axes: string,
  shape: readonly number[],
  sets: readonly { words: string; cost: number; has(at: number): boolean }[],
): Hypothesis[] {
  const size = shape.reduce((product, each) => product * each, 1);
  const { list, add } = collect(axes, size);
  for (const { words, cost, has } of sets) add(words, cost, has);
  return list;
}
