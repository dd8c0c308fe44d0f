/**
 * One law on all mutants of one system in one precision, on the same cases: what a worker thread runs. The correct kernel goes first;
 * where it is accused the case says nothing about mutants, and where a mutant answers all that the kernel was asked as the kernel does,
 * the verdict is the kernel's.
 */
import fc from 'fast-check';
import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { notCovered, seedOf } from '../../properties/check-law.ts';
import { verdict } from '../../properties/compare.ts';
import type { Draw, Implementation, Law } from '../../properties/law.ts';
import { findLaw, laws } from '../../properties/laws/all.ts';
import { compareAnswerBits, same } from '../../properties/laws/common.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import type { Variant } from '../emulated/variant.ts';
import { inPrecision, rightForm } from './in-precision.ts';
import { remember } from './remember.ts';

export interface Trial {
  precision: string;
  law: string;
  /** Mutants of one group. */
  mutants: string[];
  seed: number;
  /** Cases from this one on, of those that follow from the seed. */
  from: number;
  count: number;
  /** A mutant is done with when it is rejected. */
  stop: boolean;
}

export interface TrialResult {
  trial: Trial;
  /** Cases that rejected each mutant, by their number. */
  rejected: Record<string, number[]>;
  /** Cases on which the law accuses the correct kernel. */
  alarms: number[];
}

/** Mutants that are judged on the same cases: of one system, changes of one form. */
export function groupsOf(all: readonly Mutant[]): Mutant[][] {
  const groups = new Map<string, Mutant[]>();
  for (const each of all) {
    const key = `${each.system} ${each.form}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  // the largest first, so that no thread ends up with one of them alone
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

/**
 * The correct kernel of low precision under the bugs. It goes token by token: kernels of tiles multiply later tokens by 0, and so
 * break the law about NaN after t by themselves.
 */
const KERNEL = 'recurrent-tensor-cores';

/** Laws that reach the mutants of a group. */
export const lawsFor = ([{ implementation, system }]: readonly Mutant[]): Law[] =>
  laws.filter((law) => notCovered(law, implementation, findSystem(system) as System) === null);

/** The correct kernel under the bugs: its abilities cover those of every mutant. */
export function correctKernel(precision: Precision, { form, implementation }: Mutant): Implementation {
  const base = { ...implementation, name: 'correct', precision };
  if (precision.accumulate.bits === 53) return { ...base, run: rightForm({ form }) };
  return { ...base, run: emulated(precision, variants.find(({ name }) => name === KERNEL) as Variant).run };
}

const copyOf = (value: Tensor): Tensor => tensor(toDense(value), [...value.shape]);

/** A case in other memory, for one that may write to it. */
export function copyCase(c: Case): Case {
  const inputs = Object.fromEntries(Object.entries(c.inputs).map(([name, value]) => [name, copyOf(value)]));
  return { ...c, inputs };
}

/** Whether it gives the kernel's bits wherever the kernel was asked. */
async function answersAsKernel(
  subject: Implementation,
  asked: readonly { c: Case; answer: Answer }[],
): Promise<boolean> {
  for (const { c, answer } of asked) {
    const mine = await subject.run(copyCase(c));
    const worst = [...compareAnswerBits(mine, answer), same('position', mine.position, answer.position)];
    if ((verdict(worst).worst?.ratio ?? 0) > 0) return false;
  }
  return true;
}

/** The case of that number. Drawn anew for each use, since a mutant may write to it. */
const drawAt = (law: Law, system: System, subject: Implementation, seed: number, at: number): Draw =>
  fc.sample(law.draw(system, subject), { seed, path: String(at), numRuns: 1 })[0];

export default async function judgeGroup(trial: Trial): Promise<TrialResult> {
  const precision = findPrecision(trial.precision) as Precision;
  const law = findLaw(trial.law) as Law;
  const members = mutants.filter(({ name }) => trial.mutants.includes(name));
  const [first] = members;
  const system = findSystem(first.system) as System;
  const kernel = remember(correctKernel(precision, first).run);
  const right = remember(rightForm(first));
  const correct = { ...correctKernel(precision, first), run: kernel.run };
  const seed = seedOf(trial.seed, law.name, first.system, first.form);
  const subjects = members.map((mutant) => inPrecision(mutant, precision, correct, right.run));
  const result: TrialResult = {
    trial,
    rejected: Object.fromEntries(members.map(({ name }) => [name, []])),
    alarms: [],
  };
  const left = new Set(subjects);
  for (let at = trial.from; at < trial.from + trial.count && left.size > 0; at++) {
    kernel.forget();
    right.forget();
    const asked: { c: Case; answer: Answer }[] = [];
    const recording: Implementation = {
      ...correct,
      async run(c) {
        const answer = await kernel.run(c);
        asked.push({ c, answer });
        return { ...answer, gradients: answer.gradients && { ...answer.gradients } };
      },
    };
    const { holds } = await law.check(recording, drawAt(law, system, correct, seed, at));
    if (!holds) {
      result.alarms.push(at);
      continue;
    }
    for (const subject of left) {
      // views are about memory, which copies have lost
      if (!law.needs.includes('views') && (await answersAsKernel(subject, asked))) continue;
      const verdict = await law.check(subject, drawAt(law, system, correct, seed, at)).catch((error: Error) => {
        throw new Error(`${law.name} on ${subject.name} in ${precision.name}, case ${at}: ${error.stack}`);
      });
      if (verdict.holds) continue;
      result.rejected[subject.name].push(at);
      if (trial.stop) left.delete(subject);
    }
  }
  return result;
}
