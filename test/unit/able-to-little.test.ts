/** A correct implementation that can do little is accused of nothing: no states, no groups, no packed sequences, few sizes and values. */
import { expect, it } from 'vitest';
import { outsideOf } from '../../properties/abilities.ts';
import { checkLaw } from '../../properties/check-law.ts';
import { type Abilities, type Implementation, OutsideAbilities } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { DOUBLE } from '../../properties/precision.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

const little: Abilities = {
  systems: [],
  gradients: true,
  state: false,
  packed: false,
  groups: false,
  structures: false,
  chunkSizes: false,
  views: false,
  resets: false,
  growth: false,
  strongBeta: false,
  limits: { T: { min: 1, max: 33 }, K: { multipleOf: 4, max: 16 }, V: { powerOfTwo: true, max: 16 }, H: { max: 2 } },
};

it.each(['mamba2', 'log-linear-mamba2', 'log-linear-gated-deltanet'])('%s', async (name) => {
  let asked = 0;
  const abilities = { ...little, systems: [name] };
  const subject: Implementation = {
    name: 'able to little',
    abilities,
    precision: DOUBLE,
    run(c) {
      const outside = outsideOf(abilities, c);
      if (outside !== null) throw new OutsideAbilities(outside);
      asked++;
      const { finalState: _, ...answer } = compute(c);
      return answer;
    },
  };
  const results = [];
  for (const law of laws) results.push(await checkLaw(law, subject, findSystem(name) as System, { seed: 3, runs: 3 }));
  expect(results.filter(({ status }) => status !== 'passed' && status !== 'not-covered')).toEqual([]);
  const judged = results.filter(({ status }) => status === 'passed').map(({ law }) => law);
  expect(judged).toEqual(
    expect.arrayContaining(['forward-equals-masked', 'causal-forward', 'backward-equals-chunked']),
  );
  expect(judged.length).toBeGreaterThan(20);
  expect(asked).toBeGreaterThan(60);
});
