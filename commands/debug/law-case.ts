/** Where the answer to a case is right although a law fails on it: the law asks further cases, and one of those may be answered wrongly. */
import fc from 'fast-check';
import { expectedOf } from '../../debug/expected.ts';
import { type Failure, failureOf } from '../../debug/failure.ts';
import { isWrong } from '../../debug/report/report.ts';
import type { Draw, Implementation, Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { inOwnChunks } from '../../properties/laws/common.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';

/** Cases of a law that are looked at. */
const MOST_ASKED = 64;

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

export interface LawCase {
  failure: Failure;
  answer: Answer;
  /** Which of the cases that the law asks it is, counted from 1. */
  number: number;
  of: number;
}

/**
 * The first case that the law of a failing case asks, and that is answered wrongly by its own bounds.
 * @returns null where there is none, where the law is not known, or where what it drew cannot be had again
 */
export async function lawCase(subject: Implementation, c: Case, origin: Origin): Promise<LawCase | null> {
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
    if (isWrong(failure)) return { failure, answer, number: i + 1, of: asked.length };
  }
  return null;
}
