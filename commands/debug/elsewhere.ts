/**
 * Where the answer to a case is right although a law fails on it: it may be wrong the second time, or to another case that the law asks.
 */
import fc from 'fast-check';
import { probeCases } from '../../debug/diagnose/cases.ts';
import { expectedOf } from '../../debug/expected.ts';
import { type Failure, failureOf, isWrong } from '../../debug/failure.ts';
import { type Draw, type Implementation, type Law, NoAnswer, OutsideAbilities } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { inOwnChunks } from '../../properties/laws/common.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';
import type { Prepared } from './input.ts';

/** Cases of a law that are looked at. */
const MOST_ASKED = 64;

const RIGHT = 'the answer to the case itself is right';

/** What lla gate writes of where a case came from. */
export interface Origin {
  law?: string;
  seed?: number;
  path?: string;
  /** What the law drew, where the file has it. */
  draw?: Draw;
}

const plain = ({ law: _law, seed: _seed, path: _path, ...c }: Case): string => jsonText(caseToJson(c));

/** What the law drew: as the file has it, or drawn again. Null where that is no longer the same case. */
function drawOf(law: Law, subject: Implementation, c: Case, { draw, seed, path }: Origin): Draw | null {
  if (draw) return { ...draw, c };
  if (seed === undefined || path === undefined) return null;
  const [again] = fc.sample(law.draw(findSystem(c.system) as System, subject), { seed, path, numRuns: 1 });
  return again && plain(again.c) === plain(c) ? again : null;
}

const hasNumbers = ({ inputs }: Case): boolean =>
  Object.entries(inputs).every(([name, value]) =>
    toDense(value).every((each) => Number.isFinite(each) || (name === 'g' && each === Number.NEGATIVE_INFINITY)),
  );

export interface Elsewhere {
  failure: Failure;
  answer: Answer;
  /** Which case it is, in words. */
  why: string;
}

/**
 * The first case that the law of a failing case asks, and that is answered wrongly by its own bounds.
 * @returns null where there is none, where the law is not known, or where what it drew cannot be had again
 */
async function lawCase(subject: Implementation, c: Case, origin: Origin): Promise<Elsewhere | null> {
  const law = origin.law === undefined ? undefined : findLaw(origin.law);
  const draw = law && drawOf(law, subject, c, origin);
  if (!draw) return null;
  const asked: { c: Case; answer: Answer }[] = [];
  const recorder: Implementation = {
    ...subject,
    async run(each) {
      const answer = await subject.run(each);
      if (asked.length < MOST_ASKED) asked.push({ c: each, answer });
      return answer;
    },
  };
  try {
    await law.check(recorder, draw);
  } catch {
    // what was answered until then is there
  }
  for (const [i, { c: each, answer }] of asked.entries()) {
    if (!hasNumbers(each)) continue;
    const failure = failureOf(
      each,
      subject.precision,
      answer,
      expectedOf(inOwnChunks(subject, each), subject.precision),
    );
    const why = `${RIGHT}: this is number ${i + 1} of the ${asked.length} cases that the law ${law.name} asks`;
    if (isWrong(failure)) return { failure, answer, why };
  }
  return null;
}

/** The first case of those that tell known bugs apart which is answered wrongly; null where all are right. */
async function firstWrongProbe(subject: Implementation, system: string): Promise<Elsewhere | null> {
  for (const { name, c } of probeCases(system, subject)) {
    try {
      const answer = await subject.run(c);
      const expected = expectedOf(inOwnChunks(subject, c), subject.precision);
      const failure = failureOf(c, subject.precision, answer, expected);
      const why = `${RIGHT}: this is a case of ours, “${name}”, that is answered wrongly`;
      if (isWrong(failure)) return { failure, answer, why };
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof OutsideAbilities)) throw error;
      return null;
    }
  }
  return null;
}

/** The same case once more. */
async function secondTime(subject: Implementation, { c, expected }: Prepared): Promise<Elsewhere | null> {
  const answer = await subject.run(c);
  const failure = failureOf(c, subject.precision, answer, expected);
  const why = 'the first answer to the case is right, and the second is wrong: something is left over from the first';
  return isWrong(failure) ? { failure, answer, why } : null;
}

/** An answer that is wrong, where the first one to the case is right; null where none is found. */
export async function wrongElsewhere(
  subject: Implementation,
  prepared: Prepared,
  origin: Origin,
  onStage: (stage: string) => void,
): Promise<Elsewhere | null> {
  const again = await secondTime(subject, prepared);
  if (again || origin.law === undefined) return again;
  onStage(`asking what the law ${origin.law} asks`);
  return (await lawCase(subject, prepared.c, origin)) ?? (await firstWrongProbe(subject, prepared.c.system));
}
