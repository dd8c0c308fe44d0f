/** The dictionary: the same wrong implementations on every system that can have their bug. */
import type { Implementation } from '../../properties/law.ts';
import type { Answer } from '../../reference/case.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { mutants } from './all.ts';
import { anyRecurrence, type Change } from './change.ts';
import { largeMutants } from './large.ts';
import { implement, type Mutant } from './mutant.ts';
import { unseen } from './unseen.ts';

export interface Entry {
  name: string;
  /** What is wrong, as a kernel author would say it. */
  bug: string;
  /** The line of the algorithm where it sits, as it should be. */
  line: string;
  change: Change;
  implementation: Implementation;
}

/** Whether a system can have the bug. */
function canHave({ name, system: shownOn, change }: Mutant, system: System): boolean {
  if (shownOn === system.name) return true;
  const { on = anyRecurrence } = change();
  return on(system) && !unseen[name]?.includes(system.name);
}

const entry = (mutant: Mutant, system: string): Entry => {
  const { name, bug, line } = mutant;
  const change = mutant.change();
  return { name, bug, line, change, implementation: implement(name, system, [change]) };
};

/**
 * Every known bug of a system. Each call makes them anew, without a memory of what was asked before.
 * `unseen.ts` lists where a bug changes no answer of the cases that are asked, and is not offered.
 */
export const dictionaryFor = (system: string): Entry[] => {
  const found = findSystem(system);
  return found ? mutants.filter((mutant) => canHave(mutant, found)).map((mutant) => entry(mutant, system)) : [];
};

/** Bugs that need the sizes of real kernels: for failing cases of such sizes. */
export const largeEntries = (): Entry[] =>
  largeMutants.map(({ name, description, line, implementation }) => ({
    name,
    bug: description,
    line,
    change: { run: (c) => implementation.run(c) as Answer },
    implementation,
  }));

/** Two bugs at once, the first inside of the second; null where they are changes of different forms. */
export function pairOf(first: Entry, second: Entry, system: string): Entry | null {
  const [a, b] = [first.change, second.change];
  if (a.run || b.run || (a.form && b.form && a.form !== b.form)) return null;
  // what rewrites products has to see the head that the other one has changed
  const isInside = (change: Change): boolean => Boolean(change.weight ?? change.decay ?? change.output);
  const isLast = (change: Change): boolean => !isInside(change) || change.stores === true;
  const changes = isLast(a) && !isLast(b) ? [b, a] : [a, b];
  const [inner, outer] = changes;
  // one product with the weight of one and the decay of the other
  const joined =
    (inner.weight && outer.decay && !inner.decay && !outer.weight) ||
    (inner.decay && outer.weight && !inner.weight && !outer.decay);
  const together: Change[] = joined
    ? [
        { ...inner, weight: inner.weight ?? outer.weight, decay: inner.decay ?? outer.decay },
        { ...outer, weight: undefined, decay: undefined },
      ]
    : changes;
  const name = `${first.name} + ${second.name}`;
  return {
    name,
    bug: `${first.bug} And: ${second.bug}`,
    line: `${first.line}; ${second.line}`,
    change: {},
    implementation: implement(name, system, together),
  };
}
