/** The gate: every law on every implementation and system that was asked for, and what came of it. */
import { Tinypool } from 'tinypool';
import { notCovered, seedOf } from '../properties/check-law.ts';
import type { Implementation, Law } from '../properties/law.ts';
import type { System } from '../reference/systems/registry.ts';
import { type GateVerdict, judge, type Task } from './judge.ts';
import { countsAgainst, type Outcome, outcomeOf } from './outcome.ts';
import { type Shard, shardOf } from './shard.ts';

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
  verdicts: GateVerdict[];
}

export interface Triple {
  law: Law;
  system: System;
  subject: Implementation;
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

/** What a run has to judge, in order. */
export function triplesOf({
  implementations,
  systems,
  laws,
}: Pick<GateOptions, 'implementations' | 'systems' | 'laws'>): Triple[] {
  return implementations.flatMap((subject) =>
    systems.flatMap((system) =>
      inOrder(laws)
        .filter((law) => law.appliesTo(system))
        .map((law) => ({ subject, system, law })),
    ),
  );
}

export async function runGate(options: GateOptions): Promise<GateReport> {
  const started = performance.now();
  const all = triplesOf(options);
  const triples = options.shard ? shardOf(all, options.shard) : all;
  options.onStart?.(triples.length);
  const verdicts = await ((options.jobs ?? 1) > 1 ? judgeInThreads(triples, options) : judgeHere(triples, options));
  const about = {
    seed: options.seed,
    runs: options.runs,
    enforceRecommended: options.enforceRecommended ?? false,
    ...(options.command ? { command: options.command } : {}),
    ...(options.shard ? { shard: options.shard } : {}),
  };
  return reportOf(about, verdicts, (performance.now() - started) / 1000);
}

/** The report of these verdicts: their counts, and whether they conform. */
export function reportOf(
  about: Pick<GateReport, 'seed' | 'runs' | 'command' | 'enforceRecommended' | 'shard'>,
  verdicts: GateVerdict[],
  seconds: number,
): GateReport {
  const count = (status: GateVerdict['status']): number =>
    verdicts.filter((verdict) => verdict.status === status).length;
  const outcomes = verdicts.map((verdict) => outcomeOf(verdict, about));
  const came = (outcome: Outcome): number => outcomes.filter((each) => each === outcome).length;
  const summary = {
    passed: count('passed'),
    failed: count('failed'),
    blocked: count('blocked'),
    notCovered: count('not-covered'),
    errors: count('error'),
    expected: came('expected'),
    flaky: came('flaky'),
    recommended: came('recommended'),
    fixed: came('fixed'),
    cases: verdicts.reduce((sum, { cases }) => sum + cases, 0),
    seconds,
  };
  // a run that judged nothing has shown nothing
  const conforms = summary.passed > 0 && !outcomes.some(countsAgainst);
  return { ...about, conforms, summary, verdicts };
}

/** Each triple with a seed of its own, so that it can be replayed alone. */
function taskOf({ law, system, subject }: Triple, { seed, runs, path }: GateOptions): Task {
  const names = { law: law.name, system: system.name, implementation: subject.name };
  return { ...names, seed: path === undefined ? seedOf(seed, law.name, system.name, subject.name) : seed, runs, path };
}

/** A verdict without judging: a prerequisite of the law is broken, or blocked itself. */
function blockedBy({ law, system, subject }: Triple, task: Task, before: readonly GateVerdict[]): GateVerdict | null {
  if (notCovered(law, subject, system) !== null) return null;
  const broken = before.find(({ status }) => status !== 'passed' && status !== 'not-covered');
  if (!broken) return null;
  const { runs: _, path: __, ...names } = task;
  const described = { level: law.level, dtype: subject.precision.name };
  return { ...names, ...described, status: 'blocked', cases: 0, worst: null, reason: `${broken.law} does not hold` };
}

const keyOf = (law: string, { system, subject }: Triple): string => `${law} ${system.name} ${subject.name}`;

async function judgeHere(triples: readonly Triple[], options: GateOptions): Promise<GateVerdict[]> {
  const verdicts = new Map<string, GateVerdict>();
  for (const triple of triples) {
    const { law, subject, system } = triple;
    const task = taskOf(triple, options);
    const before = law.prerequisites.flatMap((name) => verdicts.get(keyOf(name, triple)) ?? []);
    const verdict = blockedBy(triple, task, before) ?? (await judge(law, subject, system, task));
    verdicts.set(keyOf(law.name, triple), verdict);
    options.onVerdict?.(verdict);
    // the progress line, and an interrupt, get a turn
    await new Promise((resume) => setImmediate(resume));
  }
  return [...verdicts.values()];
}

async function judgeInThreads(triples: readonly Triple[], options: GateOptions): Promise<GateVerdict[]> {
  const pool = new Tinypool({
    filename: new URL('./judge.js', import.meta.url).href,
    minThreads: options.jobs,
    maxThreads: options.jobs,
  });
  try {
    const verdicts = new Map<string, Promise<GateVerdict>>();
    for (const triple of triples) {
      const task = taskOf(triple, options);
      const before = triple.law.prerequisites.flatMap((name) => verdicts.get(keyOf(name, triple)) ?? []);
      const verdict = Promise.all(before)
        .then((each) => blockedBy(triple, task, each) ?? (pool.run(task) as Promise<GateVerdict>))
        .then((result) => {
          options.onVerdict?.(result);
          return result;
        });
      verdicts.set(keyOf(triple.law.name, triple), verdict);
    }
    return await Promise.all(verdicts.values());
  } finally {
    await pool.destroy();
  }
}
