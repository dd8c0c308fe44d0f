/** `npm run detection`: how often each law rejects each mutant, and so how many cases a gate needs. Writes docs/detection.json. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import Table from 'cli-table3';
import { Command } from 'commander';
import { createProgress } from '../../gate/progress.ts';
import { findPrecision } from '../../properties/precision.ts';
import { onlyFloat64 } from '../mutants/only-float64.ts';
import { runTrials } from '../mutants/verdicts.ts';
import { count, type Detection, detectionOf, ROUNDS, roundTrials, type Tally } from './detection-rates.ts';

const FILE = new URL('../../../docs/detection.json', import.meta.url);

interface Kept {
  seed: number;
  mutants: Detection[];
}

/** One row a mutant, so that a change is read line by line. */
function write({ mutants, ...rest }: Kept): void {
  const rows = mutants.map((each) => `    ${JSON.stringify(each)}`);
  writeFileSync(FILE, `${JSON.stringify(rest).slice(0, -1)},"mutants":[\n${rows.join(',\n')}\n]}\n`);
}

const isListed = ({ name, precision }: Detection): boolean => onlyFloat64[precision]?.[name] !== undefined;

function hardest(detections: readonly Detection[], most: number): string {
  const table = new Table({
    head: ['mutant', 'precision', 'best law', 'p', 'laws', 'cases for 99.9 %'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right'],
  });
  const sorted = detections.filter((each) => !isListed(each)).sort((a, b) => (b.n ?? Infinity) - (a.n ?? Infinity));
  for (const { name, precision, law, p, laws, n } of sorted.slice(0, most)) {
    table.push([name, precision, law, p, laws, n ?? 'never']);
  }
  return table.toString();
}

/** `onRound` gets what is known after each round: a run that is cut short has not been for nothing. */
async function measure(
  precision: string,
  seed: number,
  jobs: number,
  rounds: number,
  onRound: (known: Detection[]) => void,
): Promise<void> {
  const tallies = new Map<string, Tally>();

  for (let round = 0; round < rounds; round++) {
    const trials = roundTrials(precision, seed, round, tallies);
    if (trials.length === 0) break;
    const progress = createProgress(`${precision}, up to ${ROUNDS[round]} cases`);
    progress.start(trials.length);
    const results = await runTrials(trials, jobs, ({ trial }) => progress.next(trial.law));
    progress.stop();
    for (const result of results) count(result, tallies);
    onRound([...tallies].map(([name, tally]) => detectionOf(name, precision, tally)));
  }
}

const program = new Command('detection')
  .description('Measures how often each law rejects each wrong implementation.')
  .option('--seed <integer>', 'everything that is drawn follows from it', '1')
  .option('--jobs <count>', 'worker threads', String(availableParallelism()))
  .option('--cases <count>', `most cases a law: one of ${ROUNDS.join(', ')}`, String(ROUNDS[ROUNDS.length - 1]))
  .option('--precision <names>', 'measure these anew, separated by commas', 'float64,float32,bfloat16')
  .parse();
const flags = program.opts<{ seed: string; jobs: string; cases: string; precision: string }>();
const names = flags.precision.split(',');
const unknown = names.find((name) => !findPrecision(name));
if (unknown !== undefined) program.error(`error: unknown precision '${unknown}'`, { exitCode: 2 });
const rounds = ROUNDS.findIndex((cases) => String(cases) === flags.cases) + 1;
const [seed, jobs] = [Number(flags.seed), Number(flags.jobs)];
if (rounds === 0 || !Number.isInteger(seed) || !Number.isInteger(jobs) || jobs < 1)
  program.error('error: --seed and --jobs are integers, --cases one of those in --help', { exitCode: 2 });

let before: Detection[] = [];
try {
  before = (JSON.parse(readFileSync(FILE, 'utf8')) as Kept).mutants.filter(
    ({ precision }) => !names.includes(precision),
  );
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
let all = before;
for (const precision of names) {
  const others = all;
  await measure(precision, seed, jobs, rounds, (known) => {
    all = [...others, ...known];
    write({ seed, mutants: all });
  });
}
process.stdout.write(`${hardest(all, 15)}\n`);
for (const precision of names) {
  const most = all.filter((each) => each.precision === precision && !isListed(each));
  const n = most.reduce((largest, each) => Math.max(largest, each.n ?? Infinity), 0);
  process.stdout.write(`${precision}: ${n} cases a law reject each of ${most.length} mutants with 99.9 %\n`);
}
