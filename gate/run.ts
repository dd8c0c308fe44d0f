/** The gate: every law on every implementation and system that was asked for, and what came of it. */
import pLimit from 'p-limit';
import { Tinypool } from 'tinypool';
import { notCovered, seedOf } from '../properties/check-law.ts';
import type { Implementation, Law } from '../properties/law.ts';
import type { Oracle } from '../properties/oracle.ts';
import type { System } from '../reference/systems/registry.ts';
import { type Expectations, expectedOf, unusedOf } from './expectations.ts';
import { type GateVerdict, judge, type Task } from './judge.ts';
import type { Kept } from './kept.ts';
import { countsAgainst, type Outcome, outcomeOf } from './outcome.ts';
import { type Shard, shardOf } from './shard.ts';
import { type Turns, whoWaits } from './turns.ts';

export interface GateOptions {
  implementations: readonly Implementation[];
  systems: readonly System[];
  laws: readonly Law[];
  seed: number;
  /** Cases for each law, system and implementation. */
  runs: number;
  /** Replays one shrunk case; for a single law, system and implementation. Then `seed` is the one that was printed with it. */
  path?: string;
  /** Worker threads; 1 judges in this thread. More than one needs built-in implementations. Default 1. */
  jobs?: number;
  /** Laws judged at the same time in this thread: as many as an implementation answers cases at once. Default 1. */
  concurrency?: number;
  /** What takes turns, so that a run is quick: whose turn it is follows from the seed. Default: nothing does, and all is judged. */
  turns?: Pick<Turns, 'dtypes' | 'large'>;
  /** Stops after the first verdict that counts against the run. */
  bail?: boolean;
  /** What is known to fail. */
  expectations?: Expectations;
  /** Counterexamples found earlier, judged before anything is drawn. */
  kept?: readonly Pick<Kept, 'law' | 'system' | 'path'>[];
  /** Default: asked in this thread. */
  oracle?: Oracle;
  /** Whether broken recommended laws count against the run. Default false. */
  enforceRecommended?: boolean;
  /** Judges this part alone; the others are judged elsewhere. */
  shard?: Shard;
  /** The program that is judged, for the report. */
  command?: readonly string[];
  onStart?: (total: number) => void;
  onVerdict?: (verdict: GateVerdict) => void;
}

export interface GateReport {
  seed: number;
  runs: number;
  /** The program that was judged, with its arguments; left out for our own forms. */
  command?: readonly string[];
  /** The fixtures that were judged, in place of cases that are drawn: version, set and format. */
  fixtures?: string;
  /** Whether recommended laws count. */
  enforceRecommended: boolean;
  /** Which part of the verdicts this is, where they are shared among machines; counted from 1. */
  shard?: Shard;
  conforms: boolean;
  summary: {
    passed: number;
    failed: number;
    blocked: number;
    notCovered: number;
    /** Of those that are not covered: those that waited while another had its turn. */
    waiting?: number;
    errors: number;
    /** Of those that failed, threw or were blocked: on the list of expected failures, on it as flaky, of a recommended law. */
    expected: number;
    flaky: number;
    recommended: number;
    /** Expected failures that passed. */
    fixed: number;
    cases: number;
    seconds: number;
  };
  /** Entries of the list of expected failures that no verdict is about. */
  unusedExpectations?: string[];
  /** Whether it ended at the first verdict that counts. */
  bailed?: boolean;
  verdicts: GateVerdict[];
}

/** A report but for what came of the run. */
export type About = Omit<GateReport, 'conforms' | 'summary' | 'verdicts'>;

export interface Triple {
  law: Law;
  system: System;
  subject: Implementation;
  /** It is not judged in this run: whose turn it is instead. */
  waits?: string;
}

/** Laws in an order in which every prerequisite comes before what depends on it. */
export function inOrder(laws: readonly Law[]): Law[] {
  const ordered: Law[] = [];
  const visit = (law: Law): void => {
    if (ordered.includes(law)) return;
    for (const name of law.prerequisites) {
      const first = laws.find((other) => other.name === name);
      if (first) visit(first);
    }
    ordered.push(law);
  };
  laws.forEach(visit);
  return ordered;
}

/** What a run has to judge, in order, and what waits. */
export function triplesOf({
  implementations,
  systems,
  laws,
  seed = 0,
  turns,
  kept,
}: Pick<GateOptions, 'implementations' | 'systems' | 'laws' | 'turns' | 'kept'> &
  Partial<Pick<GateOptions, 'seed'>>): Triple[] {
  const all: Triple[] = implementations.flatMap((subject) =>
    systems.flatMap((system) =>
      inOrder(laws)
        .filter((law) => law.appliesTo(system))
        .map((law) => ({ subject, system, law })),
    ),
  );
  if (!turns) return all;
  const waiting = whoWaits(all, { ...turns, seed, kept });
  return all.map((triple) => {
    const waits = waiting.get(triple);
    return waits === undefined ? triple : { ...triple, waits };
  });
}

export async function runGate(options: GateOptions): Promise<GateReport> {
  const started = performance.now();
  const all = triplesOf(options);
  const triples = options.shard ? shardOf(all, options.shard) : all;
  options.onStart?.(triples.length);
  const verdicts = await ((options.jobs ?? 1) > 1 ? judgeInThreads(triples, options) : judgeHere(triples, options));
  const about = {
    ...aboutOf(options),
    ...(options.expectations ? { unusedExpectations: unusedOf(options.expectations, verdicts) } : {}),
    ...(verdicts.length < triples.length ? { bailed: true } : {}),
  };
  return reportOf(about, verdicts, (performance.now() - started) / 1000);
}

/** What a report says of the run, whatever comes of it. */
export const aboutOf = ({
  seed,
  runs,
  enforceRecommended = false,
  command,
  shard,
}: Pick<GateOptions, 'seed' | 'runs' | 'enforceRecommended' | 'command' | 'shard'>): About => ({
  seed,
  runs,
  enforceRecommended,
  ...(command ? { command } : {}),
  ...(shard ? { shard } : {}),
});

/** The report of these verdicts: their counts, and whether they conform. */
export function reportOf(about: About, verdicts: GateVerdict[], seconds: number): GateReport {
  const count = (status: GateVerdict['status']): number =>
    verdicts.filter((verdict) => verdict.status === status).length;
  const outcomes = verdicts.map((verdict) => outcomeOf(verdict, about));
  const came = (outcome: Outcome): number => outcomes.filter((each) => each === outcome).length;
  const waiting = verdicts.filter(({ waits }) => waits).length;
  const summary = {
    passed: count('passed'),
    failed: count('failed'),
    blocked: count('blocked'),
    notCovered: count('not-covered'),
    ...(waiting > 0 ? { waiting } : {}),
    errors: count('error'),
    expected: came('expected'),
    flaky: came('flaky'),
    recommended: came('recommended'),
    fixed: came('fixed'),
    cases: verdicts.reduce((sum, { cases }) => sum + cases, 0),
    seconds,
  };
  // a run that judged nothing has shown nothing
  const isJudged = verdicts.some(({ status }) => status !== 'not-covered' && status !== 'blocked');
  const conforms = isJudged && !outcomes.some(countsAgainst);
  return { ...about, conforms, summary, verdicts };
}

/** Each triple with a seed of its own, so that it can be replayed alone. */
function taskOf({ law, system, subject }: Triple, { seed, runs, path, expectations, kept = [] }: GateOptions): Task {
  const names = { law: law.name, system: system.name, implementation: subject.name };
  const own = path === undefined ? seedOf(seed, law.name, system.name, subject.name) : seed;
  const task: Task = { ...names, seed: own, runs, path };
  const expected = expectations && expectedOf(expectations, law.name, system.name, subject.precision.name);
  if (expected) task.expected = expected;
  const found = kept.filter((each) => each.law === law.name && each.system === system.name);
  if (found.length > 0) task.kept = found.map((each) => each.path);
  return task;
}

/** A verdict without judging. */
const unjudged = ({ law, system, subject }: Triple, seed: number): Omit<GateVerdict, 'status'> => ({
  law: law.name,
  system: system.name,
  implementation: subject.name,
  seed,
  level: law.level,
  dtype: subject.precision.name,
  cases: 0,
  worst: null,
});

/** The verdict where it is another's turn. */
function waitingFor(triple: Triple, { seed }: Task): GateVerdict | null {
  if (triple.waits === undefined) return null;
  return { ...unjudged(triple, seed), status: 'not-covered', reason: triple.waits, waits: true };
}

/** The verdict where a prerequisite of the law is broken, or blocked itself. */
function blockedBy(triple: Triple, task: Task, before: readonly GateVerdict[]): GateVerdict | null {
  const { law, system, subject } = triple;
  if (notCovered(law, subject, system) !== null) return null;
  const broken = before.find(({ status }) => status !== 'passed' && status !== 'not-covered');
  if (!broken) return null;
  const { expected = broken.expected && { ...broken.expected, reason: `follows from ${broken.law}` } } = task;
  return {
    ...unjudged(triple, task.seed),
    status: 'blocked',
    reason: `${broken.law} does not hold`,
    ...(expected ? { expected } : {}),
  };
}

const keyOf = (law: string, { system, subject }: Triple): string => `${law} ${system.name} ${subject.name}`;

/** Every triple once all that its law depends on has been judged; after a verdict that ends the run, none. */
async function judgeEach(
  triples: readonly Triple[],
  options: GateOptions,
  atOnce: number,
  run: (triple: Triple, task: Task) => Promise<GateVerdict>,
): Promise<GateVerdict[]> {
  const limit = pLimit(atOnce);
  const verdicts = new Map<string, Promise<GateVerdict | null>>();
  const { enforceRecommended = false } = options;
  let isOver = false;
  for (const triple of triples) {
    const task = taskOf(triple, options);
    const before = triple.law.prerequisites.flatMap((name) => verdicts.get(keyOf(name, triple)) ?? []);
    const verdict = Promise.all(before).then(async (all) => {
      const each = all.filter((one) => one !== null);
      const result =
        waitingFor(triple, task) ??
        blockedBy(triple, task, each) ??
        (await limit(() => (isOver ? Promise.resolve(null) : run(triple, task))));
      if (result === null) return null;
      if (options.bail && countsAgainst(outcomeOf(result, { enforceRecommended }))) isOver = true;
      options.onVerdict?.(result);
      return result;
    });
    verdicts.set(keyOf(triple.law.name, triple), verdict);
  }
  return (await Promise.all(verdicts.values())).filter((verdict) => verdict !== null);
}

async function judgeHere(triples: readonly Triple[], options: GateOptions): Promise<GateVerdict[]> {
  return judgeEach(triples, options, options.concurrency ?? 1, async ({ law, subject, system }, task) => {
    // the progress line, and an interrupt, get a turn
    await new Promise((resume) => setImmediate(resume));
    return judge(law, subject, system, task, options.oracle);
  });
}

async function judgeInThreads(triples: readonly Triple[], options: GateOptions): Promise<GateVerdict[]> {
  const pool = new Tinypool({
    filename: new URL('./judge.js', import.meta.url).href,
    minThreads: options.jobs,
    maxThreads: options.jobs,
  });
  try {
    return await judgeEach(triples, options, options.jobs ?? 1, (_, task) => pool.run(task) as Promise<GateVerdict>);
  } finally {
    await pool.destroy();
  }
}
