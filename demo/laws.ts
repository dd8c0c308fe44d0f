/** Laws on the device, a few cases of each at a time, so that all of them go on together. */
import { checkLaw, notCovered, seedOf } from '../properties/check-law.ts';
import type { Implementation, Law } from '../properties/law.ts';
import { laws } from '../properties/laws/all.ts';
import { boundsFor, compareAnswers } from '../properties/laws/common.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Answer, Case } from '../reference/case.ts';
import { caseToJson, jsonText } from '../reference/case-json.ts';
import { compute } from '../reference/operator.ts';
import { findSystem, type System } from '../reference/systems/registry.ts';
import type { LawsInput } from './messages.ts';
import { breathe, subjectOn } from './subject.ts';
import type { Task } from './worker.ts';

/** The law whose cases tell how far each output is from the oracle. */
const AGAINST_ORACLE = ['forward-equals-masked', 'backward-equals-masked'];
/** Cases of a law before the next law has its turn. */
const BATCH = 4;
/** How long a small case is looked for that breaks a law, in milliseconds. */
const SHRINKING = 4000;

/** Where two answers are furthest apart, by output, in units of their bounds. */
function ratios(subject: Implementation, c: Case, answer: Answer): Record<string, number> {
  const apart = compareAnswers(answer, compute({ ...c, form: 'masked' }), boundsFor(subject, c), boundsOf(c));
  return Object.fromEntries(apart.filter(({ name }) => name !== 'position').map(({ name, ratio }) => [name, ratio]));
}

/**
 * The law, with a report after every case until it is broken. Then a small case is looked for, for a while: once the time is up or
 * the run is stopped the law lets everything pass, which ends the search.
 */
function watched(law: Law, { report, signal }: Task<'laws'>): Law {
  let brokenAt: number | null = null;
  return {
    ...law,
    async check(subject, draw) {
      const isOver = brokenAt !== null && performance.now() - brokenAt > SHRINKING;
      if (signal.aborted || isOver) return { holds: true, worst: null };
      let last: [Case, Answer] | null = null;
      const remembering: Implementation = {
        ...subject,
        async run(c) {
          const answer = await subject.run(c);
          last = [c, answer];
          return answer;
        },
      };
      const verdict = await law.check(remembering, draw).catch((error) => {
        if (brokenAt === null) report({ law: law.name, holds: false, worst: null });
        brokenAt ??= performance.now();
        throw error;
      });
      if (brokenAt !== null) {
        await breathe();
        return verdict;
      }
      const isJudged = AGAINST_ORACLE.includes(law.name) && last;
      const outputs = isJudged ? ratios(subject, ...(last as unknown as [Case, Answer])) : undefined;
      report({ law: law.name, holds: verdict.holds, worst: verdict.worst, outputs });
      if (!verdict.holds) brokenAt = performance.now();
      return verdict;
    },
  };
}

/** Judges one law on its next cases; reports it when it is through. Says whether it is. */
async function judgeBatch(
  law: Law,
  subject: Implementation,
  system: System,
  { seed, runs }: LawsInput,
  from: number,
  { report, signal }: Task<'laws'>,
): Promise<boolean> {
  const to = Math.min(runs, from + BATCH);
  const options = { seed: seedOf(seed, law.name, system.name, String(from)), runs: to - from };
  const { counterexample, ...result } = await checkLaw(law, subject, system, options);
  if (signal.aborted) return true;
  if (result.status === 'passed' && to < runs) return false;
  const { c } = counterexample ?? {};
  report({ result: { ...result, cases: from + result.cases, counterexample: c && jsonText(caseToJson(c)) } });
  return true;
}

export async function judgeLaws(input: LawsInput, task: Task<'laws'>): Promise<null> {
  const system = findSystem(input.system) as System;
  const { device, report, signal } = task;
  const subject = subjectOn(device);
  const covered = laws.filter((law) => notCovered(law, subject, system) === null);
  const chosen = covered.filter(({ name }) => input.laws?.includes(name) ?? true);
  report({ laws: chosen.map(({ name, statement }) => ({ name, statement })) });
  let open = chosen.map((law) => watched(law, task));
  for (let from = 0; open.length > 0 && !signal.aborted; from += BATCH) {
    const left: Law[] = [];
    for (const law of open) {
      await breathe();
      if (signal.aborted) return null;
      if (!(await judgeBatch(law, subject, system, input, from, task))) left.push(law);
    }
    open = left;
  }
  return null;
}
