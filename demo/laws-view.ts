/** The table of laws, filled while they are judged. */
import type { Worst } from '../properties/law.ts';
import type { Engine } from './engine.ts';
import type { LawProgress } from './messages.ts';
import { element, make, onFrame, readable } from './page.ts';

type Result = NonNullable<LawProgress['result']>;

interface Row {
  name: string;
  cases: number;
  worst: Worst | null;
  isBroken: boolean;
  result: Result | null;
  cells: { verdict: HTMLElement; cases: HTMLElement; worst: HTMLElement; where: HTMLElement };
}

const run = element('laws-run', HTMLButtonElement);
const runs = element('laws-runs', HTMLInputElement);
const seed = element('laws-seed', HTMLInputElement);
const every = element('laws-every', HTMLSelectElement);
const bar = element('laws-progress', HTMLProgressElement);
const rate = element('laws-rate', HTMLSpanElement);
const summary = element('laws-summary', HTMLParagraphElement);
const table = element('laws-table', HTMLTableSectionElement);
const outputs = element('laws-outputs', HTMLParagraphElement);
const failures = element('laws-failures', HTMLDivElement);

/** The laws that say most about a chunked form. */
const MAIN = [
  'forward-equals-masked',
  'chunk-size-invariance',
  'split-through-state',
  'packed-equals-separate',
  'prefix',
  'causal-forward',
  'causal-forward-nonfinite',
  'one-hot-values-read-the-mask',
  'backward-equals-masked',
  'causal-backward',
];

const HOLDS = '✓ holds';
const BROKEN = '✗ broken';

const rowOf = ({ name, statement }: { name: string; statement: string }): Row => {
  const cells = {
    verdict: make('td', { class: 'verdict' }, 'waits'),
    cases: make('td', { class: 'number' }, '0'),
    worst: make('td', { class: 'number' }),
    where: make('td', {}),
  };
  const title = make('th', { scope: 'row' }, name, make('span', { class: 'statement' }, statement));
  table.append(make('tr', { 'data-law': name }, title, cells.verdict, cells.cases, cells.worst, cells.where));
  return { name, cases: 0, worst: null, isBroken: false, result: null, cells };
};

function show({ cells, cases, worst, isBroken, result }: Row): void {
  const words = { passed: HOLDS, failed: BROKEN, error: '✗ error', 'not-covered': 'not covered' };
  if (result) cells.verdict.textContent = words[result.status];
  else if (isBroken) cells.verdict.textContent = `${BROKEN}, looking for a small case`;
  else cells.verdict.textContent = cases > 0 ? 'no error so far' : 'waits';
  const isFailure = isBroken || (result !== null && result.status !== 'passed');
  cells.verdict.className = `verdict ${isFailure ? 'broken' : result ? 'holds' : ''}`;
  cells.cases.textContent = String(cases);
  cells.worst.textContent = worst ? readable(worst.ratio) : '';
  cells.where.textContent = worst?.name ?? '';
}

/** What is known of a broken law: the worst element of the smallest case, and how to come back to it. */
function failure({ law, status, worst, reason, seed: from, path, counterexample }: Result): HTMLElement {
  const text =
    status === 'error' || !worst?.worst
      ? (reason ?? 'no reason given').split('\n')[0]
      : `${worst.worst.name}[${worst.worst.index}] is ${worst.worst.actual}, where ${worst.worst.expected} is wanted: ${readable(worst.worst.ratio)} times the bound ${readable(worst.worst.bound)}`;
  const more = [
    status === 'error' && reason,
    worst?.note,
    `seed ${from}`,
    path && `path ${path}`,
    counterexample && `case ${counterexample}`,
  ];
  const lines = more.filter(Boolean).join('\n');
  return make(
    'details',
    { 'data-law': law },
    make('summary', {}, `${law}: ${text}`),
    make('pre', { tabindex: '0' }, lines),
  );
}

/** One run: from the start button to the verdict. */
async function judge(engine: Engine, system: string, main: readonly string[], signal: AbortSignal): Promise<void> {
  const input = {
    system,
    seed: seed.valueAsNumber,
    runs: runs.valueAsNumber,
    laws: every.value === 'every' ? null : main,
  };
  const rows = new Map<string, Row>();
  const worstOf: Record<string, number> = {};
  const started = performance.now();
  const done = (): number => [...rows.values()].reduce((sum, { cases }) => sum + cases, 0);
  const draw = onFrame(() => {
    for (const row of rows.values()) show(row);
    const seconds = (performance.now() - started) / 1000;
    bar.max = Math.max(1, rows.size * input.runs);
    bar.value = [...rows.values()].reduce((sum, { cases, result }) => sum + (result ? input.runs : cases), 0);
    rate.textContent = `${done()} cases, ${readable(done() / seconds)} a second`;
    const each = Object.entries(worstOf).map(([name, ratio]) => `${name} ${readable(ratio)}`);
    outputs.textContent = each.length > 0 ? `Largest error / bound against the masked form: ${each.join(', ')}.` : '';
  });
  table.replaceChildren();
  failures.replaceChildren();
  outputs.textContent = '';
  summary.textContent = '';
  summary.className = 'summary';
  const report = ({ laws, law, holds, worst, outputs: apart, result }: LawProgress): void => {
    for (const each of laws ?? []) rows.set(each.name, rowOf(each));
    const row = rows.get(law ?? result?.law ?? '');
    if (row && !result) {
      row.cases++;
      row.isBroken ||= holds === false;
      if (worst && worst.ratio > (row.worst?.ratio ?? -1)) row.worst = worst;
    }
    for (const [name, ratio] of Object.entries(apart ?? {})) worstOf[name] = Math.max(worstOf[name] ?? 0, ratio);
    if (row && result) {
      row.result = result;
      if (result.status !== 'passed') failures.append(failure(result));
    }
    draw();
  };
  await engine.call('laws', input, { report, signal });
  draw();
  const results = [...rows.values()].flatMap(({ result }) => result ?? []);
  const broken = results.filter(({ status }) => status !== 'passed');
  const stopped = results.length < rows.size ? `, ${rows.size - results.length} stopped before` : '';
  summary.textContent =
    broken.length > 0
      ? `${BROKEN}: ${broken.map(({ law }) => law).join(', ')}`
      : `${results.length} laws hold on ${done()} cases${stopped}.`;
  summary.classList.add(broken.length > 0 ? 'broken' : 'holds');
}

export interface LawsView {
  /** From now on on this device and system; a run in progress is stopped. */
  attach(engine: Engine, system: string): void;
  stop(): void;
}

/**
 * @param onStart is called before a run starts, so that nothing else runs beside it
 * @param wanted the main laws, where the address names others
 */
export function createLawsView(onStart: () => void, wanted: readonly string[] | undefined): LawsView {
  let attached: { engine: Engine; system: string } | null = null;
  let stopping: AbortController | null = null;
  const main = wanted ?? MAIN;
  seed.valueAsNumber = Math.floor(Math.random() * 2 ** 31);

  element('laws-form', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (stopping) {
      stopping.abort();
      return;
    }
    if (!attached) return;
    onStart();
    stopping = new AbortController();
    run.textContent = 'Stop';
    const { engine, system } = attached;
    try {
      await judge(engine, system, main, stopping.signal);
    } catch (error) {
      summary.textContent = `✗ ${(error as Error).message}`;
      summary.className = 'summary broken';
    }
    stopping = null;
    run.textContent = 'Start';
  });

  const stop = (): void => stopping?.abort();
  return {
    attach(engine, system) {
      stop();
      attached = { engine, system };
      run.disabled = false;
    },
    stop,
  };
}
