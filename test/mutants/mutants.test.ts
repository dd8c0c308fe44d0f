import { describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { checkLaw } from '../../properties/check-law.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw, laws } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

/** Cases within which its control must have rejected a mutant. */
const BUDGET = 200;

describe('every mutant is rejected by its control', () => {
  it.each(mutants)('$name by $control', async ({ control, system, implementation }) => {
    const options = { seed: 20, runs: BUDGET, shrink: false };
    const result = await checkLaw(findLaw(control) as Law, implementation, findSystem(system) as System, options);
    expect(result.status, result.reason).toBe('failed');
  });
});

it('every law is the control of a mutant', () => {
  const used = new Set(mutants.map(({ control }) => control));
  expect(laws.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
});

it('names are unique, and there are at least 30', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(mutants.length).toBeGreaterThanOrEqual(30);
});
