/** Wrong implementations without their names, the cases that they fail on, and what is made of them. */
import fc from 'fast-check';
import { chunkOf, probeCases, type Question } from '../../debug/diagnose/cases.ts';
import { type DiagnoseOptions, type Diagnosis, diagnose } from '../../debug/diagnose/diagnose.ts';
import { ask, differs, memoryOf } from '../../debug/diagnose/outputs.ts';
import { expectedHere, rightFor } from '../../debug/diagnose/right.ts';
import { type Memory, noMemory } from '../../debug/diagnose/trial.ts';
import { implement, type Mutant } from '../../debug/dictionary/mutant.ts';
import { type Failure, failureOf } from '../../debug/failure.ts';
import { seedOf } from '../../properties/check-law.ts';
import type { Implementation } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import type { Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { inPrecision } from '../mutants/in-precision.ts';
import { correctKernel } from '../mutants/trial.ts';

/** A mutant as somebody's kernel: nothing in it says which one it is, and it has a memory of its own. */
export function blind(mutant: Mutant, precision: Precision): Implementation {
  const fresh: Mutant = { ...mutant, implementation: implement('kernel', mutant.system, [mutant.change()]) };
  const kernel = inPrecision(fresh, precision, correctKernel(precision, mutant));
  return { ...kernel, name: 'kernel' };
}

/** A failure on a case, whatever is wrong on it. */
export async function failureOn(subject: Implementation, c: Case): Promise<Failure> {
  const asked = { ...c, chunkSize: chunkOf(subject, c) };
  const answer = await subject.run(memoryOf({ name: '', c }));
  return failureOf(c, subject.precision, answer, expectedHere(asked, subject.precision));
}

/** The case on which a law rejects the subject; null where it does not in so many cases. */
export async function failingCase(
  subject: Implementation,
  system: string,
  lawName: string,
  runs: number,
): Promise<Case | null> {
  const law = findLaw(lawName);
  if (!law) return null;
  const seed = seedOf(1, law.name, system);
  for (let at = 0; at < runs; at++) {
    const draw = () =>
      fc.sample(law.draw(findSystem(system) as System, subject), { seed, path: String(at), numRuns: 1 })[0];
    try {
      if (!(await law.check(subject, draw())).holds) return { ...draw().c, law: law.name };
    } catch {
      // outside of what is promised
    }
  }
  return null;
}

/** The first probe on which the subject is wrong; null where it is right on all of them. */
export async function failingProbe(
  subject: Implementation,
  system: string,
  memory: Memory = noMemory,
): Promise<Question | null> {
  for (const question of probeCases(system, subject, true)) {
    const right = await memory(`${question.key} right`, () => rightFor(question, subject));
    const actual = await ask(subject, question);
    if (differs(actual, right, 1, [...actual.keys()])) return question;
  }
  return null;
}

/** A blind diagnosis. The failing case is that of the law which rejects the subject, else the first probe that it fails. */
export async function diagnoseBlind(
  subject: Implementation,
  system: string,
  options: DiagnoseOptions,
  byLaw?: { law: string; runs: number },
): Promise<{ diagnosis: Diagnosis; failing: 'law' | 'probe' | null }> {
  const found = byLaw ? await failingCase(subject, system, byLaw.law, byLaw.runs) : null;
  const probe = found ? null : await failingProbe(subject, system, options.memory);
  const c = found ?? probe?.c ?? probeCases(system, subject)[0].c;
  // a case with NaN in it is a law's, not one that anybody has to answer
  const law = probe?.poisonedAt === undefined ? {} : { law: 'causal-forward-nonfinite' };
  const failure = await failureOn(subject, { ...c, ...law });
  const diagnosis = await diagnose(subject, failure, options);
  return { diagnosis, failing: found ? 'law' : probe ? 'probe' : null };
}

/** The bugs named first, where nothing tells them apart all of them. */
export const firstNamed = ({ causes, pairs }: Diagnosis): string[] => (causes[0] ?? pairs[0])?.names ?? [];
