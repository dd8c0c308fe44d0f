/** What the gate prints: a table, each failure with all that is needed to see it again, and the same as JSON. */
import Table from 'cli-table3';
import type { Colors } from 'picocolors/types.js';
import type { Worst } from '../properties/law.ts';
import { jsonText } from '../reference/case-json.ts';
import type { GateVerdict } from './judge.ts';
import { lawNames, lawText } from './law-text.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { GateReport } from './run.ts';

/** Version of the JSON report. */
export const REPORT_VERSION = 1;

type Sign = GateVerdict['status'] | Outcome | 'waits';

/** A failure that does not count has a sign of its own. */
const SYMBOLS: Partial<Record<Sign, [symbol: string, meaning: string]>> = {
  passed: ['✓', 'holds'],
  failed: ['✗', 'broken'],
  error: ['!', 'error'],
  blocked: ['–', 'blocked by a broken prerequisite'],
  'not-covered': ['·', 'not covered'],
  waits: ['…', "another's turn"],
  expected: ['e', 'expected failure'],
  flaky: ['~', 'known to be flaky'],
  recommended: ['r', 'recommended, broken'],
  fixed: ['F', 'expected to fail, holds'],
};
/** These are in every legend, the others where they are in the table. */
const ALWAYS: Sign[] = ['passed', 'failed', 'error', 'blocked', 'not-covered'];

const signOf = (verdict: GateVerdict, report: GateReport): Sign => {
  if (verdict.waits) return 'waits';
  const outcome = outcomeOf(verdict, report);
  return outcome === 'holds' || outcome === 'fails' ? verdict.status : outcome;
};

const unique = (values: readonly string[]): string[] => [...new Set(values)];

/** One row a law, one column an implementation, and in each cell one sign a system. */
export function verdictTable(report: GateReport, colors: Colors): string {
  const { verdicts } = report;
  const systems = unique(verdicts.map(({ system }) => system));
  const implementations = unique(verdicts.map(({ implementation }) => implementation));
  const judged = new Set(verdicts.map(({ law }) => law));
  const laws = lawNames.filter((name) => judged.has(name));
  const letters = systems.map((_, i) => String.fromCharCode('a'.charCodeAt(0) + i));
  const paint = (sign: Sign): ((text: string) => string) => {
    if (sign === 'passed') return colors.green;
    if (sign === 'failed' || sign === 'error' || sign === 'fixed') return colors.red;
    return sign === 'blocked' ? colors.yellow : colors.dim;
  };
  const used = new Set<Sign>(ALWAYS);
  const byKey = new Map(
    verdicts.map((verdict) => [`${verdict.law} ${verdict.implementation} ${verdict.system}`, verdict]),
  );
  const sign = (law: string, implementation: string, system: string): string => {
    const verdict = byKey.get(`${law} ${implementation} ${system}`);
    if (!verdict) return ' ';
    const sign = signOf(verdict, report);
    used.add(sign);
    return paint(sign)(SYMBOLS[sign]?.[0] ?? '?');
  };
  const table = new Table({
    head: ['law', ...implementations],
    style: { head: [], border: [], compact: true },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  table.push(['', ...implementations.map(() => letters.join(''))]);
  for (const law of laws) {
    table.push([law, ...implementations.map((name) => systems.map((system) => sign(law, name, system)).join(''))]);
  }
  const legend = systems.map((system, i) => `${letters[i]} ${system}`);
  const width = Math.max(...legend.map((entry) => entry.length)) + 2;
  const columns = Math.max(1, Math.floor(100 / width));
  const rows: string[] = [];
  for (let i = 0; i < legend.length; i += columns) {
    rows.push(
      legend
        .slice(i, i + columns)
        .map((entry) => entry.padEnd(width))
        .join('')
        .trimEnd(),
    );
  }
  const signs = (Object.entries(SYMBOLS) as [Sign, [string, string]][])
    .filter(([sign]) => used.has(sign))
    .map(([, [symbol, meaning]]) => `${symbol} ${meaning}`)
    .join('   ');
  return [table.toString(), ...rows, signs].join('\n');
}

/** An argument as a shell takes it. */
export const quoted = (argument: string): string =>
  /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** The command that shows one failure again, and nothing else. */
export function replayCommand(verdict: GateVerdict): string {
  const { law, system, implementation, seed, path, kept, chosenBy, fixtures } = verdict;
  if (fixtures) return `npx lla fixtures show ${fixtures.failed[0]?.name ?? 'NAME'} ${quoted(fixtures.folder)}`;
  const form = `--form ${implementation.replace(/^gpu-/, 'gpu --backend ')}`;
  const parts = ['npx lla gate', `--law ${law}`, `--system ${system}`, chosenBy?.options ?? form, `--seed ${seed}`];
  if (path !== undefined) parts.push(`--path ${path}`);
  if (kept !== undefined) parts.push(`--kept ${quoted(kept)}`);
  if (chosenBy) parts.push(`-- ${chosenBy.command.map(quoted).join(' ')}`);
  return parts.join(' ');
}

/** The command that goes on from a saved case. */
export function debugCommandFor({ implementation, chosenBy }: GateVerdict, file: string): string {
  const form = `--form ${implementation.replace(/^gpu-/, 'gpu --backend ')}`;
  const program = chosenBy ? ` -- ${chosenBy.command.map(quoted).join(' ')}` : '';
  return `npx lla debug ${quoted(file)} ${chosenBy?.options ?? form}${program}`;
}

/** A number in three digits. */
export function few(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const isPlain = Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6;
  return isPlain ? value.toPrecision(3) : value.toExponential(2);
}

/** An element as text. */
export const place = ({ name, index }: Pick<Worst, 'name' | 'index'>): string =>
  index.length > 0 ? `${name}[${index.join(',')}]` : name;

/** Characters of a case that a terminal shows. */
const LONGEST_CASE = 4000;

const cutCase = (c: string, most: number): string =>
  `${c.slice(0, most)}… (${c.length} characters; --save FOLDER writes all of them)`;

/** So many wrong fixtures are named on a terminal; the JSON report has all. */
const MOST_FIXTURES = 8;

/** Which fixtures are wrong, and what each of them probes. */
function fixtureLines({ failed }: NonNullable<GateVerdict['fixtures']>, cases: number): string[] {
  const named = failed
    .slice(0, MOST_FIXTURES)
    .flatMap(({ name, probes, why }) => [`  wrong ${name}: ${probes}`, `        ${why.trimEnd().split('\n')[0]}`]);
  const more =
    failed.length > MOST_FIXTURES ? [`        and ${failed.length - MOST_FIXTURES} more; --json has all`] : [];
  return [...named, ...more, `  ${failed.length} of ${cases} fixtures`];
}

/** Everything about one failure; a longer case is cut. */
export function explainFailure(verdict: GateVerdict, colors: Colors, most = LONGEST_CASE): string {
  const law = lawText(verdict.law);
  const title = `${verdict.law} · ${verdict.system} · ${verdict.implementation}`;
  const lines = [colors.bold(colors.red(`✗ ${title}`))];
  if (law) lines.push(`  ${law.statement} (${law.citation})`);
  if (verdict.status === 'error') lines.push(`  ${verdict.failure ? '' : 'threw '}${verdict.reason}`);
  const { worst } = verdict;
  if (worst) {
    lines.push(`  worst ${place(worst)}: ${worst.actual}, where ${worst.expected} is wanted`);
    const distance = Math.abs(worst.actual - worst.expected);
    lines.push(`        apart by ${distance}, allowed ${worst.bound} (${worst.ratio.toPrecision(3)} times the bound)`);
  }
  if (!worst && verdict.fixtures && verdict.status === 'failed') lines.push(`  ${verdict.reason}`);
  if (worst && verdict.terms) {
    lines.push(`  bound of ${place(worst)} of the drawn case in ${verdict.terms.precision}, its largest terms:`);
    for (const { cause, value, because } of verdict.terms.largest) {
      lines.push(`        ${cause}: ${few(value)} (${because})`);
    }
  }
  if (verdict.from) lines.push(`  from  ${verdict.from}`);
  if (verdict.note) lines.push(`  note  ${verdict.note}`);
  if (verdict.kept) lines.push(`  kept  ${verdict.kept}: found by an earlier run`);
  if (verdict.fixtures) lines.push(...fixtureLines(verdict.fixtures, verdict.cases));
  else lines.push(`  seed  ${verdict.seed}   path ${verdict.path ?? 'none'}   after ${verdict.cases} cases`);
  const [c, ...others] = verdict.drawn ?? [];
  if (c !== undefined) lines.push(`  case  ${c.length > most ? cutCase(c, most) : c}`);
  if (others.length > 0) lines.push(`  drawn ${others.join(', ')}`);
  lines.push(`  again ${replayCommand(verdict)}`);
  return lines.join('\n');
}

/** Where the cases came from. */
export const drawnText = ({ fixtures, seed, runs }: GateReport): string =>
  fixtures === undefined ? `seed ${seed}, ${runs} runs a law` : `fixtures ${fixtures}, seed ${seed}`;

/** The last lines: how many of each, what has to be known beside that, and whether it conforms. */
export function summaryText(report: GateReport, colors: Colors): string {
  const { summary, conforms, unusedExpectations = [], bailed } = report;
  const { passed, failed, blocked, notCovered, errors, expected, flaky, recommended, fixed, cases, seconds } = summary;
  const { waiting = 0 } = summary;
  const counts = `${passed} passed, ${failed} failed, ${errors} errors, ${blocked} blocked, ${notCovered} not covered`;
  const of: [number, string][] = [
    [expected, 'expected'],
    [flaky, 'known to be flaky'],
    [recommended, 'of recommended laws, which do not count without --enforce-recommended'],
    [fixed, 'expected to fail, and hold: take them off the list'],
  ];
  const excused = of.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  const lines = [`${counts}; ${cases} cases in ${seconds.toFixed(1)} s; ${drawnText(report)}`];
  if (waiting > 0) {
    const others = 'in a quick run dtypes take turns, and systems for large cases';
    lines.push(`${waiting} of those not covered wait: ${others}; another --seed has others, --profile standard all`);
  }
  if (excused.length > 0) lines.push(`of these ${excused.join(', ')}`);
  const excluded = report.verdicts.filter(({ status, expected }) => status === 'blocked' && expected).length;
  if (excluded > 0) lines.push(`${excluded} were not judged: what they depend on is expected to fail`);
  for (const entry of unusedExpectations)
    lines.push(`the list of expected failures names ${entry}, which was not judged`);
  if (bailed) lines.push('ended before all laws were judged');
  lines.push(colors.bold(conforms ? colors.green('conforms') : colors.red('does not conform')));
  return lines.join('\n');
}

/** Where the forms that say so have run, one line each. */
export function executionText({ verdicts }: GateReport): string {
  const lines = verdicts.flatMap(({ implementation, execution }) => {
    if (!execution) return [];
    const { backend, adapter, executorKind, fallbackReason } = execution;
    return [`${implementation} ran on ${backend} (${adapter}), ${executorKind}, fallback: ${fallbackReason ?? 'none'}`];
  });
  return unique(lines).join('\n');
}

/** The report as JSON text (../docs: the verdicts of case.md), with everything in it that the other reports are made from. */
export function reportToJson(report: GateReport): string {
  const { verdicts, ...rest } = report;
  return jsonText({
    version: REPORT_VERSION,
    ...rest,
    verdicts: verdicts.map((verdict) => ({
      ...verdict,
      replay: verdict.status === 'failed' || verdict.status === 'error' ? replayCommand(verdict) : null,
    })),
  });
}
