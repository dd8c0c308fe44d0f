/** Wrong kernels, to see that the laws tell them: a visitor chooses one, or names it in the address, ?kernels=level-by-distance. */
import type { Kernel } from '../gpu/kernel.ts';
import { carries } from '../gpu/kernels/carries.ts';
import { reach } from '../gpu/kernels/reach.ts';
import { weights } from '../gpu/kernels/weights.ts';

export interface Mutant {
  name: string;
  /** What is wrong. */
  bug: string;
  kernel: Kernel;
  /** What stands in the kernel's source, and what stands there instead. */
  right: string;
  wrong: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'level-by-distance',
    bug: 'inside a chunk, the level follows from t - s instead of t xor s',
    kernel: weights,
    right: 'bits[r][c]',
    wrong: 'bits[r - c][0]',
  },
  {
    name: 'buckets-do-not-decay',
    bug: 'the chunks of a bucket do not decay on their way to its end',
    kernel: reach,
    right: 'Math.exp(sum)',
    wrong: '1',
  },
  {
    name: 'state-is-not-carried',
    bug: 'what came before the last chunk is missing from the final state',
    kernel: carries,
    right: 'Math.exp(',
    wrong: '0 * Math.exp(',
  },
];

/** Puts a wrong kernel in the place of the right one: before a device compiles it, and for the rest of this worker's life. */
export function apply(name: string): void {
  const mutant = mutants.find((each) => each.name === name);
  if (!mutant) return;
  const { kernel, right, wrong } = mutant;
  const source = kernel.body.toString();
  if (!source.includes(right)) throw new Error(`${name}: the kernel ${kernel.name} has no ${right}`);
  // a device reads the text of a body, and runs nothing of it
  kernel.body = { toString: () => source.replace(right, wrong) } as unknown as Kernel['body'];
}
