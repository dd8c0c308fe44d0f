/** Large cases are few, and each of them has to be worth it: every law of sizes rejects a mutant that small cases let pass. */
import { describe, expect, it } from 'vitest';
import { largeMutants } from '../../debug/dictionary/large.ts';
import { checkLaw } from '../../properties/check-law.ts';
import { mapTensor } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation, Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { sizeLaws } from '../../properties/laws/sizes.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

const mamba2 = findSystem('log-linear-mamba2') as System;
const check = (law: string, subject: Implementation, seed: number, runs = 16, shrink = true) =>
  checkLaw(findLaw(law) as Law, subject, mamba2, { seed, runs, shrink });

describe('every law of sizes rejects its mutant, and says from which size on', () => {
  it.each(largeMutants)('$name by $control', async ({ control, implementation, from }) => {
    const {
      status,
      from: said,
      reason,
    } = await check(
      control,
      implementation,
      1,
      64,
      // its cases are as small as they can be
      !control.startsWith('large-grid'),
    );
    expect(status, reason).toBe('failed');
    expect(said ?? '').toContain(from);
  });

  it('one mutant a law', () => {
    expect(largeMutants.map(({ control }) => control)).toEqual(sizeLaws.map(({ name }) => name));
  });
});

describe('small cases let them pass', () => {
  it.each(largeMutants)('$name', async ({ implementation }) => {
    for (const law of ['forward-within-its-bound', 'backward-within-its-bound']) {
      expect((await check(law, implementation, 1, 3)).status).toBe('passed');
    }
  });
});

/** Zeros from token 1,024 on: what a bound that says nothing would let pass. */
const zerosLate = (precision: string): Implementation => ({
  ...builtIn[1],
  precision: findPrecision(precision) as Precision,
  run(c) {
    const answer = compute({ ...c, form: 'chunked' });
    return { ...answer, o: mapTensor(answer.o, (value, [, t]) => (t < 1024 ? value : 0)) };
  },
});

it.each([
  ['bfloat16', 'gated-deltanet', 'failed'],
  ['bfloat16', 'log-linear-mamba2', 'failed'],
  ['bfloat16', 'deltanet', 'not-covered'],
  ['float16', 'gated-deltanet', 'not-covered'],
])('in %s zeros of %s do not pass where bounds are wide: %s', async (precision, name, status) => {
  const system = findSystem(name) as System;
  const options = { seed: 1, runs: 1, shrink: false };
  const result = await checkLaw(findLaw('long-sequences') as Law, zerosLate(precision), system, options);
  expect(result.status, result.reason).toBe(status);
});

it('the recurrent form obeys them', async () => {
  const name = 'gated-deltanet';
  for (const law of sizeLaws) {
    const { status, worst, cases } = await checkLaw(law, builtIn[1], findSystem(name) as System, { seed: 2, runs: 1 });
    expect([law.name, status, cases], JSON.stringify(worst)).toEqual([law.name, 'passed', 1]);
  }
});

it('limits decide which of them an implementation is asked', async () => {
  const { abilities } = builtIn[1];
  const limited = {
    ...builtIn[1],
    abilities: { ...abilities, limits: { T: { max: 1000 }, K: { max: 64 }, B: { max: 64 } } },
  };
  const reasons = await Promise.all(sizeLaws.map(async ({ name }) => (await check(name, limited, 1)).reason));
  expect(reasons.map((reason) => reason?.replace('recurrent does not take ', ''))).toEqual([
    'T of 1024 and more',
    'T of 1024 and more',
    'K of 96 and more',
    'K of 96 and more',
    undefined,
    undefined,
    '65536 pairs of a row and a head',
    '65536 pairs of a row and a head',
  ]);
});
