/** Answers against the truth: the operator and its derivatives in double-double, 106 bits against 53. */
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { compareParts, verdict } from '../compare.ts';
import { shapeOf, sizesOf } from '../edit.ts';
import type { Law, Worst } from '../law.ts';
import { type Parts, truthOf } from '../truth.ts';
import { anySystem, boundsFor, missing, PAPER } from './common.ts';
import { law } from './define.ts';

/** Against the truth, in the shape that is wanted. */
const against = (
  name: string,
  actual: Tensor | undefined,
  truth: Parts,
  shape: readonly number[],
  bound: Float64Array,
): Worst => (actual ? compareParts(name, actual, truth, shape, bound) : missing(name));

export const certifiedForward: Law = law({
  name: 'forward-within-its-bound',
  group: 'equivalence',
  statement: 'Outputs and final state are within one bound of their exact values, computed in double-double.',
  citation: `${PAPER}; double-double after Dekker 1971 and Ogita, Rump, Oishi 2005`,
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { state: 'sometimes', packed: 'sometimes', structures: true },
  async check(subject, { c }) {
    const answer = await subject.run(c);
    const [truth, bounds] = [truthOf(c), boundsFor(subject, c)];
    const comparisons = [against('o', answer.o, truth.o, shapeOf(c, 'v'), bounds.o)];
    if (answer.finalState || (subject.abilities.state && truth.finalState.hi.length > 0)) {
      const { n, H, L, K, V } = sizesOf(c);
      const shape = [n, H, L, K, V];
      comparisons.push(against('finalState', answer.finalState, truth.finalState, shape, bounds.finalState));
    }
    return verdict(comparisons);
  },
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
  wish: { gradients: true, state: 'sometimes', packed: 'sometimes', structures: true },
  async check(subject, { c }) {
    const { gradients } = await subject.run(c);
    const [truth, bounds] = [truthOf(c), boundsFor(subject, c)];
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
  },
});
