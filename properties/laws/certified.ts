/**
 * Answers against the truth: the operator and its derivatives in double-double, 106 bits against 53. Within the bound that holds for
 * every case; and, for inputs that are drawn independently, number by number, within the far closer one of independent errors: there a
 * bug shows that hides below the worst case of a narrow format and a long sum.
 */
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';
import type { Wish } from '../arbitraries/cases.ts';
import { independent } from '../arbitraries/values.ts';
import { compareParts, verdict } from '../compare.ts';
import { shapeOf, sizesOf } from '../edit.ts';
import type { Implementation, Law, Verdict, Worst } from '../law.ts';
import { likelyBoundsOf } from '../likely.ts';
import type { Bounds } from '../tolerance.ts';
import { type Parts, truthOf } from '../truth.ts';
import { anySystem, boundsFor, inOwnChunks, missing, PAPER } from './common.ts';
import { law } from './define.ts';

/** Against the truth, in the shape that is wanted. */
const against = (
  name: string,
  actual: Tensor | undefined,
  truth: Parts,
  shape: readonly number[],
  bound: Float64Array,
): Worst => (actual ? compareParts(name, actual, truth, shape, bound) : missing(name));

async function outputsWithin(subject: Implementation, c: Case, bounds: Bounds): Promise<Verdict> {
  const answer = await subject.run(c);
  const truth = truthOf(c);
  const comparisons = [against('o', answer.o, truth.o, shapeOf(c, 'v'), bounds.o)];
  if (answer.finalState || (subject.abilities.state && truth.finalState.hi.length > 0)) {
    const { n, H, L, K, V } = sizesOf(c);
    const shape = [n, H, L, K, V];
    comparisons.push(against('finalState', answer.finalState, truth.finalState, shape, bounds.finalState));
  }
  return verdict(comparisons);
}

async function gradientsWithin(subject: Implementation, c: Case, bounds: Bounds): Promise<Verdict> {
  const { gradients } = await subject.run(c);
  const truth = truthOf(c);
  const names = Object.keys(truth.gradients) as InputName[];
  return verdict(
    names.map((name) =>
      against(
        `gradients.${name}`,
        gradients?.[name],
        truth.gradients[name] as Parts,
        shapeOf(c, name),
        bounds.gradients[name] as Float64Array,
      ),
    ),
  );
}

const everything: Wish = { state: 'sometimes', packed: 'sometimes', structures: true };
const likelyCases: Wish = { ...everything, styles: independent, work: 3e5 };
const LIKELY = 'Higham and Mary, SIAM J. Sci. Comput. 41 (2019)';

export const certifiedForward: Law = law({
  name: 'forward-within-its-bound',
  group: 'equivalence',
  statement: 'Outputs and final state are within one bound of their exact values, computed in double-double.',
  citation: `${PAPER}; double-double after Dekker 1971 and Ogita, Rump, Oishi 2005`,
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: everything,
  check: (subject, { c }) => outputsWithin(subject, c, boundsFor(subject, c)),
});

export const likelyForward: Law = law({
  name: 'forward-within-its-noise',
  group: 'equivalence',
  statement:
    'For independent inputs, outputs and final state are as close to their exact values as independent errors are.',
  citation: `${LIKELY}: rounding errors as independent random variables of mean zero`,
  prerequisites: ['forward-within-its-bound'],
  needs: [],
  appliesTo: anySystem,
  wish: likelyCases,
  check: (subject, { c }) => outputsWithin(subject, c, likelyBoundsOf(inOwnChunks(subject, c), subject.precision)),
});

export const certifiedBackward: Law = law({
  name: 'backward-within-its-bound',
  group: 'gradients',
  statement:
    'Every gradient is within one bound of its exact value: a tape of the operator, read backwards in double-double.',
  citation: 'Griewank and Walther, Evaluating Derivatives',
  prerequisites: ['forward-within-its-bound'],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: { ...everything, gradients: true },
  check: (subject, { c }) => gradientsWithin(subject, c, boundsFor(subject, c)),
});

export const likelyBackward: Law = law({
  name: 'backward-within-its-noise',
  group: 'gradients',
  statement:
    'For independent inputs and cotangents, every gradient is as close to its exact value as independent errors are.',
  citation: `${LIKELY}: rounding errors as independent random variables of mean zero`,
  prerequisites: ['backward-within-its-bound'],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: { ...likelyCases, gradients: true },
  check: (subject, { c }) => gradientsWithin(subject, c, likelyBoundsOf(inOwnChunks(subject, c), subject.precision)),
});
