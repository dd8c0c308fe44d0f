/** Time against T: a plot on logarithmic axes, its slopes, and the same numbers as a table. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { exponent } from '../bench/timing.ts';
import type { Engine } from './engine.ts';
import type { TimesRow } from './messages.ts';
import { colour, element, make, onLookChange, readable } from './page.ts';

const run = element('times-run', HTMLButtonElement);
const bar = element('times-progress', HTMLProgressElement);
const state = element('times-state', HTMLSpanElement);
const plot = element('times-plot', HTMLDivElement);
const slopes = element('times-slopes', HTMLParagraphElement);
const table = element('times-table', HTMLTableSectionElement);

const LENGTHS = [64, 128, 256, 512, 1024, 2048, 4096];
/** Slopes are fitted from here on: shorter calls are mostly spent on getting started. */
const LONG = 512;
const HEIGHT = 320;

function optionsOf(width: number): uPlot.Options {
  const [ink, line] = [colour('--ink'), colour('--line')];
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const series = (label: string, name: string, dash: number[]): uPlot.Series => ({
    label,
    stroke: colour(name),
    width: 2,
    dash,
    points: { show: true, size: 7, fill: colour(name) },
    value: (_, value) => (value === null || value === undefined ? '' : `${readable(value)} ms`),
  });
  return {
    width,
    height: HEIGHT,
    scales: {
      x: { time: false, distr: 3, log: 2, range: [LENGTHS[0] / 1.2, (LENGTHS.at(-1) ?? 0) * 1.2] },
      y: { distr: 3, log: 10 },
    },
    axes: [
      {
        ...axis,
        label: 'T',
        splits: () => LENGTHS,
        values: (_, splits) => splits.map(String),
        filter: (_, splits) => splits,
      },
      {
        ...axis,
        label: 'milliseconds',
        size: 64,
        values: (_, splits) => splits.map((value) => (value === null ? '' : readable(value))),
      },
    ],
    series: [{ label: 'T' }, series('masked', '--masked', [6, 4]), series('chunked', '--chunked', [])],
    cursor: { drag: { x: false, y: false } },
  };
}

export interface TimesView {
  attach(engine: Engine, system: string): void;
  stop(): void;
}

export function createTimesView(onStart: () => void): TimesView {
  let attached: { engine: Engine; system: string } | null = null;
  let stopping: AbortController | null = null;
  let rows: TimesRow[] = [];
  let drawn: uPlot | null = null;

  const data = (): uPlot.AlignedData => [
    rows.map(({ T }) => T),
    rows.map(({ masked }) => masked),
    rows.map(({ chunked }) => chunked),
  ];

  /** Colours and width are part of a plot's options, so it is made anew. */
  function draw(): void {
    drawn?.destroy();
    drawn = rows.length > 0 ? new uPlot(optionsOf(plot.clientWidth), data(), plot) : null;
  }

  function tell(): void {
    const long = rows.filter(({ T }) => T >= LONG);
    if (long.length < 2) {
      slopes.textContent = '';
      return;
    }
    const slope = (of: (row: TimesRow) => number): string =>
      exponent(
        long.map(({ T }) => T),
        long.map(of),
      ).toFixed(2);
    slopes.textContent = `Slopes from T = ${LONG} on: masked T^${slope(({ masked }) => masked)}, chunked T^${slope(({ chunked }) => chunked)}.`;
  }

  function add(row: TimesRow): void {
    if (rows.length === 0) table.replaceChildren();
    rows.push(row);
    const agree = row.ratio <= 1;
    const cells = [row.masked, row.chunked, row.masked / row.chunked].map((value) =>
      make('td', { class: 'number' }, readable(value)),
    );
    const verdict = `${agree ? '✓' : '✗'} ${readable(row.ratio)} of the bound`;
    table.append(
      make(
        'tr',
        {},
        make('th', { scope: 'row', class: 'number' }, String(row.T)),
        ...cells,
        make('td', { class: agree ? 'holds' : 'broken' }, verdict),
      ),
    );
    bar.value = rows.length;
    bar.max = LENGTHS.length;
    state.textContent = row === undefined ? '' : `T = ${row.T} measured`;
    draw();
    tell();
  }

  run.addEventListener('click', async () => {
    if (stopping) {
      stopping.abort();
      return;
    }
    if (!attached) return;
    onStart();
    stopping = new AbortController();
    rows = [];
    bar.value = 0;
    run.textContent = 'Stop';
    state.textContent = 'measuring …';
    const { engine, system } = attached;
    try {
      await engine.call('times', { system, lengths: LENGTHS }, { report: add, signal: stopping.signal });
      state.textContent = `${rows.length} of ${LENGTHS.length} lengths measured: ${system}`;
    } catch (error) {
      state.textContent = `✗ ${(error as Error).message}`;
    }
    stopping = null;
    run.textContent = 'Measure';
  });

  const stop = (): void => stopping?.abort();
  onLookChange(draw, plot);
  return {
    attach(engine, system) {
      stop();
      attached = { engine, system };
      run.disabled = false;
    },
    stop,
  };
}
