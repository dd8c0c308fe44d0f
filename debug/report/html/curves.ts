/** How far off an output is: over the position, by decades of the bound, by level, and element by element. */
import * as Plot from '@observablehq/plot';
import { type Markup, markup } from '../../../gate/reports/markup.ts';
import { unravel } from '../../../properties/compare.ts';
import type { OutputErrors } from '../../failure.ts';
import type { Located, Profile } from '../../localise/localisation.ts';
import { ratioText } from '../../minimise/print.ts';
import { binned } from '../shades.ts';
import { figure, levelColor } from './svg.ts';

const WIDTH = 720;
/** What is below counts as this on a logarithmic scale; what is above as that. */
const LEAST = 1e-3;
const MOST = 1e18;

const clamped = (ratio: number): number => Math.min(MOST, Math.max(LEAST, Number.isNaN(ratio) ? MOST : ratio));
const colour = (ratio: number): string => (ratio <= 1 ? 'var(--holds)' : 'var(--broken)');
const decade = (value: number): string => (value === 1 ? 'bound' : `10^${Math.round(Math.log10(value))}`);

export function overPosition(name: string, { byPosition, chunkEdges, levelBoundaries }: Profile): Markup | null {
  if (byPosition.length < 2) return null;
  const points = byPosition.map((ratio, t) => ({ t, ratio, y: clamped(ratio) }));
  const top = 10 * points.reduce((most, { y }) => Math.max(most, y), 1);
  const firstWrong = byPosition.findIndex((ratio) => !(ratio <= 1));
  return figure(
    `${name}: worst error at each position, in units of the bound`,
    `The first wrong position is ${firstWrong < 0 ? 'none' : firstWrong} of ${byPosition.length}. Chunks begin at ${chunkEdges.join(', ') || 'no position'}.`,
    {
      width: WIDTH,
      height: 240,
      marginLeft: 56,
      x: { domain: [-0.5, byPosition.length - 0.5], label: 'position t' },
      y: { type: 'log', domain: [LEAST, top], label: null, tickFormat: decade, ticks: 6 },
      marks: [
        Plot.ruleX(levelBoundaries, { stroke: 'var(--known)', strokeDasharray: '1,3', strokeWidth: 1.5 }),
        Plot.ruleX(chunkEdges, { stroke: 'var(--quiet)', strokeDasharray: '6,3' }),
        Plot.ruleY([1], { stroke: 'var(--broken)', strokeWidth: 1.5 }),
        Plot.lineY(points, { x: 't', y: 'y', stroke: 'var(--quiet)', strokeWidth: 1 }),
        Plot.dot(points, {
          x: 't',
          y: 'y',
          r: 3.5,
          symbol: ({ ratio }: { ratio: number }) => (ratio <= 1 ? 'circle' : 'times'),
          fill: ({ ratio }: { ratio: number }) => (ratio <= 1 ? colour(ratio) : 'none'),
          stroke: ({ ratio }: { ratio: number }) => colour(ratio),
          title: ({ t, ratio }: { t: number; ratio: number }) => `position ${t}: ${ratioText(ratio)} times the bound`,
        }),
      ],
      symbol: { legend: false, type: 'identity' } as Plot.ScaleOptions,
    },
  );
}

export function histogram(name: string, { histogram: bars }: Profile): Markup | null {
  if (bars.length === 0) return null;
  const called = (at: number | null | 'over'): string => {
    if (at === null) return 'exact';
    return at === 'over' ? 'not a number' : `10^${at}`;
  };
  const isOver = (at: number | null | 'over'): boolean => at === 'over' || (at !== null && at >= 0);
  const rows = bars.map(({ decade: at, count }) => ({ at: called(at), count, isWrong: isOver(at) }));
  const wrong = rows.filter(({ isWrong }) => isWrong).reduce((sum, { count }) => sum + count, 0);
  return figure(
    `${name}: elements by how far off they are, from that many bounds to ten times as many`,
    `${wrong} elements are beyond their bound.`,
    {
      width: WIDTH / 2,
      height: 220,
      marginBottom: 40,
      marginLeft: 48,
      x: { domain: rows.map(({ at }) => at), label: null, tickRotate: rows.length > 8 ? -40 : 0 },
      y: { label: 'elements', grid: true },
      marks: [
        Plot.barY(rows, {
          x: 'at',
          y: 'count',
          fill: ({ isWrong }: { isWrong: boolean }) => (isWrong ? 'var(--broken)' : 'var(--holds)'),
          title: ({ at, count }: { at: string; count: number }) => `${at}: ${count} elements`,
        }),
        Plot.ruleY([0]),
      ],
    },
  );
}

export function byLevel(name: string, { byLevel: levels }: Profile): Markup | null {
  const rows = levels.filter(({ total }) => total > 0);
  if (rows.length === 0) return null;
  return figure(
    `${name}: wrong elements of those that a level has a part in`,
    rows.map(({ level, wrong, total }) => `level ${level}: ${wrong} of ${total}`).join('; '),
    {
      width: WIDTH / 2,
      height: 220,
      marginBottom: 40,
      marginLeft: 48,
      x: { domain: rows.map(({ level }) => level), label: 'level' },
      y: { domain: [0, 100], label: 'wrong, %', grid: true },
      marks: [
        Plot.barY(rows, {
          x: 'level',
          y: ({ wrong, total }: { wrong: number; total: number }) => (100 * wrong) / total,
          fill: ({ level }: { level: number }) => levelColor(level),
          title: ({ level, wrong, total, worst }: Profile['byLevel'][number]) =>
            `level ${level}: ${wrong} of ${total} wrong, the worst ${ratioText(worst)} times the bound`,
        }),
        Plot.ruleY([0]),
      ],
    },
  );
}

const MOST_COLUMNS = 96;
const MOST_LINES = 48;

/** Every element: the position along, everything else down. */
export function elementsOf({ name, axes, shape, ratio }: OutputErrors): Markup | null {
  const along = axes.indexOf('T');
  if (along < 0 || shape[along] < 2) return null;
  const others = [...axes].map((_, axis) => axis).filter((axis) => axis !== along);
  const lines = others.reduce((product, axis) => product * shape[axis], 1);
  const [wide, high] = [binned(shape[along], MOST_COLUMNS), binned(lines, MOST_LINES)];
  const cells = new Map<string, { x: number; y: number; ratio: number; place: string }>();
  for (let at = 0; at < ratio.length; at++) {
    const index = unravel(at, shape);
    const line = others.reduce((place, axis) => place * shape[axis] + index[axis], 0);
    const [x, y] = [Math.floor(index[along] / wide) * wide, Math.floor(line / high) * high];
    const key = `${x} ${y}`;
    const before = cells.get(key);
    if (!before || ratio[at] > before.ratio) cells.set(key, { x, y, ratio: ratio[at], place: `${name}[${index}]` });
  }
  const all = [...cells.values()];
  const wrong = all.filter((cell) => !(cell.ratio <= 1));
  const columns = Math.ceil(shape[along] / wide);
  const rows = Math.ceil(lines / high);
  const letters = others.map((axis) => axes[axis]).join(', ');
  const at = { x: 'x', y: 'y', inset: rows * columns > 2000 ? 0 : 0.5 };
  return markup`${figure(
    `${name}: every element${wide * high > 1 ? `, the worst of each ${wide} × ${high}` : ''}; grey is right, from blue to yellow ever more bounds off`,
    `${wrong.length} of ${all.length} cells have wrong elements.`,
    {
      width: WIDTH,
      height: Math.min(420, Math.max(110, 60 + rows * 12)),
      marginLeft: 56,
      marginBottom: 34,
      padding: 0,
      x: {
        domain: Array.from({ length: columns }, (_, i) => i * wide),
        ticks: Array.from({ length: columns }, (_, i) => i * wide).filter((_, i) => i % Math.ceil(columns / 12) === 0),
        label: 'position t',
        tickSize: 0,
      },
      y: {
        domain: Array.from({ length: rows }, (_, i) => i * high),
        ticks: Array.from({ length: rows }, (_, i) => i * high).filter((_, i) => i % Math.ceil(rows / 6) === 0),
        label: letters,
        tickSize: 0,
      },
      color: { type: 'linear', scheme: 'viridis', domain: [-4, 16] },
      marks: [
        Plot.cell(all, { ...at, fill: 'currentColor', fillOpacity: 0.08 }),
        Plot.cell(wrong, {
          ...at,
          fill: (cell: { ratio: number }) => Math.log10(clamped(cell.ratio)),
          title: (cell: { ratio: number; place: string }) => `${cell.place}: ${ratioText(cell.ratio)} times the bound`,
        }),
      ],
    },
  )}`;
}

/** Of one output: all that there is to see. */
export const curvesOf = ({ name, profile }: Located, errors: OutputErrors | undefined): Markup => markup`
${overPosition(name, profile)}
${profile.byPosition.length < 2 ? null : markup`<p class="small quiet">Crosses are wrong. Dashed lines: chunks begin. Dotted lines: a further level is read from there on. The full line is the bound.</p>`}
${errors ? elementsOf(errors) : null}
<div class="plots">${histogram(name, profile)}${byLevel(name, profile)}</div>`;
