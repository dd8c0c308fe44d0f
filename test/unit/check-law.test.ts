import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckOptions, checkLaw, notCovered, seedOf } from '../../properties/check-law.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Law, Verdict } from '../../properties/law.ts';
import type { Case } from '../../reference/case.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import { goodCase } from './good-case.ts';

const [masked, recurrent, chunked] = builtIn;
const linear = findSystem('linear') as System;
const softmax = findSystem('softmax') as System;

/** Holds for numbers up to `most`; how close a number comes is that number. */
const upTo = (most: number, seen: number[] = [], fields: Partial<Law> = {}): Law =>
  ({
    name: 'up-to',
    needs: [],
    appliesTo: () => true,
    draw: () => fc.record({ c: fc.constant(goodCase('linear')), n: fc.nat(100) }),
    async check(_subject: unknown, { n }: { c: Case; n: number }): Promise<Verdict> {
      seen.push(n);
      const worst = { name: 'n', index: [n], actual: n, expected: 0, bound: 1, ratio: n };
      return { holds: n <= most, worst };
    },
    ...fields,
  }) as unknown as Law;

const check = (law: Law, options: Partial<CheckOptions> = {}, system = linear) =>
  checkLaw(law, masked, system, { seed: 3, runs: 20, ...options });

describe('checkLaw', () => {
  it('passes, with the number of cases and the one that came closest', async () => {
    const seen: number[] = [];
    const result = await check(upTo(100, seen));
    expect(result).toMatchObject({ law: 'up-to', system: 'linear', implementation: 'masked', status: 'passed' });
    expect([result.cases, seen.length, result.seed]).toEqual([20, 20, 3]);
    expect(result.worst?.worst?.ratio).toBe(Math.max(...seen));
    expect(result).not.toHaveProperty('path');
    expect(result).not.toHaveProperty('counterexample');
  });

  it('keeps the first of equally close cases, and any rather than none', async () => {
    const ratios = [0, 0];
    let at = 0;
    const law = upTo(0, [], {
      check: async () => ({ holds: true, worst: { ratio: ratios[at] } as never, note: `case ${at++}` }),
    });
    expect((await check(law, { runs: 2 })).worst?.note).toBe('case 0');
    const silent = upTo(0, [], { check: async () => ({ holds: true, worst: null }) });
    expect(await check(silent)).toMatchObject({ status: 'passed', worst: null });
  });

  it('fails with the shrunk case, and a path that leads back to it', async () => {
    const result = await check(upTo(10));
    expect(result.status).toBe('failed');
    expect(result.counterexample).toMatchObject({ n: 11 });
    expect(result.worst).toMatchObject({ holds: false, worst: { ratio: 11 } });
    expect(result).not.toHaveProperty('reason');
    const seen: number[] = [];
    const again = await check(upTo(10, seen), { path: result.path });
    expect([again.cases, seen[0], again.status]).toEqual([1, 11, 'failed']);
  });

  it('stops at the first failure as it was drawn where it is not to shrink', async () => {
    const seen: number[] = [];
    const result = await check(upTo(10, seen), { shrink: false });
    expect(result.counterexample).toMatchObject({ n: seen.at(-1) });
    expect(seen.filter((n) => n > 10)).toHaveLength(1);
    expect(result.cases).toBe(seen.length);
    const shrunk: number[] = [];
    await check(upTo(10, shrunk), { shrink: true });
    expect(shrunk.length).toBeGreaterThan(seen.length);
  });

  it('says what was thrown', async () => {
    const thrown = async (error: unknown) =>
      check(upTo(0, [], { check: () => Promise.reject(error) }), { shrink: false });
    const result = await thrown(new TypeError('out of order'));
    expect([result.status, result.worst]).toEqual(['error', null]);
    expect(result.reason).toMatch(/^TypeError: out of order\n +at /);
    expect(result.counterexample).toBeDefined();
    expect(await thrown(undefined)).toMatchObject({ status: 'error', reason: 'undefined' });
    const plain = await thrown('a word');
    expect([plain.status, plain.reason]).toEqual(['error', expect.stringContaining('a word')]);
  });

  it('runs one case where a path leads to one that was drawn, whether it fails or not', async () => {
    const seen: number[] = [];
    const { path, counterexample } = await check(upTo(10), { shrink: false });
    expect((await check(upTo(100, seen), { path })).status).toBe('passed');
    expect(counterexample).toMatchObject({ n: seen[0] });
    expect(seen).toHaveLength(1);
  });

  it('says that a path leads nowhere', async () => {
    const result = await check(upTo(10), { path: '0:99999' });
    expect(result.status).toBe('error');
    expect(result.reason).toBe('no case was run: path 0:99999 leads to none');
  });

  it('draws other cases from another seed', async () => {
    const [a, b, again]: number[][] = [[], [], []];
    await check(upTo(100, a));
    await check(upTo(100, b), { seed: 4 });
    await check(upTo(100, again));
    expect(a).toEqual(again);
    expect(a).not.toEqual(b);
  });

  it('does not judge what is not covered', async () => {
    const seen: number[] = [];
    const result = await check(upTo(10, seen, { appliesTo: () => false }));
    expect(result).toMatchObject({ status: 'not-covered', cases: 0, worst: null });
    expect(result.reason).toBe('the law does not speak about linear');
    expect(seen).toEqual([]);
  });
});

describe('what is not covered', () => {
  it('a system that is not there, abilities that are missing, a law about other systems', () => {
    expect(notCovered(upTo(0), recurrent, softmax)).toBe('recurrent has no softmax');
    expect(notCovered(upTo(0, [], { needs: ['structures'] }), chunked, linear)).toBe(
      'chunked does not support structures',
    );
    const needy = upTo(0, [], { needs: ['structures', 'state'] });
    const bare = { ...chunked, abilities: { ...chunked.abilities, state: false } };
    expect(notCovered(needy, bare, linear)).toBe('chunked does not support structures, state');
    expect(notCovered(needy, masked, linear)).toBeNull();
    expect(notCovered(upTo(0, [], { appliesTo: ({ logLinear }) => logLinear }), masked, linear)).toBe(
      'the law does not speak about linear',
    );
  });
});

it('seeds are the same for the same names, in 32 bits, and differ', () => {
  expect(seedOf(1)).toBe(1);
  expect(seedOf(0, 'a', 'b')).toBe((97 * 31 + 32) * 31 + 98);
  const all = [
    seedOf(1, 'law', 'linear'),
    seedOf(2, 'law', 'linear'),
    seedOf(1, 'lawlinear'),
    seedOf(1, 'linear', 'law'),
  ];
  expect(new Set(all).size).toBe(4);
  for (const seed of [...all, seedOf(2 ** 31, 'x'.repeat(50))]) expect(seed).toBe(seed | 0);
});

it('our forms: what each of them can do', () => {
  const all = systems.map(({ name }) => name);
  const recurrences = all.filter((name) => name !== 'softmax');
  const rest = { gradients: true, state: true, packed: true, groups: true, views: true };
  expect(builtIn.map(({ name, abilities }) => [name, abilities])).toEqual([
    ['masked', { systems: all, structures: true, chunkSizes: false, large: false, ...rest }],
    ['recurrent', { systems: recurrences, structures: true, chunkSizes: false, ...rest }],
    ['chunked', { systems: recurrences, structures: false, chunkSizes: true, large: false, ...rest }],
  ]);
  const c = goodCase('log-linear-mamba2', {}, { structure: { kind: 'strong' } });
  expect(() => chunked.run(c)).toThrow('chunked with structure');
  expect(masked.run({ ...c, form: 'chunked' })).toEqual(masked.run(c));
});
