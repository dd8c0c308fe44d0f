/** The gate and the same laws in Python with Hypothesis, on the same numpy implementation, systems and number of cases, taking turns. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { GateReport } from '../../gate/run.ts';
import { seedOf } from '../../properties/check-law.ts';
import { sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { elements, type Tensor } from '../../reference/tensor.ts';
import { WrongAnswer } from '../cases.ts';
import { say } from '../timing.ts';
import type { Call } from './stages.ts';

/** One side, all rounds together. */
export interface Side {
  command: string;
  cases: number;
  /** Wall time of judging, and processor time of all that took part, with what starting costs. */
  seconds: number;
  cpu: number;
  /** Of the wall time, inside forward and backward of the implementation. */
  implementation: number;
  calls: number;
  /** Of a drawn case: positions, and numbers in q, k and v. */
  meanT: number;
  meanNumbers: number;
}

export interface AgainstHypothesis {
  hypothesis: string;
  numpy: string;
  laws: number;
  systems: string[];
  ours: Side;
  theirs: Side;
}

interface TheirRun extends Omit<Side, 'command'> {
  hypothesis: string;
  numpy: string;
  laws: Record<string, [cases: number, seconds: number]>;
  broken: string[];
}

/** From the built file dist/bench/gate/ to the source, as the commands name them. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const LAWS_IN_PYTHON = 'bench/gate/hypothesis_laws.py';
const SYSTEMS = ['mamba2', 'gated-deltanet', 'log-linear-mamba2', 'log-linear-gated-deltanet'];
const MOST_TEXT = 2 ** 26;

/** The first Python that has numpy, and Hypothesis where that is asked for. */
export function pythonWith(...modules: string[]): string | null {
  const commands = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3'];
  return commands.find((each) => spawnSync(each, ['-c', `import ${modules.join(', ')}`]).status === 0) ?? null;
}

/** Seconds of processor time as the shell's `times` tells them, of a command and all that it started and waited for. */
export function cpuOf(times: string): number {
  const ofChildren = times.trim().split('\n').at(-1) as string;
  return [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0);
}

/** What a command prints, which is one line, and its processor time. */
function runTimed(command: readonly string[], env: NodeJS.ProcessEnv): { line: string; cpu: number } {
  const { stdout, stderr } = spawnSync('sh', ['-c', '"$@"; times', 'sh', ...command], {
    cwd: root,
    encoding: 'utf8',
    env,
    maxBuffer: MOST_TEXT,
  });
  const [line, ...times] = stdout.split('\n');
  if (!line.startsWith('{')) throw new Error(`${command.join(' ')} failed: ${stderr}`);
  return { line, cpu: cpuOf(times.join('\n')) };
}

function inPython(python: string, args: string[]): { command: string; run: TheirRun } {
  const command = [python, LAWS_IN_PYTHON, ...args];
  const { line, cpu } = runTimed(command, process.env);
  const run = JSON.parse(line) as TheirRun;
  if (run.broken.length > 0) throw new WrongAnswer(`in Python ${run.broken[0]}`);
  return { command: command.join(' '), run: { ...run, cpu } };
}

/** The gate as a command, with clocks inside of the program. */
function inGate(python: string, laws: string[], runs: number, seed: number): Omit<Side, 'meanT' | 'meanNumbers'> {
  const folder = mkdtempSync(join(tmpdir(), 'lla-bench-gate-'));
  const times = join(folder, 'times.json');
  const choice = ['--dtype', 'float64', '--system', SYSTEMS.join(','), '--law', laws.join(',')];
  const args = ['gate', ...choice, '--runs', String(runs), '--seed', String(seed)];
  const program = ['--', python, 'bench/gate/timed_numpy.py'];
  try {
    const command = [process.execPath, 'dist/cli.js', ...args, '--json', ...program];
    const { line, cpu } = runTimed(command, { ...process.env, BENCH_TIMES: times });
    const { conforms, summary } = JSON.parse(line) as GateReport;
    if (!conforms) throw new WrongAnswer('the gate does not find that the numpy example conforms');
    const { calls } = JSON.parse(readFileSync(times, 'utf8')) as { calls: Call[] };
    return {
      command: `lla ${args.join(' ')} ${program.join(' ')}`,
      cases: summary.cases,
      seconds: summary.seconds,
      cpu,
      implementation: calls.reduce((sum, [inside]) => sum + inside, 0),
      calls: calls.length,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the gate draws for these laws, on average. */
function drawn(laws: readonly Law[], systems: readonly System[]): Pick<Side, 'meanT' | 'meanNumbers'> {
  const abilities = { ...builtIn[0].abilities, structures: false };
  const subject = { ...builtIn[0], abilities };
  let [count, T, numbers] = [0, 0, 0];
  for (const law of laws) {
    for (const system of systems.filter((each) => law.appliesTo(each))) {
      for (const { c } of fc.sample(law.draw(system, subject), {
        numRuns: 20,
        seed: seedOf(1, law.name, system.name),
      })) {
        count++;
        T += sizesOf(c).T;
        for (const name of ['q', 'k', 'v'] as const) numbers += elements((c.inputs[name] as Tensor).shape);
      }
    }
  }
  return { meanT: T / count, meanNumbers: numbers / count };
}

/** Null where no Python has Hypothesis and numpy. Each side judges `rounds` times `runs` cases of every law and system. */
export function againstHypothesis(runs: number, rounds: number): AgainstHypothesis | null {
  const python = pythonWith('numpy', 'hypothesis');
  if (python === null) return null;
  say('the same laws in Python: checking');
  const { run: first } = inPython(python, ['--examples', '1', '--seed', '0']);
  const names = Object.keys(first.laws);
  inGate(python, names, 1, 0);
  const laws = names.map((name) => findLaw(name) as Law);
  const systems = SYSTEMS.map((name) => findSystem(name) as System);
  const none = { cases: 0, seconds: 0, cpu: 0, implementation: 0, calls: 0 };
  const ours: Side = { command: '', ...none, ...drawn(laws, systems) };
  const theirs: Side = { command: '', ...none, meanT: 0, meanNumbers: 0 };
  const add = (to: Side, more: Omit<Side, 'meanT' | 'meanNumbers'>): void => {
    for (const key of ['cases', 'seconds', 'cpu', 'implementation', 'calls'] as const) to[key] += more[key];
    if (to.command === '') to.command = more.command;
  };
  for (let seed = 1; seed <= rounds; seed++) {
    say(`the same laws in Python, round ${seed} of ${rounds}`);
    const { command, run } = inPython(python, ['--examples', String(runs), '--seed', String(seed)]);
    add(theirs, { command, ...run });
    theirs.meanT += run.meanT / rounds;
    theirs.meanNumbers += run.meanNumbers / rounds;
    say(`these laws at the gate, round ${seed} of ${rounds}`);
    add(ours, inGate(python, names, runs, seed));
  }
  return { hypothesis: first.hypothesis, numpy: first.numpy, laws: names.length, systems: SYSTEMS, ours, theirs };
}
