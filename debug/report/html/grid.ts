/** Cells in rows and columns: their frame, a line around those that are wrong, and colours for how far off they are. */
import * as Plot from '@observablehq/plot';
import { type Markup, markup } from '../../../gate/reports/markup.ts';
import { figure, svgOf } from './svg.ts';

/** What is farther off than this many bounds is past every bound: there the bound is all but 0. */
const MOST = 1e18;

export interface GridCell {
  row: number;
  column: number;
  /** In bounds. */
  ratio: number;
  /** All there is to say of it. */
  said: string;
}

export interface Grid {
  rows: number;
  columns: number;
  /** Of a cell, in pixels. */
  width: number;
  height: number;
  /** What stands at each row and column; nothing where there is no room. */
  rowLabels: readonly string[];
  columnLabels: readonly string[];
  x: string | null;
  y: string | null;
  marginLeft: number;
}

const MARGIN = { top: 8, right: 10, bottom: 34 };

/** Every so manieth of the labels, that they do not overlap. */
export const thinned = (labels: readonly string[], most: number): string[] =>
  labels.map((label, i) => (i % Math.ceil(labels.length / most) === 0 ? label : ''));

export const isOff = ({ ratio }: { ratio: number }): boolean => !(ratio <= 1);
const isBeyond = ({ ratio }: { ratio: number }): boolean => !(ratio < MOST);

function axisOf(size: number, labels: readonly string[], label: string | null): Plot.ScaleOptions {
  const ticks = [...labels.keys()].filter((i) => labels[i] !== '').map((i) => i + 0.5);
  const tickFormat = (at: number): string => labels[Math.floor(at)];
  return { domain: [0, size], ticks, tickFormat, label, tickSize: 0, labelArrow: 'none' } as Plot.ScaleOptions;
}

export function gridFigure(
  title: string,
  label: string,
  grid: Grid,
  marks: Plot.Markish[],
  more: { scale?: Scale; below?: Markup | null } = {},
): Markup {
  const { rows, columns, width, height, marginLeft } = grid;
  const y = axisOf(rows, grid.rowLabels, grid.y);
  const options: Plot.PlotOptions = {
    width: Math.round(marginLeft + columns * width + MARGIN.right),
    height: Math.round(MARGIN.top + rows * height + MARGIN.bottom),
    marginLeft,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    x: axisOf(columns, grid.columnLabels, grid.x),
    y: { ...y, domain: [rows, 0], labelAnchor: 'center' },
    r: { type: 'identity' },
    marks,
    ...(more.scale ? { color: colorOf(more.scale) } : {}),
  };
  return figure(title, label, options, more.below ?? null);
}

/** The middle of a cell. */
export const middle = {
  x: ({ column }: GridCell) => column + 0.5,
  y: ({ row }: GridCell) => row + 0.5,
  title: ({ said }: GridCell) => said,
};

const whole = (inset: number) => ({
  x1: ({ column }: GridCell) => column,
  x2: ({ column }: GridCell) => column + 1,
  y1: ({ row }: GridCell) => row,
  y2: ({ row }: GridCell) => row + 1,
  title: ({ said }: GridCell) => said,
  inset,
});

type Segment = [x1: number, y1: number, x2: number, y2: number];

/** Sides of cells on which the set ends. */
export function borderOf(cells: readonly { row: number; column: number }[]): Segment[] {
  const key = (row: number, column: number): string => `${row} ${column}`;
  const inside = new Set(cells.map(({ row, column }) => key(row, column)));
  return cells.flatMap(({ row, column }) => {
    const sides: [isOpen: boolean, side: Segment][] = [
      [!inside.has(key(row - 1, column)), [column, row, column + 1, row]],
      [!inside.has(key(row + 1, column)), [column, row + 1, column + 1, row + 1]],
      [!inside.has(key(row, column - 1)), [column, row, column, row + 1]],
      [!inside.has(key(row, column + 1)), [column + 1, row, column + 1, row + 1]],
    ];
    return sides.filter(([isOpen]) => isOpen).map(([, side]) => side);
  });
}

/** A line around what is wrong. */
export const outlineOf = (cells: readonly GridCell[]): Plot.Markish =>
  Plot.link(borderOf(cells.filter(isOff)), {
    x1: ([x1]: Segment) => x1,
    y1: ([, y1]: Segment) => y1,
    x2: ([, , x2]: Segment) => x2,
    y2: ([, , , y2]: Segment) => y2,
    stroke: 'currentColor',
    strokeWidth: 1.5,
    strokeLinecap: 'square',
  });

/** Colours for how far off: from the bound up to the decade that the worst is in. */
export interface Scale {
  decades: number;
  /** Whether anything is past every bound, and whether anything is not. */
  hasBeyond: boolean;
  hasFinite: boolean;
}

export function scaleFor(cells: readonly { ratio: number }[]): Scale {
  const wrong = cells.filter(isOff);
  const finite = wrong.filter((cell) => !isBeyond(cell));
  const most = finite.reduce((worst, { ratio }) => Math.max(worst, ratio), 1);
  return {
    decades: Math.max(1, Math.ceil(Math.log10(most))),
    hasBeyond: finite.length < wrong.length,
    hasFinite: finite.length > 0,
  };
}

const colorOf = ({ decades }: Scale): Plot.ScaleOptions => ({
  type: 'linear',
  scheme: 'viridis',
  domain: [0, decades],
});

/** What is right in grey, what is wrong by how far off it is. */
export function differences(cells: readonly GridCell[], size: number): Plot.Markish[] {
  const at = whole(size < 6 ? 0 : 0.5);
  const wrong = cells.filter(isOff);
  return [
    Plot.rect(
      cells.filter((cell) => !isOff(cell)),
      { ...at, fill: 'currentColor', fillOpacity: 0.12 },
    ),
    Plot.rect(
      wrong.filter((cell) => !isBeyond(cell)),
      { ...at, fill: ({ ratio }: GridCell) => Math.log10(ratio) },
    ),
    Plot.rect(wrong.filter(isBeyond), { ...at, fill: 'var(--broken)' }),
    outlineOf(cells),
  ];
}

const STEPS = 28;
const power = (at: number): string => (at === 0 ? '1' : `10^${at}`);

/** The scale itself, with the bounds that its colours stand for. */
export function ramp(scale: Scale): Markup {
  const { decades, hasBeyond, hasFinite } = scale;
  const step = decades / STEPS;
  const every = Math.ceil(decades / 5);
  const colours = svgOf({
    width: 260,
    height: 36,
    marginLeft: 12,
    marginRight: 20,
    marginTop: 2,
    marginBottom: 24,
    x: {
      domain: [0, decades],
      ticks: Array.from({ length: decades + 1 }, (_, i) => i).filter((i) => i % every === 0),
      tickFormat: power,
      tickSize: 3,
      label: null,
    },
    y: { axis: null, domain: [0, 1] },
    color: colorOf(scale),
    marks: [
      Plot.rect(
        Array.from({ length: STEPS }, (_, i) => i * step),
        {
          x1: (from: number) => from,
          x2: (from: number) => from + step,
          y1: 0,
          y2: 1,
          fill: (from: number) => from + step / 2,
          insetLeft: -0.3,
          insetRight: -0.3,
        },
      ),
      Plot.axisX({
        ticks: Array.from({ length: decades + 1 }, (_, i) => i).filter((i) => i % every === 0),
        tickFormat: power,
        tickSize: 3,
        label: null,
      }),
    ],
  });
  const beyond = markup`<span><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill="var(--broken)"/></svg> past every bound: no number, or exactly 0 is asked</span>`;
  return markup`<div class="ramp">${hasFinite ? markup`<span>bounds off</span>${colours}` : null}${hasBeyond ? beyond : null}</div>`;
}
