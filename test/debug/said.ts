/** What localising and probing say of a wrong implementation without its name, and without the dictionary. */
import { chunkOf, probeCases } from '../../debug/diagnose/cases.ts';
import { memoryOf } from '../../debug/diagnose/outputs.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { expectedOf } from '../../debug/expected.ts';
import { type Failure, failureOf, isWrong } from '../../debug/failure.ts';
import { localise } from '../../debug/localise/localise.ts';
import { probe } from '../../debug/probe/probe.ts';
import type { Implementation } from '../../properties/law.ts';
import type { Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { blind, failingCase } from './blind.ts';

/** Cases of the law that rejects a mutant, until one does. */
const LAW_RUNS = 40;

export interface Said {
  /** Null where every case that was asked is right. */
  failure: Failure | null;
  where: string[];
  what: string[];
}

async function failureOn(subject: Implementation, c: Case): Promise<Failure> {
  const right = expectedOf({ ...c, chunkSize: chunkOf(subject, c) }, subject.precision);
  return failureOf(c, subject.precision, await subject.run(memoryOf({ name: '', c })), right);
}

/**
 * The failure that somebody would debug: the case on which the law rejects it, else the first wrong probe. Where none is wrong by itself,
 * as where a law compares two answers, the law's case.
 */
export async function failureToDebug(
  subject: Implementation,
  { system, control }: Pick<Mutant, 'system' | 'control'>,
): Promise<Failure | null> {
  const found = await failingCase(subject, system, control, LAW_RUNS);
  const byLaw = found ? await failureOn(subject, found) : null;
  if (byLaw && isWrong(byLaw)) return byLaw;
  for (const { c } of probeCases(system, subject)) {
    const failure = await failureOn(subject, c);
    if (isWrong(failure)) return failure;
  }
  return byLaw;
}

/** All of it, in a precision. */
export async function saidOf(mutant: Mutant, precision: Precision): Promise<Said> {
  const failure = await failureToDebug(blind(mutant, precision), mutant);
  if (!failure) return { failure, where: [], what: [] };
  // one with no memory of what was asked so far
  const { sentences } = await probe(blind(mutant, precision), failure);
  return { failure, where: localise(failure).sentences, what: sentences };
}
