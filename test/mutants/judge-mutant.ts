/** One mutant under every law that speaks about its system: what a worker thread runs. */
import { checkLaw, notCovered, seedOf } from '../../properties/check-law.ts';
import { laws } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { mutants } from './all.ts';

export interface MutantVerdict {
  name: string;
  bug: string;
  system: string;
  survived: boolean;
  /** Laws that reject it, and at which case each does. */
  killedBy: { law: string; cases: number }[];
}

export default async function judgeMutant({
  name,
  seed,
  runs,
}: {
  name: string;
  seed: number;
  runs: number;
}): Promise<MutantVerdict> {
  const mutant = mutants.find((each) => each.name === name);
  if (!mutant) throw new Error(`judgeMutant: no mutant ${name}`);
  const { bug, implementation } = mutant;
  const system = findSystem(mutant.system) as System;
  const killedBy: MutantVerdict['killedBy'] = [];
  for (const law of laws) {
    if (notCovered(law, implementation, system) !== null) continue;
    const options = { seed: seedOf(seed, law.name, name), runs, shrink: false };
    const { status, cases, reason } = await checkLaw(law, implementation, system, options);
    if (status === 'error') throw new Error(`judgeMutant: ${law.name} on ${name} threw: ${reason}`);
    if (status === 'failed') killedBy.push({ law: law.name, cases });
  }
  killedBy.sort((a, b) => a.cases - b.cases);
  return { name, bug, system: mutant.system, survived: killedBy.length === 0, killedBy };
}
