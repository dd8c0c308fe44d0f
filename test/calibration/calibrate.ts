/**
 * `npm run calibrate`: correct implementations in emulated precisions against their bounds. Prints and draws how far they stay below
 * them; exit code 1 if one is accused.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import { Tinypool } from 'tinypool';
import { createProgress } from '../../gate/progress.ts';
import { seedOf } from '../../properties/check-law.ts';
import { precisions } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { Alarm, Calibration, CalibrationTask, Kind } from './calibrate-system.ts';
import { drawDistributions } from './draw-distributions.ts';
import { type Distribution, distributionOf, twoDigits } from './percentiles.ts';

/** Cases of one task: small enough for progress to move. */
const BATCH = 50;

interface PerPrecision {
  precision: string;
  kind: Kind;
  cases: number;
  answers: number;
  unbounded: number;
  alarms: number;
  /** error / bound of the worst element of each answer, by output */
  outputs: Record<string, Distribution>;
}

function tasksOf(
  names: readonly string[],
  kinds: readonly Kind[],
  cases: number,
  seed: number,
  variantsPerCase: number,
): CalibrationTask[] {
  const pairs = names.flatMap((precision) => kinds.map((kind) => ({ precision, kind })));
  return pairs.flatMap(({ precision, kind }) =>
    systems.flatMap(({ name: system }) => {
      const perSystem = Math.ceil(cases / systems.length);
      return Array.from({ length: Math.ceil(perSystem / BATCH) }, (_, batch) => ({
        precision,
        kind,
        system,
        seed: seedOf(seed, precision, kind, system, String(batch)),
        cases: Math.min(BATCH, perSystem - batch * BATCH),
        variantsPerCase,
      }));
    }),
  );
}

async function runAll(tasks: readonly CalibrationTask[]): Promise<Calibration[]> {
  const progress = createProgress('calibrate');
  const threads = availableParallelism();
  const pool = new Tinypool({
    filename: new URL('./calibrate-system.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
  });
  progress.start(tasks.length);
  try {
    return await Promise.all(
      tasks.map(async (task) => {
        const result: Calibration = await pool.run(task);
        progress.next(`${task.precision} · ${task.kind} · ${task.system}`);
        return result;
      }),
    );
  } finally {
    progress.stop();
    await pool.destroy();
  }
}

function summarize(precision: string, kind: Kind, results: readonly Calibration[]): PerPrecision {
  const own = results.filter((each) => each.precision === precision && each.kind === kind);
  const outputs: Record<string, number[]> = {};
  for (const { worst } of own) {
    for (const [name, values] of Object.entries(worst)) {
      outputs[name] ??= [];
      outputs[name].push(...values);
    }
  }
  const sum = (of: (each: Calibration) => number): number => own.reduce((total, each) => total + of(each), 0);
  return {
    precision,
    kind,
    cases: sum(({ cases }) => cases),
    answers: sum(({ answers }) => answers),
    unbounded: sum(({ unbounded }) => unbounded),
    alarms: sum(({ alarms }) => alarms.length),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, distributionOf(values)])),
  };
}

function print(summaries: readonly PerPrecision[], alarms: readonly Alarm[]): void {
  for (const { precision, kind, cases, answers, unbounded, outputs, alarms: count } of summaries) {
    const table = new Table({
      head: [`${precision}, ${kind}`, 'answers', 'median', '99 %', 'largest'],
      style: { head: [], border: [], compact: true },
    });
    for (const [name, { count: n, p50, p99, max }] of Object.entries(outputs)) {
      const show = (value: number): string => value.toPrecision(2);
      table.push([
        name,
        n,
        show(p50),
        p99 > 0.01 ? show(p99) : pc.yellow(show(p99)),
        max > 1 ? pc.red(show(max)) : show(max),
      ]);
    }
    process.stdout.write(`${table.toString()}\n`);
    const promised = `${unbounded} of them where a number may overflow and nothing is promised`;
    process.stdout.write(`${cases} cases, ${answers} answers, ${promised}; ${count} false alarms\n\n`);
  }
  for (const { system, implementation, output, index, ratio, actual, expected, bound, c } of alarms.slice(0, 10)) {
    process.stdout.write(
      `${pc.red('✗')} ${system} · ${implementation} · ${output}[${index}]: ${actual} where ${expected} is wanted, ${ratio.toPrecision(3)} times its bound ${bound}\n  ${c.slice(0, 2000)}\n`,
    );
  }
}

const program = new Command('calibrate')
  .description(
    'Runs correct implementations in emulated precisions against their bounds: error / bound, and false alarms.',
  )
  .option('--precision <names>', 'comma-separated', precisions.map(({ name }) => name).join(','))
  .option('--cases <count>', 'random cases for each precision', '2500')
  .option('--kind <names>', 'certain, likely: which bounds', 'certain,likely')
  .option('--variants <count>', 'implementations that answer each case', '4')
  .option('--seed <integer>', 'everything that is drawn follows from it', '1')
  .option('--keep', 'write docs/calibration.json and docs/calibration.svg')
  .parse();
const flags = program.opts<{
  precision: string;
  kind: string;
  cases: string;
  variants: string;
  seed: string;
  keep?: boolean;
}>();
const names = flags.precision.split(',');
const [cases, variants, seed] = [flags.cases, flags.variants, flags.seed].map(Number);
const kinds = flags.kind.split(',') as Kind[];
if (!kinds.every((kind) => kind === 'certain' || kind === 'likely')) {
  program.error('error: --kind is certain, likely or both', { exitCode: 2 });
}
const unknown = names.find((name) => !precisions.some((each) => each.name === name));
if (unknown !== undefined) {
  program.error(`error: --precision ${unknown}: known are ${precisions.map(({ name }) => name).join(', ')}`, {
    exitCode: 2,
  });
}
if (![cases, variants, seed].every(Number.isInteger) || cases < 1 || variants < 1) {
  program.error('error: --cases and --variants are positive integers, --seed an integer', { exitCode: 2 });
}
const results = await runAll(tasksOf(names, kinds, cases, seed, variants));
const summaries = names.flatMap((name) => kinds.map((kind) => summarize(name, kind, results)));
const alarms = results.flatMap((each) => each.alarms).sort((a, b) => a.c.length - b.c.length);
print(summaries, alarms);
if (flags.keep) {
  const kept = summaries.map(({ outputs, ...rest }) => ({
    ...rest,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, { count, p1, p50, p99, max }]) => [
        name,
        { count, p1: twoDigits(p1), p50: twoDigits(p50), p99: twoDigits(p99), max: twoDigits(max) },
      ]),
    ),
  }));
  writeFileSync('docs/calibration.json', `${JSON.stringify({ seed, cases, variants, precisions: kept }, null, 2)}\n`);
  writeFileSync('docs/calibration.svg', drawDistributions(kept));
}
process.exitCode = alarms.length > 0 ? 1 : 0;
