/**
 * Which level of the hierarchy query t reads position s from. Integers only: log(125)/log(5) is not 3.
 *
 * Source: Guo et al., "Log-Linear Attention" (arXiv 2506.04761): the Fenwick-tree partition.
 */

/** How the past is cut into buckets. `weak` base 2 is the paper's; base b > 2 and `strong` are found in public code. */
export type Structure = { kind: 'weak'; base: number } | { kind: 'strong' };

export const WEAK: Structure = { kind: 'weak', base: 2 };

/** Positions [start, end) that query t reads at one level. Several buckets may share a level (base > 2, strong). */
export interface Bucket {
  level: number;
  start: number;
  end: number;
}

/** A hierarchy: the level map and the three things that the forms ask of it. */
export interface Levels {
  /** Levels that `positions` positions (0 … positions-1) need. */
  count(positions: number): number;
  /** Level at which query t reads position s, for 0 <= s <= t. */
  level(t: number, s: number): number;
  /** The buckets of query t from the oldest to the newest: together exactly [0, t]. */
  partition(t: number): Bucket[];
  /**
   * The merge before step t: the level that receives what level `a` held after step t-1, or -1 when that content ends here
   * (a level that was empty by rule is overwritten when it receives).
   */
  advance(t: number, a: number): number;
}

/** Number of binary digits of a non-negative integer below 2^31; 0 for 0. */
export const bitLength = (n: number): number => 32 - Math.clz32(n);

/** Number of one bits. */
export function popcount(n: number): number {
  let count = 0;
  for (let rest = n; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Number of base-b digits; 0 for 0 and below. */
function digitCount(n: number, base: number): number {
  let digits = 0;
  for (let rest = n; rest > 0; rest = Math.floor(rest / base)) digits++;
  return digits;
}

/** 1 + the highest base-b digit in which t and s differ; 0 when they are equal. */
function weakLevel(t: number, s: number, base: number): number {
  if (base === 2) return bitLength(t ^ s);
  let level = 0;
  // the last digits to become equal are the highest that differ
  for (let a = t, b = s; a !== b; level++) {
    a = Math.floor(a / base);
    b = Math.floor(b / base);
  }
  return level;
}

/** {t} at level 0, then for digit i of t its value many blocks of base^i positions at level i+1. */
function weakPartition(t: number, base: number): Bucket[] {
  const buckets: Bucket[] = [{ level: 0, start: t, end: t + 1 }];
  let end = t;
  for (let i = 0, size = 1; end > 0; i++, size *= base) {
    for (let digit = Math.floor(t / size) % base; digit > 0; digit--) {
      buckets.push({ level: i + 1, start: end - size, end });
      end -= size;
    }
  }
  return buckets.reverse();
}

/**
 * The Fenwick merge: with z trailing zero digits in t, levels 0 … z join level z+1. Where digit z of t has just become 1,
 * level z+1 was empty by rule, and what it held is not carried on.
 */
function weakAdvance(t: number, a: number, base: number): number {
  if (t === 0) return a === 0 ? -1 : a;
  let z = 0;
  let rest = t;
  for (; rest % base === 0; rest /= base) z++;
  if (a <= z) return z + 1;
  return a === z + 1 && rest % base === 1 ? -1 : a;
}

/** The "strong" structure: a block is read at a coarse level only when it does not touch the query's own block. */
function strongLevel(t: number, s: number): number {
  if (s === t) return 0;
  const l = bitLength(t) - 1;
  const u = 2 ** Math.max(l - 1, 0);
  const r = t - 2 ** l;
  if (s < u) return l + 1;
  if (s >= 2 * u) return strongLevel(t - 2 * u, s - 2 * u);
  return r >= u ? l + 1 : strongLevel(t - u, s - u);
}

function strongPartition(t: number, before = t + 1): Bucket[] {
  if (t === 0) return [{ level: 0, start: 0, end: 1 }];
  const l = bitLength(t) - 1;
  const u = 2 ** Math.max(l - 1, 0);
  const r = t - 2 ** l;
  const shifted = (by: number, buckets: Bucket[]): Bucket[] =>
    buckets.map(({ level, start, end }) => ({ level, start: start + by, end: end + by }));
  const buckets: Bucket[] = [{ level: l + 1, start: 0, end: u }];
  if (l > 0) {
    if (r >= u) buckets.push({ level: l + 1, start: u, end: 2 * u });
    else buckets.push(...shifted(u, strongPartition(t - u, u)));
    buckets.push(...shifted(2 * u, strongPartition(t - 2 * u)));
  } else {
    buckets.push({ level: 0, start: 1, end: 2 });
  }
  return buckets
    .filter(({ start }) => start < before)
    .map(({ level, start, end }) => ({ level, start, end: Math.min(end, before) }));
}

/** Partitions by t, the latest ones kept: a recurrence asks for those of t - 1 and t once for each level. */
function rememberPartitions(partition: (t: number) => Bucket[]): (t: number) => Bucket[] {
  const latest = new Map<number, Bucket[]>();
  return (t) => {
    const known = latest.get(t);
    if (known) return known;
    if (latest.size >= 4) latest.clear();
    const buckets = partition(t);
    latest.set(t, buckets);
    return buckets;
  };
}

function strongAdvance(t: number, a: number, partition: (t: number) => Bucket[]): number {
  const before = t === 0 ? [] : partition(t - 1);
  const source = before.find(({ level }) => level === a);
  if (source) return strongLevel(t, source.start);
  return partition(t).some(({ level }) => level === a) ? -1 : a;
}

/** One level that holds everything: the plain recurrence, without a hierarchy. */
export const FLAT: Levels = {
  count: () => 1,
  level: () => 0,
  partition: (t) => [{ level: 0, start: 0, end: t + 1 }],
  advance: (_t, a) => a,
};

/** The level map of a structure. Positions are below 2^31. */
export function levelsOf(structure: Structure): Levels {
  if (structure.kind === 'strong') {
    const partition = rememberPartitions((t) => strongPartition(t));
    return {
      count: (positions) => bitLength(Math.max(positions - 1, 0)) + 1,
      level: strongLevel,
      partition,
      advance: (t, a) => strongAdvance(t, a, partition),
    };
  }
  const { base } = structure;
  return {
    count: (positions) => digitCount(positions - 1, base) + 1,
    level: (t, s) => weakLevel(t, s, base),
    partition: (t) => weakPartition(t, base),
    advance: (t, a) => weakAdvance(t, a, base),
  };
}

/**
 * Levels at which the queries position … position+queries-1 read the content that level l of a state held after `position`
 * tokens; -1 once that content has ended. The closed form of iterating `advance`, for the forms that do not step through time.
 */
export function contentLevels(levels: Levels, position: number, l: number, queries: number): Int32Array {
  const read = new Int32Array(queries);
  if (levels === FLAT) return read;
  const source = position > 0 ? levels.partition(position - 1).find(({ level }) => level === l) : undefined;
  if (source) return read.map((_, i) => levels.level(position + i, source.start));
  const isBorn = (t: number): boolean => levels.partition(t).some(({ level }) => level === l);
  let alive = true;
  for (let i = 0; i < queries; i++) {
    alive &&= !isBorn(position + i);
    read[i] = alive ? l : -1;
  }
  return read;
}

/** Levels whose content a state may hold after so many positions; the others are empty by rule. A flat system has its one level always. */
export const heldLevels = (levels: Levels, position: number): Set<number> => {
  if (levels === FLAT) return new Set([0]);
  return new Set(position <= 0 ? [] : levels.partition(position - 1).map(({ level }) => level));
};
