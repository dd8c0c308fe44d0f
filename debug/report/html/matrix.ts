/** A matrix as it is, as it was recovered, and their difference: a square each, a query a row. P has levels, Jacobians have none. */
import * as Plot from '@observablehq/plot';
import { type Markup, markup } from '../../../gate/reports/markup.ts';
import { counted } from '../../../reference/tensor.ts';
import { numberText, ratioText } from '../../minimise/print.ts';
import type { ProbedJacobian, ProbedLevels, ProbedMatrix, Square } from '../../probe/probed.ts';
import { binned, pairRatio } from '../shades.ts';
import {
  differences,
  type Grid,
  type GridCell,
  gridFigure,
  isOff,
  middle,
  outlineOf,
  ramp,
  scaleFor,
  thinned,
} from './grid.ts';
import { levelColor, levelLegend, levelSymbol, levelWords, radiusOf } from './looks.ts';

/** Rows of a square; of more, each shows several. */
const MOST_ROWS = 48;
/** Of a square, in pixels. */
const SIDE = 296;
const WORST = 12;
const NO_LEVEL = -1;

interface Entry {
  t: number;
  /** A key's position; null where what is looked at has none. */
  s: number | null;
  /** As it is. 0 throughout where there are no levels; below 0 where nothing is to be read. */
  level: number;
  /** At which the implementation reads the pair, where that is known; below 0 at none, or several. */
  readAt: number;
  truth: number;
  actual: number;
  ratio: number;
}

type Cell = Entry & GridCell;

/** What the squares and the table say. */
interface Subject {
  entries: Entry[];
  hasLevels: boolean;
  queries: readonly number[];
  columns: number;
  /** What a column is: "key s". */
  column: string;
  said(entry: Entry): string;
}

const readText = ({ t, s, level, readAt }: Entry): string => {
  const own = level < 0 ? (t < (s ?? 0) ? 'the future' : 'another sequence') : levelWords(level);
  if (readAt === level) return `, ${own}`;
  return `, ${own}, read at ${readAt === -3 ? 'every scale' : levelWords(readAt).replace('level ', '')}`;
};

const numbersText = ({ truth, actual, ratio }: Entry): string =>
  `${numberText(truth)} is right, ${numberText(actual)} found, ${ratioText(ratio)} times the bound`;

function pairsOf(P: ProbedMatrix, levelMap: ProbedLevels | null, hasLevels: boolean): Subject {
  const { truth, actual, bound, levels, row, head } = P;
  const map = hasLevels && levelMap?.row === row && levelMap.head === head ? levelMap.actual : null;
  const entries = truth.flatMap((line, t) =>
    line.map((value, s): Entry => {
      const level = levels[t][s];
      const ratio = pairRatio(actual[t][s], value, bound[t][s]);
      return { t, s, level, readAt: map?.[t]?.[s] ?? level, truth: value, actual: actual[t][s], ratio };
    }),
  );
  return {
    entries,
    hasLevels,
    queries: truth.map((_, t) => t),
    columns: truth.length,
    column: 'key s',
    said: (entry) =>
      `query ${entry.t}, key ${entry.s}${hasLevels || entry.level < 0 ? readText(entry) : ''}: ${numbersText(entry)}`,
  };
}

function contributionsOf({ truth, actual, bound, queries }: ProbedJacobian, hasPositions: boolean): Subject {
  const ratioAt = (squares: readonly Square[], i: number, s: number): number => {
    const [a, e, b] = squares.map((square) => square[i][s]);
    return pairRatio(a, e, b);
  };
  const entries = queries.flatMap((t, i) =>
    truth[i].map((value, s): Entry => {
      const ratio = ratioAt([actual, truth, bound], i, s);
      const level = hasPositions && s > t ? NO_LEVEL : 0;
      return { t, s: hasPositions ? s : null, level, readAt: level, truth: value, actual: actual[i][s], ratio };
    }),
  );
  return {
    entries,
    hasLevels: false,
    queries,
    columns: truth[0]?.length ?? 0,
    column: 'position s',
    said: (entry) =>
      `query ${entry.t}${entry.s === null ? '' : `, position ${entry.s}`}${entry.level < 0 ? ', before the position' : ''}: ${numbersText(entry)}`,
  };
}

/** Of the pairs that share a cell the one that is farthest off, then the largest; none where nothing is read, rightly. */
function cellsOf({ entries, queries, said }: Subject, high: number, wide: number): Cell[] {
  const rowOf = new Map(queries.map((t, i) => [t, Math.floor(i / high)]));
  const cells = new Map<string, Cell>();
  for (const entry of entries) {
    if (entry.level < 0 && !isOff(entry)) continue;
    const [row, column] = [rowOf.get(entry.t) as number, Math.floor((entry.s ?? 0) / wide)];
    const before = cells.get(`${row} ${column}`);
    const isWorse =
      !before ||
      entry.ratio > before.ratio ||
      (entry.ratio === before.ratio && Math.abs(entry.truth) > Math.abs(before.truth));
    if (isWorse) cells.set(`${row} ${column}`, { ...entry, row, column, said: said(entry) });
  }
  return [...cells.values()];
}

function gridFor({ queries, columns, column, entries }: Subject, high: number, wide: number): Grid {
  const [rows, across] = [Math.ceil(queries.length / high), Math.ceil(columns / wide)];
  const size = Math.min(40, SIDE / Math.max(rows, across));
  const labels = (count: number, of: (i: number) => number): string[] =>
    thinned(
      Array.from({ length: count }, (_, i) => String(of(i))),
      Math.max(1, Math.floor((count * size) / 30)),
    );
  return {
    rows,
    columns: across,
    width: size,
    height: size,
    rowLabels: labels(rows, (i) => queries[i * high]),
    columnLabels: entries[0]?.s === null ? [] : labels(across, (i) => i * wide),
    x: entries[0]?.s === null ? null : column,
    y: 'query t',
    marginLeft: 40,
  };
}

/** A sign in each cell, the larger the larger the entry is; however small it is, its colour is as strong. */
function signs(cells: readonly Cell[], size: number, of: (cell: Cell) => number, levelOf: (cell: Cell) => number) {
  const magnitude = (cell: Cell): number => Math.abs(of(cell));
  const most = cells.reduce((max, cell) => (Number.isFinite(of(cell)) ? Math.max(max, magnitude(cell)) : max), 0) || 1;
  const share = (cell: Cell): number => (Number.isFinite(of(cell)) ? Math.sqrt(magnitude(cell) / most) : 1);
  const room = size - 1.5;
  const shown = cells.filter((cell) => of(cell) !== 0);
  const colour = (cell: Cell): string => levelColor(levelOf(cell));
  return [
    Plot.dot(
      cells.filter((cell) => of(cell) === 0),
      { ...middle, r: Math.min(1.2, size / 8), fill: 'var(--quiet)', stroke: 'none' },
    ),
    Plot.dot(shown, {
      ...middle,
      symbol: (cell: Cell) => levelSymbol(levelOf(cell)),
      r: (cell: Cell) => radiusOf(room * (0.4 + 0.6 * share(cell))),
      fill: colour,
      stroke: 'none',
    }),
  ];
}

/** Between two that are past every bound the larger difference is the worse; what is no number comes before all. */
function worstFirst(a: Entry, b: Entry): number {
  const apart = ({ truth, actual }: Entry): number => {
    const difference = Math.abs(actual - truth);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  };
  if (a.ratio !== b.ratio) return b.ratio - a.ratio;
  if (apart(a) !== apart(b)) return apart(b) - apart(a);
  return a.t - b.t || (a.s ?? 0) - (b.s ?? 0);
}

function worstTable({ entries, hasLevels, column }: Subject, name: string): Markup | null {
  const wrong = entries.filter(isOff).sort(worstFirst);
  if (wrong.length === 0) return null;
  const hasPositions = wrong[0].s !== null;
  const isMapped = wrong.some(({ level, readAt }) => level !== readAt);
  const heads = [
    'query t',
    ...(hasPositions ? [column] : []),
    ...(hasLevels ? ['level'] : []),
    ...(isMapped ? ['read at'] : []),
    'expected',
    'actual',
    'of the bound',
  ];
  const levelText = (level: number): string =>
    level === NO_LEVEL ? 'none' : level < 0 ? levelWords(level) : String(level);
  const row = ({ t, s, level, readAt, truth, actual, ratio }: Entry): Markup => {
    const before = [
      ...(hasPositions ? [String(s)] : []),
      ...(hasLevels ? [levelText(level)] : []),
      ...(isMapped ? [levelText(readAt)] : []),
      numberText(truth),
    ];
    return markup`<tr><th scope="row" class="number">${t}</th>${before.map((each) => markup`<td class="number">${each}</td>`)}<td class="number wrong">${numberText(actual)}</td><td class="number wrong">${ratioText(ratio)} ✗</td></tr>`;
  };
  const shown = wrong.slice(0, WORST);
  const title =
    shown.length < wrong.length
      ? `The worst ${shown.length} of ${wrong.length} wrong entries`
      : 'Wrong entries, the worst first';
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${`wrong entries of ${name}`}"><table class="lists elements worst-entries">
<caption>${title}</caption>
<thead><tr>${heads.map((head) => markup`<th scope="col" class="number">${head}</th>`)}</tr></thead>
<tbody>${shown.map(row)}</tbody></table></div>`;
}

const largerIsLarger = 'A larger sign is a larger entry, a dot is 0, and a line goes around what is wrong.';

/** @param name what it is called in captions, such as "P" */
function threeSquares(subject: Subject, name: string, intro: string, set: string | null): Markup {
  const { queries, columns, entries, hasLevels } = subject;
  const [high, wide] = [binned(queries.length, MOST_ROWS), binned(columns, MOST_ROWS)];
  const cells = cellsOf(subject, high, wide);
  const grid = gridFor(subject, high, wide);
  const used = [...new Set(cells.flatMap(({ level, readAt }) => [level, readAt]))].sort((a, b) =>
    a < 0 !== b < 0 ? b - a : Math.abs(a) - Math.abs(b),
  );
  const note = high * wide > 1 ? ` Each cell is ${high} × ${wide} pairs: the one that is farthest off.` : '';
  const scale = scaleFor(cells);
  const wrong = entries.filter(isOff).length;
  const bars = !hasLevels && used.includes(NO_LEVEL) ? ' A bar is what no query may read.' : '';
  const size = `${queries.length} by ${columns}`;
  return markup`
<p class="small quiet">${intro}${note} ${largerIsLarger}${bars}</p>
${hasLevels ? levelLegend(used) : null}
<div class="plots three">
${gridFigure(
  `${name} as it is`,
  `The true ${name}, ${size}${hasLevels ? ', signed by level' : ''}.`,
  grid,
  signs(
    cells,
    grid.width,
    ({ truth }) => truth,
    ({ level }) => level,
  ),
)}
${gridFigure(
  `${name} as it was recovered${hasLevels ? ', by the level at which it reads' : ''}`,
  `What the implementation has in its place: ${counted(wrong, 'entry is', 'entries are')} wrong.`,
  grid,
  [
    ...signs(
      cells,
      grid.width,
      ({ actual }) => actual,
      ({ readAt }) => readAt,
    ),
    outlineOf(cells),
  ],
)}
${gridFigure(
  'Their difference',
  `Where the two differ: ${set ?? 'no simple set'}.`,
  grid,
  differences(cells, grid.width),
  { scale, below: ramp(scale) },
)}
</div>
${worstTable(subject, name)}`;
}

export function matricesOf(P: ProbedMatrix, levelMap: ProbedLevels | null, hasLevels: boolean): Markup {
  const colours = hasLevels ? '' : ' There is one colour: the system has no levels.';
  return threeSquares(pairsOf(P, levelMap, hasLevels), 'P', `Row ${P.row}, head ${P.head}.${colours}`, P.set);
}

/** What each query adds to a gradient. @param heads what its heads are called; null where it has no positions */
export function jacobianOf(jacobian: ProbedJacobian, heads: 'head' | 'group' | null): Markup {
  const { name, row, head, set, queries } = jacobian;
  const which = heads ? `Row ${row}, ${heads} ${head}: what query t adds` : 'What query t adds';
  const where = heads ? `to the gradient of ${name} at position s` : `to the gradient of ${name}`;
  const columns = jacobian.truth[0]?.length ?? 0;
  const asked = heads && queries.length < columns ? ` Asked were ${queries.length} of ${columns} queries.` : '';
  const intro = `${which} ${where}, of its channels the one that is farthest off.${asked}`;
  return threeSquares(contributionsOf(jacobian, heads !== null), `Jacobian of ${name}`, intro, set);
}

/** Wrong entries of P by the true level of their pair; what has none is of the future, or of another sequence. */
export function sharesOf(P: ProbedMatrix): { level: number; wrong: number; total: number; worst: number }[] {
  const shares = new Map<number, { level: number; wrong: number; total: number; worst: number }>();
  for (const { level, ratio } of pairsOf(P, null, true).entries) {
    const share = shares.get(level) ?? { level, wrong: 0, total: 0, worst: 0 };
    shares.set(level, share);
    share.total++;
    if (isOff({ ratio })) share.wrong++;
    share.worst = Math.max(share.worst, ratio);
  }
  return [...shares.values()].sort((a, b) => a.level - b.level);
}
