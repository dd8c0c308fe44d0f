/** Pictures of characters: a bar for each position, a shade for each pair. They say the same without colours. */

const BARS = '▁▂▃▄▅▆▇█';
const SHADES = '░▒▓█';
/** Decades from the bound to the strongest sign. */
const DECADES = 8;

/** How strong a ratio is, from 0 (within the bound) to 1. */
const strength = (ratio: number): number => {
  if (ratio <= 1) return 0;
  return Math.min(1, Math.log10(Math.min(ratio, 10 ** DECADES)) / DECADES);
};

const signFor = (signs: string, ratio: number): string =>
  signs[Math.min(signs.length - 1, Math.floor(strength(ratio) * signs.length))];

/** Places in at most `most` groups of the same size. */
export const binned = (size: number, most: number): number => Math.max(1, Math.ceil(size / most));

export interface Bars {
  bars: string;
  /** Marks below the positions at which chunks and levels begin. */
  marks: string;
  /** Positions that share a character. */
  each: number;
}

/** One character a position, or several positions: the worst of them. "·" is within the bound. */
export function barsOf(byPosition: readonly number[], chunkEdges: readonly number[], width: number): Bars {
  const each = binned(byPosition.length, width);
  const groups = Math.ceil(byPosition.length / each);
  const worst = Array.from({ length: groups }, (_, i) =>
    byPosition.slice(i * each, (i + 1) * each).reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0),
  );
  const edges = new Set(chunkEdges.map((t) => Math.floor(t / each)));
  return {
    bars: worst.map((ratio) => (ratio <= 1 ? '·' : signFor(BARS, ratio))).join(''),
    marks: worst
      .map((_, i) => (edges.has(i) ? '|' : ' '))
      .join('')
      .trimEnd(),
    each,
  };
}

/**
 * A square of pairs, a query a line, two characters a pair where there is room: "·" right, shades by how far off, " " after the query.
 * @param ratio of a pair, in units of the bound
 */
export function squareOf(size: number, ratio: (t: number, s: number) => number, most: number): string[] {
  const each = binned(size, most);
  const groups = Math.ceil(size / each);
  const wide = groups * 2 <= most * 2 && groups <= 32 ? 2 : 1;
  const worstIn = (i: number, j: number): number => {
    let worst = 0;
    for (let t = i * each; t < Math.min(size, (i + 1) * each); t++) {
      for (let s = j * each; s < Math.min(size, (j + 1) * each); s++) worst = Math.max(worst, ratio(t, s));
    }
    return worst;
  };
  const sign = (i: number, j: number): string => {
    const worst = worstIn(i, j);
    if (worst > 1) return signFor(SHADES, worst);
    return j > i ? ' ' : '·';
  };
  return Array.from({ length: groups }, (_, i) =>
    Array.from({ length: groups }, (_, j) => sign(i, j).repeat(wide))
      .join('')
      .trimEnd(),
  );
}

/** Difference of two numbers in units of a bound: as outputs are judged. */
export function pairRatio(actual: number, truth: number, bound: number): number {
  if (actual === truth || bound === Number.POSITIVE_INFINITY) return 0;
  const apart = Math.abs(actual - truth);
  return Number.isNaN(apart)
    ? Number.POSITIVE_INFINITY
    : apart <= bound
      ? apart / bound
      : apart / Math.max(bound, 5e-324);
}
