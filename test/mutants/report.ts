/** `npm run mutants`: which law rejects which wrong implementation, in which precision, after how many cases. */
import { availableParallelism } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import { createProgress } from '../../gate/progress.ts';
import { laws } from '../../properties/laws/all.ts';
import { findPrecision, precisions as known } from '../../properties/precision.ts';
import { onlyFloat64 } from './only-float64.ts';
import type { TrialResult } from './trial.ts';
import { complaints, type MutantVerdict, runTrials, trialsOf, verdictsOf } from './verdicts.ts';

interface Flags {
  seed: string;
  runs: string;
  jobs: string;
  precision?: string[];
  json?: boolean;
}

const killsOf = (verdicts: readonly MutantVerdict[], precision: string, law: string): number =>
  verdicts.filter(({ precisions }) => precisions[precision].killedBy.some((kill) => kill.law === law)).length;

/** Laws that accuse the correct kernel, and how often. */
function alarmsOf(results: readonly TrialResult[]): string[] {
  return results
    .filter(({ alarms }) => alarms.length > 0)
    .map(({ trial, alarms }) => {
      const which = alarms.map((at) => at + 1).join(', ');
      return `${trial.law} accuses the correct ${trial.precision} kernel under ${trial.mutants[0]}: case ${which}`;
    });
}

function printMutants(verdicts: readonly MutantVerdict[], precision: string): void {
  const table = new Table({
    head: ['mutant', 'system', 'laws', `${precision}: rejected by (after how many cases)`],
    style: { head: [], border: [], compact: true },
    colWidths: [36, 27, 6, 72],
    wordWrap: true,
  });
  for (const { name, system, precisions } of verdicts) {
    const { survived, killedBy } = precisions[precision];
    const first = killedBy.slice(0, 4).map(({ law, cases }) => `${law} (${cases})`);
    const more = killedBy.length > 4 ? `, and ${killedBy.length - 4} more` : '';
    const reason = onlyFloat64[precision]?.[name];
    const alive = reason ? `survived: ${reason}` : pc.red('survived');
    table.push([name, system, killedBy.length, survived ? alive : `${first.join(', ')}${more}`]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

function print(verdicts: readonly MutantVerdict[], names: readonly string[], runs: number): void {
  for (const precision of names) printMutants(verdicts, precision);
  const counts = new Table({ head: ['law', ...names], style: { head: [], border: [], compact: true } });
  for (const { name } of laws) {
    const kills = names.map((precision) => killsOf(verdicts, precision, name));
    counts.push([name, ...kills.map((count) => (count === 0 ? pc.red('0') : count))]);
  }
  process.stdout.write(`mutants rejected by each law:\n${counts.toString()}\n`);
  for (const precision of names) {
    const survivors = verdicts.filter(({ precisions }) => precisions[precision].survived);
    const listed = survivors.filter(({ name }) => onlyFloat64[precision]?.[name] !== undefined).length;
    const reasons = listed > 0 ? `, ${listed} of them listed with a reason` : '';
    process.stdout.write(
      `${precision}: ${verdicts.length} mutants, ${survivors.length} survived${reasons}; up to ${runs} cases a law\n`,
    );
  }
}

const program = new Command('mutants')
  .description('Runs every law on every wrong implementation.')
  .option('--seed <integer>', 'everything that is drawn follows from it', '1')
  .option('--runs <count>', 'cases for each law and mutant', '20')
  .option('--jobs <count>', 'worker threads', String(availableParallelism()))
  .option(
    '--precision <names>',
    `${known.map(({ name }) => name).join(', ')} (repeat, or separate by commas; default float64)`,
    (value: string, before: string[] = []) => [...before, ...value.split(',')],
  )
  .option('--json', 'print as JSON')
  .parse();
const flags = program.opts<Flags>();
const [seed, runs, jobs] = [flags.seed, flags.runs, flags.jobs].map(Number);
if (![seed, runs, jobs].every(Number.isInteger) || runs < 1 || jobs < 1)
  program.error('error: --seed, --runs and --jobs are integers', { exitCode: 2 });
const names = [...new Set(flags.precision ?? ['float64'])];
const unknown = names.find((name) => !findPrecision(name));
if (unknown !== undefined) program.error(`error: unknown precision '${unknown}'`, { exitCode: 2 });

const trials = names.flatMap((precision) => trialsOf(precision, { seed, from: 0, count: runs, stop: true }));
const progress = createProgress('mutants');
progress.start(trials.length);
const results = await runTrials(trials, jobs, ({ trial }) => progress.next(`${trial.law} · ${trial.precision}`));
progress.stop();
const verdicts = verdictsOf(results, names);
const alarms = alarmsOf(results);
const wrong = complaints(verdicts);
const idle = names.includes('float64') ? laws.filter(({ name }) => killsOf(verdicts, 'float64', name) === 0) : [];
wrong.push(...idle.map(({ name }) => `${name} rejects no mutant in float64`));
if (flags.json) {
  const perLaw = laws.map(({ name }) => ({ name, kills: killsOf(verdicts, names[0], name) }));
  process.stdout.write(`${JSON.stringify({ seed, runs, mutants: verdicts, laws: perLaw, alarms, wrong })}\n`);
} else {
  print(verdicts, names, runs);
  for (const line of alarms) process.stdout.write(`${pc.yellow(line)}\n`);
  for (const line of wrong) process.stdout.write(`${pc.red(line)}\n`);
}
process.exitCode = wrong.length > 0 ? 1 : 0;
