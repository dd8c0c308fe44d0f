/** How errors spread over an output: what the report draws. */
import { FLAT, type Levels, levelsOf, WEAK } from '../../reference/levels.ts';
import type { OutputErrors } from '../failure.ts';
import type { TimeCell } from './hypotheses.ts';
import type { Layout } from './layout.ts';
import type { Edges, Profile } from './localisation.ts';

/** The index along one axis of a row-major place. */
export function alongAxis(shape: readonly number[], axis: number): (at: number) => number {
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
  return (at) => Math.floor(at / inner) % shape[axis];
}

type Bin = Profile['histogram'][number]['decade'];

/** Decades have their upper end: exactly the bound is right. */
function binOf(ratio: number, actual: number): Bin {
  if (ratio === 0) return null;
  if (!Number.isFinite(ratio)) return Number.isFinite(actual) ? 'over' : 'no number';
  return Math.min(Math.max(Math.ceil(Math.log10(ratio)) - 1, -6), 15);
}

function histogramOf({ ratio, actual }: OutputErrors): Profile['histogram'] {
  const counts = new Map<Bin, number>();
  ratio.forEach((each, at) => {
    const bin = binOf(each, actual[at]);
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  });
  const order = (bin: Bin): number => {
    if (typeof bin === 'number') return bin;
    return bin === null ? -99 : bin === 'over' ? 98 : 99;
  };
  return [...counts].map(([decade, count]) => ({ decade, count })).sort((a, b) => order(a.decade) - order(b.decade));
}

const levelsIn = ({ c, hasLevels }: Layout): Levels => (hasLevels ? levelsOf(c.structure ?? WEAK) : FLAT);

/** Position in its own sequence, the ones before the call counted. */
const positionOf = ({ before, index }: TimeCell): number => before + index;

/** Shares by level: of an output's own levels, else of those that its queries read. */
function levelsFor({ axes, shape, ratio }: OutputErrors, layout: Layout): Profile['byLevel'] {
  if (!layout.hasLevels) return [];
  const rows = Array.from({ length: layout.L }, (_, level) => ({ level, wrong: 0, total: 0, worst: 0 }));
  const count = (level: number, each: number): void => {
    const row = rows[level];
    if (!row) return;
    row.total++;
    if (!(each <= 1)) row.wrong++;
    row.worst = Math.max(row.worst, each);
  };
  const own = axes.indexOf('L');
  if (own >= 0) {
    const level = alongAxis(shape, own);
    ratio.forEach((each, at) => {
      count(level(at), each);
    });
  } else if (axes.startsWith('BT')) {
    const [b, t] = [alongAxis(shape, 0), alongAxis(shape, 1)];
    const levels = levelsIn(layout);
    const read = new Map<number, number[]>();
    ratio.forEach((each, at) => {
      const position = positionOf(layout.cells[b(at)][t(at)]);
      const known = read.get(position) ?? [...new Set(levels.partition(position).map(({ level }) => level))];
      read.set(position, known);
      for (const level of known) count(level, each);
    });
  }
  return rows.filter(({ total }) => total > 0);
}

/** Of one row: chunks and levels begin anew in each packed sequence. */
function edgesOf(cells: readonly TimeCell[], layout: Layout): Omit<Edges, 'rows'> {
  const levels = levelsIn(layout);
  const all = cells.map((cell, at) => ({ at, position: positionOf(cell) }));
  return {
    chunks: all.filter(({ position }) => position % layout.chunkSize === 0).map(({ at }) => at),
    levels: all
      .filter(({ position }) => position > 0 && levels.count(position + 1) > levels.count(position))
      .map(({ at, position }) => ({ at, level: levels.count(position + 1) - 1 })),
  };
}

/** Rows that begin at the same position are told of together. */
function edgesByRows(layout: Layout): Edges[] {
  const groups = new Map<number, Edges>();
  layout.cells.forEach((cells, row) => {
    const before = cells[0]?.before ?? 0;
    const known = groups.get(before);
    if (known) known.rows.push(row);
    else groups.set(before, { rows: [row], ...edgesOf(cells, layout) });
  });
  return [...groups.values()];
}

const sorted = (places: readonly number[]): number[] => [...new Set(places)].sort((a, b) => a - b);

/** The worst ratio at each position. */
function overTime({ axes, shape, ratio }: OutputErrors): number[] {
  const axis = axes.indexOf('T');
  if (axis < 0) return [];
  const t = alongAxis(shape, axis);
  const worst = new Array<number>(shape[axis]).fill(0);
  ratio.forEach((each, at) => {
    worst[t(at)] = Math.max(worst[t(at)], each);
  });
  return worst;
}

/** The profile of one output. */
export function profileOf(errors: OutputErrors, layout: Layout): Profile {
  const edges = errors.axes.includes('T') ? edgesByRows(layout) : [];
  return {
    byPosition: overTime(errors),
    chunkEdges: sorted(edges.flatMap(({ chunks }) => chunks)),
    levelBoundaries: sorted(edges.flatMap(({ levels }) => levels.map(({ at }) => at))),
    edges,
    histogram: histogramOf(errors),
    byLevel: levelsFor(errors, layout),
  };
}
