import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { cases } from '../../properties/arbitraries/cases.ts';
import { checkLaw } from '../../properties/check-law.ts';
import { sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { checkCase } from '../../reference/shapes.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';

const [{ abilities }] = builtIn;
const wish = { state: 'sometimes', packed: 'sometimes', structures: true, gradients: true } as const;
const system = (name: string): System => findSystem(name) as System;
const sample = (name: string, count: number, seed = 3): Case[] =>
  fc.sample(cases(system(name), abilities, wish), { seed, numRuns: count });

it.each(systems.map(({ name }) => name))('every case of %s is valid', (name) => {
  for (const c of sample(name, 100)) expect(() => checkCase('test', c)).not.toThrow();
});

it('the same seed draws the same cases', () => {
  const text = (): string[] => sample('log-linear-kimi-delta', 20).map((c) => jsonText(caseToJson(c)));
  expect(text()).toEqual(text());
});

describe('cases go where kernels break', () => {
  const drawn = sample('log-linear-gated-deltanet', 3000);
  const count = (test: (c: Case) => boolean): number => drawn.filter(test).length;
  const some = (c: Case, name: 'g' | 'beta' | 'lambda', test: (value: number) => boolean): boolean =>
    toDense(c.inputs[name] as NonNullable<Case['inputs']['g']>).some(test);
  it.each<[string, (c: Case) => boolean]>([
    ['no tokens', (c) => sizesOf(c).T === 0],
    ['one token', (c) => sizesOf(c).T === 1],
    ['a power of two, and one more and less', (c) => [15, 16, 17, 31, 32, 33, 63, 64, 65].includes(sizesOf(c).T)],
    ['hundreds of tokens', (c) => sizesOf(c).T > 100],
    ['K past 64', (c) => sizesOf(c).K > 64],
    ['V past 64', (c) => sizesOf(c).V > 64],
    [
      'several chunks, the last one partial',
      (c) => sizesOf(c).T > (c.chunkSize ?? 64) && sizesOf(c).T % (c.chunkSize ?? 64) !== 0,
    ],
    ['resets', (c) => some(c, 'g', (g) => g === Number.NEGATIVE_INFINITY)],
    ['strong decay', (c) => some(c, 'g', (g) => Number.isFinite(g) && g < -30)],
    ['growth', (c) => some(c, 'g', (g) => g > 0)],
    ['beta above 1', (c) => some(c, 'beta', (beta) => beta > 1)],
    ['negative lambda', (c) => some(c, 'lambda', (lambda) => lambda < 0)],
    ['an empty packed sequence', (c) => c.cuSeqlens?.some((end, i, all) => i > 0 && end === all[i - 1]) ?? false],
    ['a position that is no chunk edge', (c) => c.position?.some((p) => p % (c.chunkSize ?? 64) !== 0) ?? false],
    ['a state with fewer levels than lambda', (c) => (c.inputs.initialState?.shape[2] ?? 99) < sizesOf(c).L],
    ['groups', (c) => sizesOf(c).G > 1 && sizesOf(c).H > sizesOf(c).G],
    ['another structure', (c) => c.structure?.kind === 'strong'],
  ])('%s', (_, test) => {
    expect(count(test)).toBeGreaterThanOrEqual(5);
  });
});

it('counterexamples shrink to sizes that fit on a screen', async () => {
  const found = mutants.find(({ name }) => name === 'level-by-distance');
  if (!found) throw new Error('no such mutant');
  const law = findLaw('forward-equals-masked') as Law;
  const result = await checkLaw(law, found.implementation, system(found.system), { seed: 4, runs: 300 });
  const c = result.counterexample?.c as Case;
  // positions 1 and 2 are read at level 2 by xor, at level 1 by distance: three tokens, or two after a position of 1
  expect(sizesOf(c)).toMatchObject({ B: 1, G: 1, H: 1, K: 1, V: 1 });
  expect(sizesOf(c).T).toBeLessThanOrEqual(3);
  expect(c).not.toHaveProperty('cuSeqlens');
  expect(c).not.toHaveProperty('structure');
  expect(c.chunkSize).toBe(64);
  const again = await checkLaw(law, found.implementation, system(found.system), {
    seed: 4,
    runs: 300,
    path: result.path,
  });
  expect(jsonText(caseToJson(again.counterexample?.c as Case))).toBe(jsonText(caseToJson(c)));
  expect(again.cases).toBe(1);
});
