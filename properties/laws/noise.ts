/**
 * Answers against the noise of their precision: closer than any bound that holds for every input, for inputs that are drawn
 * independently, number by number. This is where a bug shows that hides below the worst case of a narrow format and a long sum.
 */
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { toDense } from '../../reference/tensor.ts';
import type { Wish } from '../arbitraries/cases.ts';
import { generic } from '../arbitraries/values.ts';
import { compare, verdict } from '../compare.ts';
import type { Implementation, Law, Worst } from '../law.ts';
import { likelyBoundsOf } from '../likely.ts';
import { DOUBLE } from '../precision.ts';
import { type Bounds, boundsOf } from '../tolerance.ts';
import { truthOf } from '../truth.ts';
import { distance } from './certified.ts';
import { anySystem, missing, sum } from './common.ts';
import { law } from './define.ts';

const CITATION = 'Higham and Mary, SIAM J. Sci. Comput. 41 (2019): rounding errors as independent random variables';

const wish: Wish = { state: 'sometimes', packed: 'sometimes', structures: true, styles: generic, work: 3e5 };

/** Every output, or every gradient, and its bound: against the truth where the subject has as many bits as the oracle. */
async function compareWithNoise(subject: Implementation, c: Case, names: readonly ('o' | 'finalState' | InputName)[]) {
  const answer = await subject.run(c);
  const of = <T>(all: { o: T; finalState?: T; gradients?: Partial<Record<InputName, T>> }, name: string): T | undefined =>
    name === 'o' || name === 'finalState' ? all[name] : all.gradients?.[name as InputName];
  const bounds: Bounds = likelyBoundsOf(c, subject.precision);
  const titleOf = (name: string): string => (name === 'o' || name === 'finalState' ? name : `gradients.${name}`);
  if (subject.precision.accumulate.bits >= DOUBLE.accumulate.bits) {
    const truth = truthOf(c);
    return names.map((name) =>
      distance(titleOf(name), of(answer, name), of(truth, name) as never, of(bounds, name) as Float64Array),
    );
  }
  const [expected, ofOracle] = [compute(c), boundsOf(c)];
  return names.map((name): Worst => {
    const [actual, value] = [of<Tensor>(answer, name), of<Tensor>(expected, name) as Tensor];
    if (!actual) return missing(titleOf(name));
    return compare(titleOf(name), actual, value, sum(of(bounds, name) as Float64Array, of(ofOracle, name) as Float64Array));
  });
}
