/**
 * A mutant as a kernel of low precision would have it. What its bug does to exact values is added to what a correct kernel of that
 * precision answers, and stored in the formats that such a kernel stores:
 *
 *   round(kernel(c) + (mutant(c) - right(c)))
 *
 * That is a fair model of the wrong kernel: a kernel's answer is the exact value of what it computes plus rounding of the size that
 * its precision has, and mutants change what is computed, not how it is rounded. Where the bug changes nothing the answer is the correct
 * kernel's, bit for bit, so laws that compare bits judge the bug alone.
 */

import type { Mutant } from '../../debug/dictionary/mutant.ts';
import type { Implementation } from '../../properties/law.ts';
import { type Format, isExactIn, type Precision, roundTensor, roundTo } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';

/** Sums in another order differ by some roundings of float64: so little is no bug. */
const ROUNDINGS = 2 ** -46;

/** One element of the kernel with the bug in it. */
function withBug(kernel: number, mutant: number, right: number, format: Format): number {
  if (Object.is(mutant, right) || Math.abs(mutant - right) <= ROUNDINGS * Math.abs(right)) return kernel;
  // Infinity and NaN are what they are in any precision; a right value that is none leaves nothing to add to
  const wrong = Number.isFinite(mutant) && Number.isFinite(right) ? kernel + (mutant - right) : mutant;
  return roundTo(format, wrong);
}

function tensorWithBug(kernel: Tensor, mutant: Tensor, right: Tensor, format: Format): DenseTensor {
  // a mutant may answer in another shape: then that is the bug
  if (mutant.size !== kernel.size) return roundTensor(format, mutant);
  const [a, b, c] = [kernel, mutant, right].map(toDense);
  return tensor(
    a.map((value, i) => withBug(value, b[i], c[i], format)),
    [...mutant.shape],
  );
}

/** A tensor in a format; itself where it is in it already, since a mutant may read or write its memory. */
const held = (format: Format, value: Tensor): Tensor => (isExactIn(format, value) ? value : roundTensor(format, value));

/** The case as the kernel holds it. */
function heldCase(c: Case, { inputs, state, output }: Precision): Case {
  const each: Case['inputs'] = {};
  for (const [name, value] of Object.entries(c.inputs) as [InputName, Tensor][]) {
    each[name] = held(name === 'initialState' ? state : inputs, value);
  }
  const rounded: Case = { ...c, inputs: each };
  if (c.cotangents) {
    const { o, finalState } = c.cotangents;
    rounded.cotangents = { o: held(output, o) };
    if (finalState) rounded.cotangents.finalState = held(state, finalState);
  }
  return rounded;
}

/** The form that a mutant changes, as it is without the bug. */
export const rightForm = ({ form }: Pick<Mutant, 'form'>): Implementation['run'] => {
  return (c) => compute({ ...c, form });
};

/**
 * The mutant in a precision. `kernel`: a correct implementation in that precision which can do what the mutant can;
 * `right`: the form that the mutant changes.
 */
export function inPrecision(
  mutant: Mutant,
  precision: Precision,
  kernel: Implementation,
  right: Implementation['run'] = rightForm(mutant),
): Implementation {
  const { implementation } = mutant;
  if (precision.accumulate.bits === 53) return implementation;
  return {
    ...implementation,
    precision,
    async run(given) {
      // the kernel and the right form first: the mutant may write to what it is given
      const rounding = await kernel.run(given);
      const c = heldCase(given, precision);
      const expected = await right(c);
      const actual = await implementation.run(c);
      const { output, state } = precision;
      const answer: Answer = {
        o: tensorWithBug(rounding.o, actual.o, expected.o, output),
        position: actual.position,
      };
      if (actual.finalState) {
        const [a, b] = [rounding.finalState as Tensor, expected.finalState as Tensor];
        answer.finalState = tensorWithBug(a, actual.finalState, b, state);
      }
      if (!actual.gradients) return answer;
      answer.gradients = {};
      for (const [name, value] of Object.entries(actual.gradients) as [InputName, Tensor][]) {
        const [a, b] = [rounding, expected].map(({ gradients }) => gradients?.[name] as Tensor);
        answer.gradients[name] = tensorWithBug(a, value, b, name === 'initialState' ? state : output);
      }
      return answer;
    },
  };
}
