/** Whether a case still fails in the way that the first one did. */

import { type Implementation, NoAnswer, OutsideAbilities } from '../../properties/law.ts';
import { inOwnChunks } from '../../properties/laws/common.ts';
import type { Case } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { expectedOf } from '../expected.ts';
import { type Failure, failureOf, type OutputErrors, type Subject } from '../failure.ts';

/** The worst output of a failure, by its name; null where none is wrong. */
export function worstOutput({ outputs }: Failure): OutputErrors | null {
  const worstOf = ({ ratio }: OutputErrors): number => ratio.reduce((a, b) => Math.max(a, b), 0);
  const wrong = outputs.filter(({ ratio }) => ratio.some((each) => !(each <= 1)));
  // what the others are made of comes first
  const main = wrong.find(({ name }) => name === 'o');
  if (main) return main;
  return wrong.reduce<OutputErrors | null>((a, b) => (a && worstOf(a) >= worstOf(b) ? a : b), null);
}

/** A number that is off is another fault than one that is none: a case that turned from one to the other has left the failure behind. */
const wrongKinds = ({ ratio, actual, expected }: OutputErrors): Set<string> =>
  new Set(
    [...ratio.keys()]
      .filter((i) => !(ratio[i] <= 1) && Number.isFinite(expected[i]))
      .map((i) => (Number.isFinite(actual[i]) ? 'off' : 'none')),
  );

/** An implementation's failure on a case, by the bounds of that case. @throws what the implementation throws */
export async function failureOn(subject: NonNullable<Subject>, c: Case): Promise<Failure> {
  const { precision } = subject;
  const answer = await subject.run(c);
  return failureOf(c, precision, answer, expectedOf(inOwnChunks(subject as Implementation, c), precision));
}

/** For `minimise`: the same output is wrong, and wrong in the same way, by the case's own bounds. */
export function stillWrong(subject: NonNullable<Subject>, failure: Failure): (c: Case) => Promise<boolean> {
  const first = worstOutput(failure);
  if (!first) throw new Error('stillWrong: nothing is wrong');
  const kinds = wrongKinds(first);
  return async (c) => {
    try {
      const found = (await failureOn(subject, c)).outputs.find(({ name }) => name === first.name);
      return found !== undefined && [...wrongKinds(found)].some((kind) => kinds.has(kind));
    } catch (error) {
      // one that is not answered is not wrong in the same way
      if (error instanceof OutsideAbilities || error instanceof NoAnswer || error instanceof InvalidInput) return false;
      throw error;
    }
  };
}
