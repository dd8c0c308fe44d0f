/** Cases a minute of the gate with its standard cases, where the time goes, and whether its memory grows. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openProgram } from '../../gate/external/implementation.ts';
import { runGate } from '../../gate/run.ts';
import { laws } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';
import { WrongAnswer } from '../cases.ts';
import { say } from '../timing.ts';
import { type Call, createWatch, type Drawn, SHORT, type Stages, stagesOf, watchedLaw } from './stages.ts';

export interface Throughput {
  cases: number;
  questions: number;
  /** Wall time of the run, and processor time of the gate and of the program. */
  seconds: number;
  gateCpu: number;
  programCpu: number;
  all: Stages;
  /** Cases of at most SHORT positions. */
  short: Stages;
  /** Of the gate's process, after a garbage collection, once a round. */
  memory: { cases: number; rss: number; heap: number }[];
}

const SECOND = 1000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Rounds of the gate, each with a case for every law and system, until so many cases were judged.
 * `blind`: verdicts are passed over; else each has to hold.
 */
export async function throughput(command: readonly string[], cases: number, blind: boolean): Promise<Throughput> {
  const folder = mkdtempSync(join(tmpdir(), 'lla-bench-gate-'));
  const times = join(folder, 'times.json');
  const records = join(folder, 'cases.jsonl');
  // the program inherits it
  process.env.BENCH_TIMES = times;
  try {
    const { close, implementations } = await openProgram({
      command,
      timeout: 60 * SECOND,
      startTimeout: 60 * SECOND,
    });
    const [subject] = implementations;
    const asked = systems.filter(({ name }) => subject.abilities.systems.includes(name));
    const watch = createWatch();
    const watchedLaws = laws.map((law) => watchedLaw(law, watch, blind));
    const memory: Throughput['memory'] = [];
    const begun = { wall: performance.now(), cpu: process.cpuUsage() };
    let [aside, judged] = [0, 0];
    for (let seed = 1; judged < cases; seed++) {
      say(`${subject.name}: ${judged} of ${cases} cases`);
      watch.mark = performance.now();
      const report = await runGate({ implementations: [subject], systems: asked, laws: watchedLaws, seed, runs: 1 });
      const wrong = report.verdicts.find(({ status }) => status !== 'passed' && status !== 'not-covered');
      if (wrong)
        throw new WrongAnswer(`${subject.name}: ${wrong.law} on ${wrong.system}: ${wrong.reason ?? wrong.status}`);
      const start = performance.now();
      // what is kept of each case is the benchmark's own, and no memory of the gate
      judged += watch.cases.length;
      appendFileSync(
        records,
        watch.cases
          .splice(0)
          .map((each) => `${JSON.stringify(each)}\n`)
          .join(''),
      );
      collectGarbage();
      const { rss, heapUsed } = process.memoryUsage();
      memory.push({ cases: judged, rss, heap: heapUsed });
      aside += performance.now() - start;
    }
    const seconds = (performance.now() - begun.wall - aside) / SECOND;
    const { user, system } = process.cpuUsage(begun.cpu);
    await close();
    const { cpu, calls } = JSON.parse(readFileSync(times, 'utf8')) as { cpu: number; calls: Call[] };
    if (calls.length !== watch.questions) {
      throw new WrongAnswer(`${subject.name} counts ${calls.length} answers, the gate ${watch.questions} questions`);
    }
    const drawn = readFileSync(records, 'utf8').trimEnd().split('\n');
    const all = { cases: drawn.map((line): Drawn => JSON.parse(line)) };
    return {
      cases: judged,
      questions: watch.questions,
      seconds,
      gateCpu: (user + system) / 1e6,
      programCpu: cpu,
      all: stagesOf(all, calls),
      short: stagesOf(all, calls, SHORT),
      memory,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
