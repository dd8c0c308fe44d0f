/**
 * Laws on few, small cases: what a mutant of our own code meets beside the unit tests. Run by `npm run mutation` alone, in one file
 * for each file of laws, so that a mutated law meets itself and not all others.
 */
import { describe, expect, it } from 'vitest';
import { checkLaw, notCovered, seedOf } from '../../properties/check-law.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Draw, Law } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { Tensor } from '../../reference/tensor.ts';

const SEED = 1;
const RUNS = 1;
/** Numbers in q, k and v together: several tokens, and not much work. */
const [LEAST, MOST] = [12, 150];
const isSmall = ({ c: { inputs } }: Draw): boolean => {
  const size = [inputs.q, inputs.k, inputs.v].reduce((sum, value) => sum + (value as Tensor).size, 0);
  return size >= LEAST && size <= MOST;
};

const onSmallCases = (law: Law): Law => ({ ...law, draw: (system, can) => law.draw(system, can).filter(isSmall) });

/** These laws hold on every system, on one form in turn. */
export function onLaws(some: readonly Law[]): void {
  describe.each(some.map((law) => [law.name, onSmallCases(law), laws.indexOf(law)] as const))('%s', (_, law, l) => {
    it.each(builtIn.map((subject, f) => [subject.name, subject, f] as const))('%s', async (_name, subject, f) => {
      const inTurn = systems.filter((_system, s) => (l + f + s) % builtIn.length === 0);
      for (const system of inTurn.filter((each) => notCovered(law, subject, each) === null)) {
        const seed = seedOf(SEED, law.name, system.name, subject.name);
        const { status, reason } = await checkLaw(law, subject, system, { seed, runs: RUNS, shrink: false });
        expect(status, `${system.name}: ${reason}`).toBe('passed');
      }
    });
  });
}
