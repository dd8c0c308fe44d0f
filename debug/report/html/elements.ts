/** Every element of an output: the position along, everything else down. */
import * as Plot from '@observablehq/plot';
import type { Markup } from '../../../gate/reports/markup.ts';
import { unravel } from '../../../properties/compare.ts';
import type { OutputErrors } from '../../failure.ts';
import { ratioText } from '../../minimise/print.ts';
import { binned } from '../shades.ts';
import { differences, type Grid, type GridCell, gridFigure, isOff, ramp, scaleFor, thinned } from './grid.ts';

const WIDTH = 720;
const MOST_COLUMNS = 96;
const MOST_LINES = 48;
const MOST_HEIGHT = 420;

const NOUNS: Record<string, string> = { B: 'row', H: 'head', G: 'group', K: 'k', V: 'v', L: 'level' };

/** Axes other than time, of which those of size 1 need no name. */
interface Lines {
  axes: string[];
  sizes: number[];
  count: number;
}

function linesOf({ axes, shape }: OutputErrors): Lines {
  const others = [...axes].map((letter, i) => ({ letter, size: shape[i] })).filter(({ letter }) => letter !== 'T');
  const sizes = others.map(({ size }) => size);
  return { axes: others.map(({ letter }) => letter), sizes, count: sizes.reduce((product, size) => product * size, 1) };
}

/** Lines that share a row of cells: as many as are needed, and no more than whole heads of them. */
function sharedLines({ sizes, count }: Lines): number {
  const last = sizes.at(-1) ?? 1;
  const least = binned(count, MOST_LINES);
  const divides = (each: number): boolean => last % each === 0 || each % last === 0;
  for (let each = least; each < count; each++) if (divides(each)) return each;
  return count;
}

/** "head 2, v 1", "head 2, v 8 to 15", "head 2". */
export function lineWords({ axes, sizes }: Pick<Lines, 'axes' | 'sizes'>, first: number, last: number): string {
  const [from, to] = [unravel(first, sizes), unravel(last, sizes)];
  const named = axes.map((_, i) => i).filter((i) => sizes[i] > 1);
  const one = (index: readonly number[], i: number): string => `${NOUNS[axes[i]] ?? axes[i]} ${index[i]}`;
  const differs = named.findIndex((i) => from[i] !== to[i]);
  if (differs < 0) return named.map((i) => one(from, i)).join(', ');
  const common = named.slice(0, differs).map((i) => one(from, i));
  const rest = named.slice(differs);
  const isWhole = rest.every((i) => from[i] === 0 && to[i] === sizes[i] - 1);
  if (isWhole && common.length > 0) return common.join(', ');
  return [...common, `${one(from, rest[0])} to ${to[rest[0]]}`].join(', ');
}

/** The worst of the elements that share a cell. */
function cellsOf({ name, axes, shape, ratio }: OutputErrors, wide: number, high: number): GridCell[] {
  const along = axes.indexOf('T');
  const cells = new Map<string, { row: number; column: number; ratio: number; place: readonly number[] }>();
  for (let at = 0; at < ratio.length; at++) {
    const place = unravel(at, shape);
    const line = place.reduce((sum, each, axis) => (axis === along ? sum : sum * shape[axis] + each), 0);
    const [row, column] = [Math.floor(line / high), Math.floor(place[along] / wide)];
    const before = cells.get(`${row} ${column}`);
    if (!before || ratio[at] > before.ratio) cells.set(`${row} ${column}`, { row, column, ratio: ratio[at], place });
  }
  return [...cells.values()].map(({ place, ...cell }) => ({
    ...cell,
    said: `${name}[${place}]: ${ratioText(cell.ratio)} times the bound`,
  }));
}

/** Lines between batch rows, heads and groups, where there are several and they have channels. */
function edgesOf({ axes, sizes }: Lines, high: number, rows: number): number[] {
  const last = axes.length - 1;
  const each = (sizes[last] ?? 1) / high;
  if (last < 1 || each <= 1) return [];
  return Array.from({ length: Math.ceil(rows / each) - 1 }, (_, i) => (i + 1) * each);
}

export function elementsOf(errors: OutputErrors): Markup | null {
  const { name, axes, shape } = errors;
  const along = axes.indexOf('T');
  if (along < 0 || shape[along] < 2) return null;
  const lines = linesOf(errors);
  const [wide, high] = [binned(shape[along], MOST_COLUMNS), sharedLines(lines)];
  const [rows, columns] = [Math.ceil(lines.count / high), Math.ceil(shape[along] / wide)];
  const cells = cellsOf(errors, wide, high);
  const height = Math.min(22, Math.max(4, Math.min(12 + 24 / rows, MOST_HEIGHT / rows)));
  const labels = Array.from({ length: rows }, (_, row) =>
    lineWords(lines, row * high, Math.min((row + 1) * high, lines.count) - 1),
  );
  const edges = edgesOf(lines, high, rows);
  const room = Math.floor((rows * height) / 11);
  // where not every line can be named, the first of each head is
  const starts = labels.map((label, row) => (row === 0 || edges.includes(row) ? label : ''));
  const rowLabels =
    labels.length <= room ? labels : edges.length > 0 && edges.length < room ? starts : thinned(labels, room);
  const marginLeft = Math.min(190, 16 + 6.3 * rowLabels.reduce((most, { length }) => Math.max(most, length), 0));
  const grid: Grid = {
    rows,
    columns,
    width: Math.min(28, (WIDTH - marginLeft - 10) / columns),
    height,
    rowLabels,
    columnLabels: thinned(
      Array.from({ length: columns }, (_, i) => String(i * wide)),
      16,
    ),
    x: 'position t',
    y: null,
    marginLeft,
  };
  const scale = scaleFor(cells);
  const shared = [high > 1 ? `${high} lines` : '', wide > 1 ? `${wide} positions` : ''].filter(Boolean).join(' × ');
  return gridFigure(
    `${name}: every element${shared === '' ? '' : `, the worst of each ${shared}`}; what is wrong is coloured, with a line around it`,
    `${cells.filter(isOff).length} of ${cells.length} cells have wrong elements.`,
    grid,
    [
      ...differences(cells, Math.min(grid.width, height)),
      Plot.ruleY(edges, { stroke: 'var(--quiet)', strokeDasharray: '2,2' }),
    ],
    { scale, below: ramp(scale) },
  );
}
