/** How far off an output is: over the position, by decades of the bound, by level, and element by element. */
import * as Plot from '@observablehq/plot';
import { type Markup, markup } from '../../../gate/reports/markup.ts';
import { counted } from '../../../reference/tensor.ts';
import type { OutputErrors } from '../../failure.ts';
import type { Edges, Located, Profile } from '../../localise/localisation.ts';
import { ratioText } from '../../minimise/print.ts';
import type { ProbedMatrix } from '../../probe/probed.ts';
import { elementsOf } from './elements.ts';
import { levelColor } from './looks.ts';
import { sharesOf } from './matrix.ts';
import { figure } from './svg.ts';

const WIDTH = 720;
/** What is below counts as this on a logarithmic scale; what is above as that. */
const LEAST = 1e-3;
const MOST = 1e18;

const clamped = (ratio: number): number => Math.min(MOST, Math.max(LEAST, Number.isNaN(ratio) ? MOST : ratio));
const isRight = ({ ratio }: { ratio: number }): boolean => ratio <= 1;
const colour = ({ ratio }: { ratio: number }): string => (ratio <= 1 ? 'var(--holds)' : 'var(--broken)');
const decade = (value: number): string => (value === 1 ? 'bound' : `10^${Math.round(Math.log10(value))}`);

/** A line of marks above the plot, such as where levels begin. */
interface Strip {
  name: string;
  marks: { at: number; label: string }[];
}

const STRIP = 17;
/** Groups of rows that have strips of their own. */
const MOST_GROUPS = 3;
const LABEL_ROOM = 18;

const rowsText = (rows: readonly number[]): string =>
  `row${rows.length > 1 ? 's' : ''} ${rows.slice(0, 2).join(', ')}${rows.length > 2 ? ', …' : ''}`;

/** Levels alone, where all rows have their chunks at the same places: those are lines. Else each group of rows has its own. */
function stripsOf(edges: readonly Edges[]): Strip[] {
  const levelsOf = ({ levels }: Edges): Strip['marks'] => levels.map(({ at, level }) => ({ at, label: String(level) }));
  const strips =
    edges.length === 1
      ? [{ name: 'level', marks: levelsOf(edges[0]) }]
      : edges.slice(0, MOST_GROUPS).flatMap((each) => [
          { name: `${rowsText(each.rows)}: level`, marks: levelsOf(each) },
          { name: 'chunk', marks: each.chunks.map((at) => ({ at, label: '' })) },
        ]);
  return strips.filter(({ marks }) => marks.length > 0);
}

/** Labels that have room before the next mark. */
const legible = (marks: Strip['marks'], pixels: number): Strip['marks'] =>
  marks.filter(
    ({ at, label }, i) => label !== '' && ((marks[i + 1]?.at ?? Number.POSITIVE_INFINITY) - at) * pixels >= LABEL_ROOM,
  );

function stripMarks({ name, marks }: Strip, i: number, pixels: number): Plot.Markish[] {
  const isLevel = marks.some(({ label }) => label !== '');
  const place = { x: 'at', frameAnchor: 'top', dy: -12 - STRIP * i } as const;
  const look = isLevel ? { symbol: 'triangle', rotate: 180, r: 3 } : { symbol: 'square', r: 2 };
  const sign = Plot.dot(marks, {
    ...place,
    symbol: look.symbol as Plot.SymbolType,
    rotate: isLevel ? 180 : 0,
    r: look.r,
    fill: isLevel ? 'var(--known)' : 'var(--quiet)',
    stroke: 'none',
  });
  const label = Plot.text(legible(marks, pixels), {
    ...place,
    dx: 6,
    text: 'label',
    textAnchor: 'start',
    lineAnchor: 'middle',
  });
  const named = Plot.text([name], {
    frameAnchor: 'top-left',
    dy: place.dy,
    dx: -8,
    textAnchor: 'end',
    lineAnchor: 'middle',
  });
  return [sign, label, named];
}

const edgesWords = (edges: readonly Edges[]): string =>
  edges
    .map(({ rows, chunks, levels }) => {
      const which = edges.length > 1 ? ` of ${rowsText(rows)}` : '';
      const further = levels.map(({ at, level }) => `level ${level} from ${at} on`);
      return `Chunks${which} begin at ${chunks.join(', ') || 'no position'}. Further levels${which}: ${further.join(', ') || 'none'}.`;
    })
    .join(' ');

export function overPosition(name: string, { byPosition, edges }: Profile): Markup | null {
  if (byPosition.length < 2) return null;
  const points = byPosition.map((ratio, t) => ({ t, ratio, y: clamped(ratio) }));
  const top = 10 * points.reduce((most, { y }) => Math.max(most, y), 1);
  const firstWrong = byPosition.findIndex((ratio) => !(ratio <= 1));
  const strips = stripsOf(edges);
  const marginLeft = edges.length > 1 ? 112 : 56;
  // a few positions need no more, and fit on a narrow screen
  const width = Math.min(WIDTH, marginLeft + 40 + Math.max(240, 30 * byPosition.length));
  const pixels = (width - marginLeft - 20) / byPosition.length;
  return figure(
    `${name}: worst error at each position, in units of the bound`,
    `The first wrong position is ${firstWrong < 0 ? 'none' : firstWrong} of ${byPosition.length}. ${edgesWords(edges)}`,
    {
      width,
      height: 226 + STRIP * strips.length,
      marginLeft,
      marginTop: 12 + STRIP * strips.length,
      x: { domain: [-0.5, byPosition.length - 0.5], label: 'position t', labelArrow: 'none' },
      y: { type: 'log', domain: [LEAST, top], label: null, tickFormat: decade, ticks: 6 },
      marks: [
        Plot.ruleX(edges.length === 1 ? edges[0].chunks : [], { stroke: 'var(--quiet)', strokeDasharray: '6,3' }),
        Plot.ruleY([1], { stroke: 'var(--broken)', strokeWidth: 1.5 }),
        Plot.lineY(points, { x: 't', y: 'y', stroke: 'var(--quiet)', strokeWidth: 1 }),
        Plot.dot(points, {
          x: 't',
          y: 'y',
          r: 3.5,
          symbol: (point: { ratio: number }) => (isRight(point) ? 'circle' : 'times'),
          fill: (point: { ratio: number }) => (isRight(point) ? colour(point) : 'none'),
          stroke: colour,
          title: ({ t, ratio }: { t: number; ratio: number }) => `position ${t}: ${ratioText(ratio)} times the bound`,
        }),
        ...strips.flatMap((strip, i) => stripMarks(strip, i, pixels)),
      ],
      symbol: { legend: false, type: 'identity' } as Plot.ScaleOptions,
    },
  );
}

/** What its signs mean, where they are there. */
function positionNote({ byPosition, edges }: Profile): Markup | null {
  if (byPosition.length < 2) return null;
  const isOne = edges.length === 1;
  const sentences = [
    'Crosses are wrong, dots are right; the full line is the bound.',
    isOne && edges[0].chunks.length > 0 ? 'Dashed lines: a chunk begins.' : '',
    isOne ? '' : 'Rows begin at different positions: little squares are where their chunks begin.',
    edges.some(({ levels }) => levels.length > 0)
      ? 'Triangles above: from there on a further level is read, the one whose number stands beside it.'
      : '',
    edges.length > MOST_GROUPS ? `Shown for ${MOST_GROUPS} of ${edges.length} such groups of rows.` : '',
  ];
  return markup`<p class="small quiet">${sentences.filter(Boolean).join(' ')}</p>`;
}

/** A bar of the histogram, on an axis on which a decade is 1 wide. */
interface Bin {
  from: number;
  to: number;
  count: number;
  isWrong: boolean;
  /** Of what is in no decade. */
  label: string | null;
  words: string;
}

/** Decades without a break, and beside them what is in none. */
export function binsOf(bars: Profile['histogram']): Bin[] {
  const decades = bars.filter((bar): bar is { decade: number; count: number } => typeof bar.decade === 'number');
  const least = Math.min(-1, ...decades.map(({ decade: at }) => at));
  const most = Math.max(0, ...decades.map(({ decade: at }) => at)) + 1;
  const bins = decades.map(({ decade: at, count }): Bin => {
    const words =
      at === -6 ? 'up to 10^-5 bounds' : at === 15 ? 'more than 10^15 bounds' : `10^${at} to 10^${at + 1} bounds`;
    return { from: at, to: at + 1, count, isWrong: at >= 0, label: null, words };
  });
  let right = most + 1;
  for (const { decade: at, count } of bars) {
    if (at === null)
      bins.push({ from: least - 2, to: least - 1, count, isWrong: false, label: 'exact', words: 'exact' });
    if (at !== 'over' && at !== 'no number') continue;
    const [label, words] =
      at === 'over' ? ['∞', 'a number past every bound, as where exactly 0 is asked'] : ['no\nnumber', 'no number'];
    bins.push({ from: right, to: right + 1, count, isWrong: true, label, words });
    right += 2.5;
  }
  return bins.sort((a, b) => a.from - b.from);
}

/** What a label takes, in pixels. */
const LABEL_WIDTH = 41;

/** Labels below the bars: the bound, what is in no decade, and as many decades as there is room for. */
function ticksOf(bins: readonly Bin[], pixels: number): Map<number, string> {
  const ticks = new Map<number, string>([[0, 'bound']]);
  for (const { from, label } of bins) if (label !== null) ticks.set(from + 0.5, label);
  const inDecades = bins.filter(({ label }) => label === null);
  const [least, most] = [
    Math.min(0, ...inDecades.map(({ from }) => from)),
    Math.max(0, ...inDecades.map(({ to }) => to)),
  ];
  const isFree = (at: number): boolean =>
    [...ticks.keys()].every((other) => Math.abs(at - other) * pixels > LABEL_WIDTH);
  for (const step of [1, -1]) {
    for (let at = step; at >= least && at <= most; at += step) if (isFree(at)) ticks.set(at, `10^${at}`);
  }
  return ticks;
}

export function histogram(name: string, { histogram: bars }: Profile): Markup | null {
  if (bars.length === 0) return null;
  const bins = binsOf(bars);
  const domain = [Math.min(-1, ...bins.map(({ from }) => from)), Math.max(1, ...bins.map(({ to }) => to))];
  const ticks = ticksOf(bins, (WIDTH / 2 - 74) / (domain[1] - domain[0]));
  const count = (isWrong: boolean): number =>
    bins.filter((bin) => bin.isWrong === isWrong).reduce((sum, bin) => sum + bin.count, 0);
  const hasInfinite = bars.some((bar) => bar.decade === 'over');
  const more = hasInfinite ? '; ∞: past every bound, as where exactly 0 is asked' : '';
  return figure(
    `${name}: elements by how many bounds they are off${more}`,
    `${count(true)} elements are beyond their bound, ${count(false)} within. ${bins.map((bin) => `${bin.words}: ${bin.count}`).join('; ')}.`,
    {
      width: WIDTH / 2,
      height: 230,
      marginBottom: 44,
      marginLeft: 48,
      marginTop: 26,
      marginRight: 26,
      x: { axis: null, domain },
      y: { label: 'elements', grid: true, labelArrow: 'none' },
      marks: [
        Plot.rectY(bins, {
          x1: 'from',
          x2: 'to',
          y: 'count',
          insetLeft: 1,
          insetRight: 1,
          fill: ({ isWrong }: Bin) => (isWrong ? 'var(--broken)' : 'var(--holds)'),
          title: ({ words, count: each }: Bin) => `${words}: ${counted(each, 'element')}`,
        }),
        // in another shape than colour alone: what is wrong has a cross above it
        Plot.text(
          bins.filter(({ isWrong }) => isWrong),
          { x: ({ from, to }: Bin) => (from + to) / 2, y: 'count', text: () => '✗', dy: -7 },
        ),
        Plot.ruleX([0], { stroke: 'var(--broken)', strokeWidth: 1.5 }),
        Plot.ruleY([0]),
        Plot.axisX([...ticks.keys()], {
          tickFormat: (at: number) => ticks.get(at) ?? '',
          tickSize: 4,
          label: null,
        }),
      ],
    },
  );
}

interface Share {
  level: number;
  wrong: number;
  total: number;
  worst: number;
}

function sharesFigure(title: string, rows: readonly Share[], things: string, below: Markup | null = null): Markup {
  const share = ({ wrong, total }: Share): number => (100 * wrong) / total;
  const counts = ({ wrong, total }: Share): string => `${wrong}/${total}`;
  const widest = rows.reduce((most, row) => Math.max(most, counts(row).length), 0);
  const hasRoom = 6.5 * widest * rows.length < WIDTH / 2 - 70;
  return figure(
    title,
    rows.map(({ level, wrong, total }) => `level ${level}: ${wrong} of ${total} ${things}`).join('; '),
    {
      width: WIDTH / 2,
      height: 230,
      marginBottom: 44,
      marginTop: 26,
      marginLeft: 48,
      x: { domain: rows.map(({ level }) => level), label: 'level', labelArrow: 'none' },
      y: { domain: [0, 100], label: 'wrong, %', grid: true, labelArrow: 'none' },
      marks: [
        Plot.barY(rows, {
          x: 'level',
          y: share,
          fill: ({ level }: Share) => levelColor(level),
          title: ({ level, wrong, total, worst }: Share) =>
            `level ${level}: ${wrong} of ${total} ${things} wrong, the worst ${ratioText(worst)} times the bound`,
        }),
        hasRoom ? Plot.text(rows, { x: 'level', y: share, text: counts, dy: -7 }) : null,
        Plot.ruleY([0]),
      ],
    },
    below,
  );
}

/** By the output's own levels, or by those that its positions read. */
export function byLevel(name: string, axes: string, { byLevel: rows }: Profile): Markup | null {
  if (rows.length === 0) return null;
  const isOwn = axes.includes('L');
  const title = isOwn
    ? `${name}: wrong elements of each level`
    : `${name}: wrong elements by the levels that their position reads`;
  const counts = 'An element counts for each of those levels: the fault need not be of all of them.';
  return sharesFigure(title, rows, 'elements', isOwn ? null : markup`<p class="small quiet">${counts}</p>`);
}

/** By the true level of the pair that an entry of P is of: the fault is of that level. */
export function pairsByLevel(P: ProbedMatrix): Markup {
  const shares = sharesOf(P);
  const none = shares.find(({ level }) => level < 0)?.wrong ?? 0;
  const beside = none > 0 ? `; beside them ${none} that no query may read` : '';
  return sharesFigure(
    `P of row ${P.row}, head ${P.head}: wrong entries of each level${beside}`,
    shares.filter(({ level }) => level >= 0),
    'entries',
    markup`<p class="small quiet">Counted are pairs of a query and a key, by the level at which they are to be read.</p>`,
  );
}

/**
 * Of one output: all that there is to see.
 * @param P that o is made with, where it was recovered, is wrong and has levels
 */
export const curvesOf = (
  { name, axes, profile }: Located,
  errors: OutputErrors | undefined,
  P: ProbedMatrix | null,
): Markup => markup`
${overPosition(name, profile)}
${positionNote(profile)}
${errors ? elementsOf(errors) : null}
<div class="plots">${histogram(name, profile)}${P ? pairsByLevel(P) : byLevel(name, axes, profile)}</div>`;
