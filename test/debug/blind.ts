/** Wrong implementations without their names, the cases that they fail on, and what is made of them. */
import fc from 'fast-check';
import { wrongElsewhere } from '../../commands/debug/elsewhere.ts';
import { chunkOf, probeCases, type Question } from '../../debug/diagnose/cases.ts';
import { type DiagnoseOptions, type Diagnosis, diagnose } from '../../debug/diagnose/diagnose.ts';
import { ask, differs, memoryOf } from '../../debug/diagnose/outputs.ts';
import { expectedHere, rightFor } from '../../debug/diagnose/right.ts';
import { type Memory, noMemory } from '../../debug/diagnose/trial.ts';
import { implement, type Mutant } from '../../debug/dictionary/mutant.ts';
import { type Failure, failureOf, isWrong } from '../../debug/failure.ts';
import { seedOf } from '../../properties/check-law.ts';
import type { Draw, Implementation } from '../../properties/law.ts';
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

/** What a law drew when it rejected the subject; null where it does not in so many cases. */
async function failingDraw(
  subject: Implementation,
  system: string,
  lawName: string,
  runs: number,
): Promise<Draw | null> {
  const law = findLaw(lawName);
  if (!law) return null;
  const seed = seedOf(1, law.name, system);
  for (let at = 0; at < runs; at++) {
    const draw = () =>
      fc.sample(law.draw(findSystem(system) as System, subject), { seed, path: String(at), numRuns: 1 })[0];
    try {
      if (!(await law.check(subject, draw())).holds) return draw();
    } catch {
      // outside of what is promised
    }
  }
  return null;
}

/** The case on which a law rejects the subject; null where it does not in so many cases. */
export async function failingCase(
  subject: Implementation,
  system: string,
  law: string,
  runs: number,
): Promise<Case | null> {
  const draw = await failingDraw(subject, system, law, runs);
  return draw && { ...draw.c, law };
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

/** What `lla debug` starts from where a law has failed: the case itself, or whatever else is answered wrongly. */
async function failureOfLaw(subject: Implementation, draw: Draw, law: string): Promise<Failure> {
  const failure = await failureOn(subject, { ...draw.c, law });
  if (isWrong(failure)) return failure;
  const expected = expectedHere({ ...draw.c, chunkSize: chunkOf(subject, draw.c) }, subject.precision);
  const elsewhere = await wrongElsewhere(subject, { c: draw.c, expected, notes: [] }, { law, draw }, () => {});
  return elsewhere ? { ...elsewhere.failure, c: { ...elsewhere.failure.c, law } } : failure;
}

/** A blind diagnosis. The failing case is that of the law which rejects the subject, else the first probe that it fails. */
export async function diagnoseBlind(
  subject: Implementation,
  system: string,
  options: DiagnoseOptions,
  byLaw?: { law: string; runs: number },
): Promise<{ diagnosis: Diagnosis; failing: 'law' | 'probe' | null }> {
  const draw = byLaw ? await failingDraw(subject, system, byLaw.law, byLaw.runs) : null;
  if (byLaw && draw) {
    const failure = await failureOfLaw(subject, draw, byLaw.law);
    return { diagnosis: await diagnose(subject, failure, options), failing: 'law' };
  }
  const probe = await failingProbe(subject, system, options.memory);
  const c = probe?.c ?? probeCases(system, subject)[0].c;
  // a case with NaN in it is a law's, not one that anybody has to answer
  const law = probe?.poisonedAt === undefined ? {} : { law: 'causal-forward-nonfinite' };
  const failure = await failureOn(subject, { ...c, ...law });
  return { diagnosis: await diagnose(subject, failure, options), failing: probe ? 'probe' : null };
}

/** The bugs named first, where nothing tells them apart all of them. */
export const firstNamed = ({ causes, pairs }: Diagnosis): string[] => (causes[0] ?? pairs[0])?.names ?? [];
