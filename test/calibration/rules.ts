/**
 * `npm run rules`: what the rules that people use now, and ours, miss of the mutants, and how often they accuse correct kernels; all on
 * the same answers. Writes docs/rules.json and docs/rules.md.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { Tinypool } from 'tinypool';
import { mutants } from '../../debug/dictionary/all.ts';
import { createProgress } from '../../gate/progress.ts';
import { findPrecision } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';
import { onlyFloat64 } from '../mutants/only-float64.ts';
import type { RulesResult, RulesTask } from './rules-system.ts';
import { rowsOf, rulesMarkdown, rulesTable } from './rules-table.ts';

const docs = (name: string): URL => new URL(`../../../docs/${name}`, import.meta.url);

const program = new Command('rules')
  .description('Compares rules for telling wrong kernels from right ones.')
  .option('--seed <integer>', 'everything that is drawn follows from it', '1')
  .option('--jobs <count>', 'worker threads', String(availableParallelism()))
  .option('--cases <count>', 'drawn cases for each system', '200')
  .option('--every <count>', 'correct kernels answer one drawn case in so many', '4')
  .option('--precision <names>', 'separated by commas', 'float32,tf32,bfloat16,float16')
  .parse();
const flags = program.opts<Record<'seed' | 'jobs' | 'cases' | 'every' | 'precision', string>>();
const precisions = flags.precision.split(',');
const unknown = precisions.find((name) => !findPrecision(name));
if (unknown !== undefined) program.error(`error: unknown precision '${unknown}'`, { exitCode: 2 });
const [seed, jobs, cases, every] = [flags.seed, flags.jobs, flags.cases, flags.every].map(Number);
if (![seed, jobs, cases, every].every(Number.isInteger) || jobs < 1 || cases < 1 || every < 1)
  program.error('error: --seed, --jobs, --cases and --every are integers', { exitCode: 2 });

// systems with the most mutants first: they take longest
const count = (system: string): number => mutants.filter((each) => each.system === system).length;
const names = systems.map(({ name }) => name).sort((a, b) => count(b) - count(a));
const tasks: RulesTask[] = names.flatMap((system) =>
  precisions.flatMap((precision) =>
    (['drawn', 'fixed'] as const).map((style) => ({ precision, system, style, seed, cases, every })),
  ),
);
const progress = createProgress('rules');
progress.start(tasks.length);
const filename = new URL('./rules-system.js', import.meta.url).href;
const pool = new Tinypool({ filename, minThreads: jobs, maxThreads: jobs });
const results = await Promise.all(
  tasks.map(async (task) => {
    const result: RulesResult = await pool.run(task);
    progress.next(`${task.system} · ${task.precision} · ${task.style}`);
    return result;
  }),
);
progress.stop();
await pool.destroy();

const bugsIn = (precision: string): Set<string> =>
  new Set(mutants.map(({ name }) => name).filter((name) => onlyFloat64[precision]?.[name] === undefined));
const rows = precisions.flatMap((precision) => rowsOf(results, precision, bugsIn(precision)));
const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
writeFileSync(docs('rules.json'), `{"seed":${seed},"cases":${cases},"every":${every},"rows":[\n${lines}\n]}\n`);
writeFileSync(docs('rules.md'), `${rulesMarkdown(rows)}\n`);
process.stdout.write(`${rulesTable(rows)}\n`);
