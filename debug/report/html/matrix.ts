/** P as it is, as it was recovered, and their difference: a square each, a query a row. */
import * as Plot from '@observablehq/plot';
import { type Markup, markup } from '../../../gate/reports/markup.ts';
import type { Levels } from '../../../reference/levels.ts';
import { numberText, ratioText } from '../../minimise/print.ts';
import type { ProbedLevels, ProbedMatrix } from '../../probe/probed.ts';
import { binned, pairRatio } from '../shades.ts';
import { figure, levelColor } from './svg.ts';

/** Rows of a square; of more, each shows several. */
const MOST_ROWS = 40;
const SIDE = 340;

interface Cell {
  t: number;
  s: number;
  /** As it is; -1 after the query. */
  level: number;
  /** At which the implementation reads the pair, where that is known; below 0 at none, or several. */
  readAt: number;
  truth: number;
  actual: number;
  ratio: number;
}

/** Of the pairs that share a cell the one that is farthest off, then the largest. */
function cellsOf(P: ProbedMatrix, levelMap: ProbedLevels | null, levels: Levels, each: number): Cell[] {
  const { truth, actual, bound, row, head } = P;
  const map = levelMap?.row === row && levelMap.head === head ? levelMap.actual : null;
  const cells = new Map<string, Cell>();
  for (let t = 0; t < truth.length; t++) {
    for (let s = 0; s < truth.length; s++) {
      const ratio = pairRatio(actual[t][s], truth[t][s], bound[t][s]);
      if (s > t && !(ratio > 1)) continue;
      const level = s > t ? -1 : levels.level(t, s);
      const cell = { t, s, level, readAt: map?.[t]?.[s] ?? level, truth: truth[t][s], actual: actual[t][s], ratio };
      const key = `${Math.floor(t / each)} ${Math.floor(s / each)}`;
      const before = cells.get(key);
      const isWorse =
        !before || ratio > before.ratio || (ratio === before.ratio && Math.abs(cell.truth) > Math.abs(before.truth));
      if (isWorse) cells.set(key, cell);
    }
  }
  return [...cells.values()];
}

const readText = ({ level, readAt }: Cell): string => {
  if (level < 0) return ', the future';
  return readAt === level ? `, level ${level}` : `, level ${level}, read at ${readAt < 0 ? 'none or several' : readAt}`;
};

const said = (cell: Cell): string => {
  const { t, s, truth, actual, ratio } = cell;
  const numbers = `${numberText(truth)} is right, ${numberText(actual)} found, ${ratioText(ratio)} times the bound`;
  return `query ${t}, key ${s}${readText(cell)}: ${numbers}`;
};

function square(title: string, label: string, size: number, each: number, marks: Plot.Markish[], more: object): Markup {
  const domain = Array.from({ length: Math.ceil(size / each) }, (_, i) => i * each);
  const ticks = domain.filter((_, i) => i % Math.ceil(domain.length / 8) === 0);
  return figure(title, label, {
    width: SIDE,
    height: SIDE,
    marginLeft: 36,
    marginTop: 8,
    marginBottom: 34,
    padding: 0,
    x: { domain, ticks, label: 'key s', tickSize: 0 },
    y: { domain, ticks, label: 'query t', tickSize: 0 },
    marks,
    ...more,
  });
}

/** Decades of the scale of differences. */
const MOST_DECADES = 16;

export function matricesOf(P: ProbedMatrix, levelMap: ProbedLevels | null, levels: Levels): Markup {
  const size = P.truth.length;
  const each = binned(size, MOST_ROWS);
  const cells = cellsOf(P, levelMap, levels, each);
  const at = { x: ({ s }: Cell) => s - (s % each), y: ({ t }: Cell) => t - (t % each), inset: 0.5, title: said };
  const largest = (of: (cell: Cell) => number): number =>
    cells.reduce((most, cell) => (Number.isFinite(of(cell)) ? Math.max(most, Math.abs(of(cell))) : most), 0);
  // a small entry is pale, and none is lost
  const strength = (value: number, most: number): number => {
    if (!Number.isFinite(value)) return 1;
    return value === 0 ? 0.06 : 0.35 + 0.65 * Math.sqrt(Math.abs(value) / (most || 1));
  };
  const fill = (level: number): string => (level < 0 ? 'var(--quiet)' : levelColor(level));
  const wrong = cells.filter(({ ratio }) => ratio > 1);
  const outline = Plot.cell(wrong, { ...at, fill: 'none', stroke: 'currentColor', strokeWidth: 1.5 });
  const values = (of: (cell: Cell) => number, levelOf: (cell: Cell) => number): Plot.Markish => {
    const most = largest(of);
    return Plot.cell(cells, {
      ...at,
      fill: (cell: Cell) => fill(levelOf(cell)),
      fillOpacity: (cell: Cell) => strength(of(cell), most),
    });
  };
  const decades = (ratio: number): number => Math.min(MOST_DECADES, Math.log10(Math.min(ratio, 1e300)));
  const used = [...new Set(cells.flatMap(({ level, readAt }) => [level, readAt]))]
    .filter((level) => level >= 0)
    .sort((a, b) => a - b);
  const note = each > 1 ? `Each cell is ${each} × ${each} pairs: the one that is farthest off. ` : '';
  return markup`
<p class="small quiet">Row ${P.row}, head ${P.head}. ${note}A stronger colour is a larger entry, an outline is a wrong one; point at a cell for its numbers.</p>
<ul class="levels" aria-label="colours of levels">${used.map((level) => markup`<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill="${levelColor(level)}"/></svg> level ${level}</li>`)}</ul>
<div class="plots">
${square(
  'P as it is',
  `The true matrix P, ${size} by ${size}, coloured by level.`,
  size,
  each,
  [
    values(
      ({ truth }) => truth,
      ({ level }) => level,
    ),
  ],
  {},
)}
${square(
  'P as it was recovered, coloured by the level at which it reads',
  `The matrix that the implementation uses: ${P.wrong} entries are wrong.`,
  size,
  each,
  [
    values(
      ({ actual }) => actual,
      ({ readAt }) => readAt,
    ),
    outline,
  ],
  {},
)}
${square(
  'their difference: from blue to yellow, ever more bounds apart',
  `Where the two differ: ${P.set ?? 'no simple set'}.`,
  size,
  each,
  [
    Plot.cell(cells, { ...at, fill: 'currentColor', fillOpacity: 0.08 }),
    Plot.cell(wrong, { ...at, fill: ({ ratio }: Cell) => decades(ratio) }),
  ],
  { color: { type: 'linear', scheme: 'viridis', domain: [-4, MOST_DECADES] } },
)}
</div>`;
}
