/** How errors spread over an output: what the report draws. */
import { FLAT, levelsOf, WEAK } from '../../reference/levels.ts';
import type { OutputErrors } from '../failure.ts';
import type { Layout } from './layout.ts';
import type { Profile } from './localisation.ts';

/** The index along one axis of a row-major place. */
export function alongAxis(shape: readonly number[], axis: number): (at: number) => number {
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
  return (at) => Math.floor(at / inner) % shape[axis];
}

function histogramOf(ratio: Float64Array): Profile['histogram'] {
  const counts = new Map<number | null | 'over', number>();
  for (const each of ratio) {
    const isNumber = Number.isFinite(each);
    const key = !isNumber ? 'over' : each === 0 ? null : Math.min(Math.max(Math.floor(Math.log10(each)), -6), 15);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const order = (key: number | null | 'over'): number => (key === null ? -99 : key === 'over' ? 99 : key);
  return [...counts].map(([decade, count]) => ({ decade, count })).sort((a, b) => order(a.decade) - order(b.decade));
}

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
    const levels = layout.hasLevels ? levelsOf(layout.c.structure ?? WEAK) : FLAT;
    const read = new Map<number, number[]>();
    ratio.forEach((each, at) => {
      const cell = layout.cells[b(at)][t(at)];
      const position = cell.before + cell.index;
      const known = read.get(position) ?? [...new Set(levels.partition(position).map(({ level }) => level))];
      read.set(position, known);
      for (const level of known) count(level, each);
    });
  }
  return rows.filter(({ total }) => total > 0);
}

/** The profile of one output. */
export function profileOf(errors: OutputErrors, layout: Layout): Profile {
  const axis = errors.axes.indexOf('T');
  const byPosition: number[] = [];
  if (axis >= 0) {
    const t = alongAxis(errors.shape, axis);
    byPosition.push(...new Array<number>(errors.shape[axis]).fill(0));
    errors.ratio.forEach((each, at) => {
      byPosition[t(at)] = Math.max(byPosition[t(at)], each);
    });
  }
  const cells = axis >= 0 ? layout.cells[0] : [];
  const positionOf = (at: number): number => cells[at].before + cells[at].index;
  const where = (holds: (position: number) => boolean): number[] =>
    cells.map((_, at) => at).filter((at) => holds(positionOf(at)));
  return {
    byPosition,
    chunkEdges: where((position) => position % layout.chunkSize === 0),
    levelBoundaries: layout.hasLevels ? where((position) => position > 0 && (position & (position - 1)) === 0) : [],
    histogram: histogramOf(errors.ratio),
    byLevel: levelsFor(errors, layout),
  };
}
