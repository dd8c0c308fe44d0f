/** Answers against the truth: the operator and its derivatives in double-double, 106 bits against 53. */
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { compare, verdict } from '../compare.ts';
import type { Law, Worst } from '../law.ts';
import { type Parts, truthOf } from '../truth.ts';
import { anySystem, boundsFor, missing, PAPER } from './common.ts';
import { law } from './define.ts';

/** The distance of each element from the truth, against 0: rounding the truth to float64 first would cost half a unit. */
function distance(name: string, actual: Tensor | undefined, { hi, lo }: Parts, bound: Float64Array): Worst {
  if (actual?.size !== hi.length) return missing(name);
  const dense = toDense(actual);
  const apart = dense.map((value, i) => (value === hi[i] ? -lo[i] : value - hi[i] - lo[i]));
  const shape = [...actual.shape];
  const worst = compare(name, tensor(apart, shape), tensor(new Float64Array(apart.length), shape), bound);
  const at = worst.index.reduce((sum, each, axis) => sum * shape[axis] + each, 0);
  return worst.index.length === 0 ? worst : { ...worst, actual: dense[at], expected: hi[at] };
}

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
    const comparisons = [distance('o', answer.o, truth.o, bounds.o)];
    if (answer.finalState) {
      comparisons.push(distance('finalState', answer.finalState, truth.finalState, bounds.finalState));
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
        distance(
          `gradients.${name}`,
          gradients?.[name],
          truth.gradients[name] as Parts,
          bounds.gradients[name] as Float64Array,
        ),
      ),
    );
  },
});
