/** Every law rejects the wrong operators that it is the control of: what a mutated law meets. Run by `npm run mutation` alone. */
import { expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { checkLaw } from '../../properties/check-law.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

/** Rejected late: they would cost a mutant of our code more than all others together. */
const LATE = ['decay-clamped', 'value-tile-of-64', 'key-tail-dropped', 'group-index-modulo', 'decay-from-both-sides'];

it.each(mutants.filter(({ name }) => !LATE.includes(name)))('$control rejects $name', async (mutant) => {
  const { control, system, implementation } = mutant;
  const options = { seed: 20, runs: 50, shrink: false };
  const result = await checkLaw(findLaw(control) as Law, implementation, findSystem(system) as System, options);
  expect(result.status, result.reason).toBe('failed');
});
