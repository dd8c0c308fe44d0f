import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { judge } from '../../gate/judge.ts';
import { explainFailure } from '../../gate/report.ts';
import { notCovered, seedOf } from '../../properties/check-law.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Law } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';

const SEED = 1;
/** `.ci/run` judges all of them with more after the tests, and `npm run gate` with sixteen. */
const RUNS = 1;

/** Each (law × implementation × system) of a group as a test of its own. Without a prerequisite's help: each stands alone. */
export function conformance(group: Law['group']): void {
  for (const law of laws.filter((each) => each.group === group)) {
    describe(law.name, () => {
      for (const subject of builtIn) {
        for (const system of systems.filter((each) => notCovered(law, subject, each) === null)) {
          it(`${subject.name} · ${system.name}`, async () => {
            const names = { law: law.name, system: system.name, implementation: subject.name };
            const seed = seedOf(SEED, law.name, system.name, subject.name);
            const verdict = await judge(law, subject, system, { ...names, seed, runs: RUNS });
            if (verdict.status !== 'passed') expect.fail(explainFailure(verdict, pc.createColors(false)));
            expect(verdict.cases).toBe(RUNS);
          });
        }
      }
    });
  }
}
