import { afterAll, describe, expect, it } from 'vitest';
import { closeDevices } from '../../gpu/implementations.ts';
import { checkLaw } from '../../properties/check-law.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { gpuMutants, implementGpu } from './gpu.ts';

/** Cases within which its control must have rejected a mutant. */
const BUDGET = 60;

afterAll(closeDevices);

describe('every wrong kernel is rejected by its control', () => {
  it.each(gpuMutants)('$name by $control', async (mutant) => {
    const options = { seed: 20, runs: BUDGET, shrink: false };
    const [law, system] = [findLaw(mutant.control) as Law, findSystem(mutant.system) as System];
    const result = await checkLaw(law, implementGpu(mutant), system, options);
    expect(result.status, result.reason).toBe('failed');
  });
});

it('a mutant whose kernel has changed under it is an error, not a survivor', async () => {
  const gone = { ...gpuMutants[0], from: 'what is not there', name: 'gone' };
  const law = findLaw(gone.control) as Law;
  const result = await checkLaw(law, implementGpu(gone), findSystem(gone.system) as System, { seed: 1, runs: 1 });
  expect(result.status).toBe('error');
  expect(result.reason).toContain('kernel weights has no what is not there');
});
