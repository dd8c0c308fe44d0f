/** The part of docs/performance.md that is about the gate: from docs/performance-gate.json, which `npm run bench:gate` writes. */
import { table } from '../table.ts';
import { readable } from '../timing.ts';
import type { AgainstHypothesis, Side } from './against-hypothesis.ts';
import { SHORT, type Stages, totalOf } from './stages.ts';
import type { Throughput } from './throughput.ts';

export interface GateBench {
  node: string;
  /** The gate on a program that does nothing, and on the numpy example; null where there is no numpy. */
  zeros: Throughput;
  numpy: Throughput | null;
  /** Null where there is no Hypothesis. */
  hypothesis: AgainstHypothesis | null;
  seconds: number;
  /** Load averages of the machine, one minute each, before and after. */
  load: [before: number, after: number];
}

export const COMMAND = 'npm run bench:gate';
const TITLE = '## The gate\n';
const MIB = 2 ** 20;
/** Memory is flat where it grows by no more than this from the first round after the warm-up to the last. */
const FLAT = 1.1;
/** In this share of the cases code is compiled, and tables that are kept are filled. */
const WARM_UP = 1 / 5;

export interface GateRow {
  what: string;
  measured: string;
  goal: string;
  verdict: 'met' | 'missed' | 'not measured';
}

const verdict = (met: boolean): GateRow['verdict'] => (met ? 'met' : 'missed');
const perMinute = ({ cases, seconds }: { cases: number; seconds: number }): number => (60 * cases) / seconds;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const transportOf = (stages: Stages): number => stages.transport / totalOf(stages);
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
/** Cases a minute that the implementation and nothing else would leave. */
const ceiling = ({ cases, implementation }: Side): number => (60 * cases) / implementation;

type Sample = Throughput['memory'][number];
type Kind = 'rss' | 'heap';

/** Samples after the warm-up. */
function warm(memory: Throughput['memory']): Throughput['memory'] {
  const most = memory.at(-1)?.cases ?? 0;
  return memory.filter(({ cases }) => cases >= WARM_UP * most);
}

/** MiB by 1,000 cases, least squares. */
export function slopeOf(memory: Throughput['memory'], kind: Kind): number {
  const mean = (of: (sample: Sample) => number): number =>
    memory.reduce((sum, sample) => sum + of(sample), 0) / memory.length;
  const [x, y] = [mean(({ cases }) => cases / 1000), mean((sample) => sample[kind] / MIB)];
  const over = memory.reduce((sum, each) => sum + (each.cases / 1000 - x) * (each[kind] / MIB - y), 0);
  return over / memory.reduce((sum, { cases }) => sum + (cases / 1000 - x) ** 2, 0);
}

const growthOf = (memory: Throughput['memory'], kind: Kind): number =>
  (memory.at(-1)?.[kind] ?? Number.NaN) / memory[0][kind];

function memoryRow(memory: Throughput['memory'], kind: Kind): GateRow {
  const from = warm(memory);
  const [first, last] = [from[0].cases, from.at(-1)?.cases ?? 0].map(whole);
  return {
    what: `${kind === 'rss' ? 'resident memory' : 'heap in use'} of the gate, from ${first} to ${last} cases`,
    measured: `${growthOf(from, kind).toFixed(3)} times; ${slopeOf(from, kind).toFixed(2)} MiB for each 1,000 cases`,
    goal: `flat: at most ${FLAT} times`,
    verdict: verdict(growthOf(from, kind) <= FLAT),
  };
}

export function gateRows({ zeros, numpy, hypothesis }: GateBench): GateRow[] {
  const sides: [string, Throughput | null][] = [
    ['a program that does nothing', zeros],
    ['the numpy example', numpy],
  ];
  const rows = sides.flatMap(([name, t]): GateRow[] => {
    const goals = ['at least 1,000 cases a minute', 'less than 20 %'];
    const what = [`cases a minute, ${name}`, `share of transport, T ≤ ${SHORT}, ${name}`];
    if (t === null)
      return what.map((each, i) => ({ what: each, measured: '', goal: goals[i], verdict: 'not measured' }));
    const cpu = `${readable(t.seconds)} for ${whole(t.cases)}; processor time ${readable(t.gateCpu)} gate, ${readable(t.programCpu)} program`;
    return [
      {
        what: what[0],
        measured: `${whole(perMinute(t))} (${cpu})`,
        goal: goals[0],
        verdict: verdict(perMinute(t) >= 1000),
      },
      {
        what: what[1],
        measured: percent(transportOf(t.short)),
        goal: goals[1],
        verdict: verdict(transportOf(t.short) < 0.2),
      },
    ];
  });
  rows.push(memoryRow(zeros.memory, 'heap'), memoryRow(zeros.memory, 'rss'));
  const what = 'cases a minute against the same laws in Python with Hypothesis';
  const goal = 'at least 5 times';
  if (hypothesis === null) return [...rows, { what, measured: '', goal, verdict: 'not measured' }];
  const { ours, theirs } = hypothesis;
  const ratio = perMinute(ours) / perMinute(theirs);
  const measured = `${ratio.toFixed(2)} times (${whole(perMinute(ours))} against ${whole(perMinute(theirs))})`;
  return [...rows, { what, measured, goal, verdict: verdict(ratio >= 5) }];
}

function stagesTable({ zeros, numpy }: GateBench): string {
  const parts: [string, keyof Stages][] = [
    ['oracle: reference, truth, bounds, comparisons', 'oracle'],
    ['drawing: fast-check, building cases', 'drawing'],
    ['transport: encoding, pipes, decoding, schemas', 'transport'],
    ["the program's adapter", 'adapter'],
    ['the implementation', 'implementation'],
  ];
  const columns = [zeros, numpy].flatMap((t) => (t === null ? [] : [t.all, t.short]));
  const names = ['nothing', 'numpy'].slice(0, columns.length / 2);
  const head = ['part', ...names.flatMap((name) => [`${name}, all cases`, `${name}, T ≤ ${SHORT}`])];
  const rows: (string | number)[][] = parts.map(([what, key]) => [
    what,
    ...columns.map((stages) => percent(stages[key] / totalOf(stages))),
  ]);
  rows.push(['milliseconds a case', ...columns.map((s) => ((1000 * totalOf(s)) / s.cases).toFixed(1))]);
  rows.push(['questions a case', ...columns.map((s) => (s.questions / s.cases).toFixed(2))]);
  return table(head, rows);
}

const memoryTable = ({ memory }: Throughput): string =>
  table(
    ['cases', 'resident, MiB', 'heap in use, MiB'],
    memory.map(({ cases, rss, heap }) => [cases, (rss / MIB).toFixed(1), (heap / MIB).toFixed(1)]),
  );

function hypothesisText(result: AgainstHypothesis): string {
  const { hypothesis, numpy, laws, systems, ours, theirs } = result;
  const own = ({ seconds, implementation, cases }: Side): string =>
    ((1000 * (seconds - implementation)) / cases).toFixed(1);
  const row = (name: string, side: Side): (string | number)[] => [
    name,
    side.cases,
    readable(side.seconds),
    whole(perMinute(side)),
    ((1000 * side.cpu) / side.cases).toFixed(1),
    ((1000 * side.implementation) / side.cases).toFixed(1),
    own(side),
    (side.calls / side.cases).toFixed(2),
    side.meanT.toFixed(1),
    side.meanNumbers.toFixed(0),
  ];
  const head = ['', 'cases', 'wall', 'cases a minute', 'processor, ms a case', 'implementation, ms a case'];
  const more = ['all else, ms a case', 'calls a case', 'mean T', 'mean numbers in q, k, v'];
  const limit = ceiling(theirs) / perMinute(theirs);
  return `### Against the same laws in Python

${laws} laws on ${systems.join(', ')}, in float64, the same \`numpy_example.py\` on both sides, taking turns in one run: Hypothesis ${hypothesis},
numpy ${numpy} (\`bench/gate/hypothesis_laws.py\`), and the gate. First of several rounds:

    ${theirs.command}
    ${ours.command}

${table([...head, ...more], [row('the gate', ours), row('Python', theirs)])}

What a case is on each side. Both draw sizes, styles and options by the same weights (Python from a seed that Hypothesis draws; one by one
Hypothesis would repeat the plainest), and ask the implementation the same calls. Python calls it in its own process, compares with a masked form in
numpy that takes all rows and heads at once (LAPACK for the delta rule), and allows so many roundings times the sum of the absolute values of an
element's terms, with the delta rule of lengths of rows. The gate pays for a second process, for cases drawn number by number, and for a bound that is
derived and, with the delta rule, closer; its adapter hands each tensor over between NaNs and looks afterwards whether anything was written.

The implementation's own time is a floor under both: ${percent(theirs.implementation / theirs.seconds)} of Python's. With a gate that takes no time at all the
ratio could be ${limit.toFixed(1)} at most, however fast the oracle is.
`;
}

export function gateSection(bench: GateBench): string {
  const { zeros, numpy, hypothesis, seconds, load } = bench;
  return `${TITLE}
One run of \`${COMMAND}\`, ${readable(seconds)}, Node ${bench.node}; load average of the machine ${load[0].toFixed(1)} before and ${load[1].toFixed(1)} after (this run alone makes 1 to 2).
It writes \`docs/performance-gate.json\`, of which \`npm run bench\` makes this section again. Every law on every system, float64, sizes and styles as the gate draws them.

${table(
  ['what', 'measured', 'goal', ''],
  gateRows(bench).map((row) => [row.what, row.measured, row.goal, row.verdict]),
)}

The program that does nothing (\`bench/gate/zeros.ts\`) answers zeros of the right shapes at once: every law asks and judges as ever, its verdicts are passed over,
and nothing is shrunk. ${
    numpy
      ? 'The numpy example is `adapters/python/numpy_example.py` with clocks around its functions (`bench/gate/timed_numpy.py`): a round of all laws\nbefore the clock, and every verdict after that, had to hold.'
      : 'No Python with numpy was found.'
  } Both run in rounds of one case for each law and system.

Where the time goes (wall time; transport is what a question takes less what the program spends on it):

${stagesTable(bench)}

Memory of the gate's process after each round on the program that does nothing, after a garbage collection. What the benchmark keeps of each case lies in
a file. Growth counts from the end of the warm-up, a fifth of the cases, in which code is compiled and tables are filled:

${memoryTable(zeros)}
${hypothesis ? `\n${hypothesisText(hypothesis)}` : ''}`;
}

/** The page with this section in place of the one that it has, or at its end; all else as it is. */
export function withSection(page: string, section: string): string {
  const start = page.indexOf(TITLE);
  if (start < 0) return `${page.trimEnd()}\n\n${section}`;
  const next = page.indexOf('\n## ', start + TITLE.length);
  const rest = next < 0 ? '' : page.slice(next);
  return `${page.slice(0, start)}${section.trimEnd()}\n${rest}`;
}
