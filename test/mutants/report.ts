/** `npm run mutants`: which law rejects which wrong implementation, after how many cases. Exit code 1 if one survives or a law rejects none. */
import { availableParallelism } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import { Tinypool } from 'tinypool';
import { createProgress } from '../../gate/progress.ts';
import { laws } from '../../properties/laws/all.ts';
import { mutants } from './all.ts';
import type { MutantVerdict } from './judge-mutant.ts';

interface Flags {
  seed: string;
  runs: string;
  json?: boolean;
}

async function judgeAll(seed: number, runs: number): Promise<MutantVerdict[]> {
  const progress = createProgress('mutants');
  const threads = availableParallelism();
  const pool = new Tinypool({
    filename: new URL('./judge-mutant.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
  });
  progress.start(mutants.length);
  try {
    return await Promise.all(
      mutants.map(async ({ name }) => {
        const verdict: MutantVerdict = await pool.run({ name, seed, runs });
        progress.next(name);
        return verdict;
      }),
    );
  } finally {
    progress.stop();
    await pool.destroy();
  }
}

function print(verdicts: readonly MutantVerdict[], runs: number): void {
  const table = new Table({
    head: ['mutant', 'system', 'laws', 'rejected by (after how many cases)'],
    style: { head: [], border: [], compact: true },
    colWidths: [36, 27, 6, 72],
    wordWrap: true,
  });
  for (const { name, system, survived, killedBy } of verdicts) {
    const first = killedBy.slice(0, 4).map(({ law, cases }) => `${law} (${cases})`);
    const more = killedBy.length > 4 ? `, and ${killedBy.length - 4} more` : '';
    table.push([name, system, killedBy.length, survived ? pc.red('survived') : `${first.join(', ')}${more}`]);
  }
  process.stdout.write(`${table.toString()}\n`);
  const perLaw = laws.map(({ name }) => ({ name, kills: killsOf(verdicts, name) }));
  const counts = new Table({ head: ['law', 'mutants rejected'], style: { head: [], border: [], compact: true } });
  counts.push(...perLaw.map(({ name, kills }) => [name, kills === 0 ? pc.red('0') : kills]));
  process.stdout.write(`${counts.toString()}\n`);
  const survivors = verdicts.filter(({ survived }) => survived).length;
  process.stdout.write(`${verdicts.length} mutants, ${survivors} survived; up to ${runs} cases a law\n`);
}

const killsOf = (verdicts: readonly MutantVerdict[], law: string): number =>
  verdicts.filter(({ killedBy }) => killedBy.some((kill) => kill.law === law)).length;

const program = new Command('mutants')
  .description('Runs every law on every wrong implementation.')
  .option('--seed <integer>', 'everything that is drawn follows from it', '1')
  .option('--runs <count>', 'cases for each law and mutant', '20')
  .option('--json', 'print as JSON')
  .parse();
const flags = program.opts<Flags>();
const [seed, runs] = [Number(flags.seed), Number(flags.runs)];
if (!Number.isInteger(seed) || !Number.isInteger(runs) || runs < 1)
  program.error('error: --seed and --runs are integers', { exitCode: 2 });
const verdicts = await judgeAll(seed, runs);
if (flags.json) {
  const perLaw = laws.map(({ name }) => ({ name, kills: killsOf(verdicts, name) }));
  process.stdout.write(`${JSON.stringify({ seed, runs, mutants: verdicts, laws: perLaw })}\n`);
} else {
  print(verdicts, runs);
}
const idle = laws.some(({ name }) => killsOf(verdicts, name) === 0);
process.exitCode = idle || verdicts.some(({ survived }) => survived) ? 1 : 0;
