import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { explainFailure, replayCommand, reportToJson, summaryText, verdictTable } from '../../gate/report.ts';
import { type GateReport, inOrder, runGate } from '../../gate/run.ts';
import { ravel } from '../../properties/compare.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { outputAt } from '../../properties/outputs.ts';
import { explainBound } from '../../properties/tolerance.ts';
import { parseCase } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { goodCase, withCotangents } from './good-case.ts';

const plain = pc.createColors(false);
const wrong = (name: string): { implementation: Implementation; system: string } => {
  const found = mutants.find((each) => each.name === name);
  if (!found) throw new Error(`no mutant ${name}`);
  return found;
};
const named = (...names: string[]) => laws.filter(({ name }) => names.includes(name));
const only = (...names: string[]) => systems.filter(({ name }) => names.includes(name));

describe('a gate with a broken implementation', async () => {
  const { implementation, system } = wrong('one-position-of-the-future');
  const report = await runGate({
    implementations: [implementation],
    systems: only(system),
    laws: named(
      'causal-forward',
      'causal-backward',
      'causal-forward-nonfinite',
      'same-answer-twice',
      'softmax-weights-sum-to-one',
    ),
    seed: 1,
    runs: 30,
  });
  const byLaw = new Map(report.verdicts.map((verdict) => [verdict.law, verdict]));

  it('fails the root law, blocks what depends on it, and judges the rest', () => {
    expect(byLaw.get('causal-forward')?.status).toBe('failed');
    expect(byLaw.get('causal-backward')?.status).toBe('blocked');
    expect(byLaw.get('causal-forward-nonfinite')?.reason).toBe('causal-forward does not hold');
    expect(byLaw.get('same-answer-twice')?.status).toBe('passed');
    expect(byLaw.has('softmax-weights-sum-to-one')).toBe(false);
    expect(report.conforms).toBe(false);
    expect(report.summary).toMatchObject({ passed: 1, failed: 1, blocked: 2, notCovered: 0, errors: 0 });
  });

  it('prints the case in full, and it can be read back', () => {
    const verdict = byLaw.get('causal-forward');
    const [json] = verdict?.drawn ?? [];
    const c = parseCase(json);
    expect(c.law).toBe('causal-forward');
    expect(c.path).toBe(verdict?.path);
    const text = explainFailure(verdict as NonNullable<typeof verdict>, plain);
    expect(text).toContain(json);
    expect(text).toContain(`again npx lla gate --law causal-forward --system ${system}`);
    expect(text).toContain(`--seed ${verdict?.seed} --path ${verdict?.path}`);
  });

  it('draws one sign for each law and system', () => {
    const table = verdictTable(report, plain);
    expect(table).toMatch(/causal-forward +│ ✗ +│/);
    expect(table).toMatch(/causal-backward +│ – +│/);
    expect(table).toMatch(/same-answer-twice +│ ✓ +│/);
    expect(summaryText(report, plain)).toContain('does not conform');
  });

  it('is JSON with the fields of a report', () => {
    const json = JSON.parse(reportToJson(report));
    expect(Object.keys(json)).toEqual([
      'version',
      'seed',
      'runs',
      'enforceRecommended',
      'conforms',
      'summary',
      'verdicts',
    ]);
    const failed = json.verdicts.find((verdict: { status: string }) => verdict.status === 'failed');
    expect(failed).toMatchObject({ law: 'causal-forward', system, implementation: 'one-position-of-the-future' });
    expect(failed.worst).toMatchObject({ name: 'o', bound: 0, ratio: 'Infinity' });
    expect(failed.replay).toBe(replayCommand(byLaw.get('causal-forward') as NonNullable<ReturnType<typeof byLaw.get>>));
  });
});

describe('the terms of a bound beside a failure', () => {
  const judged = async (name: string, law: string) => {
    const { implementation, system } = wrong(name);
    const [subject] = only(system);
    const options = { implementations: [implementation], systems: [subject], laws: named(law), seed: 1, runs: 60 };
    const [verdict] = (await runGate(options)).verdicts;
    return verdict;
  };

  it('are the largest three of the drawn case, plain data, printed and in the JSON', async () => {
    const verdict = await judged('level-by-distance', 'forward-within-its-bound');
    const { terms, worst, drawn } = verdict;
    expect(worst?.name).toBe('finalState');
    expect(terms?.precision).toBe('float64');
    expect(structuredClone(terms)).toEqual(terms);
    const c = parseCase(drawn?.[0]);
    const at = ravel(worst?.index ?? [], compute(c).finalState?.shape ?? []);
    expect(terms?.largest).toEqual(explainBound(c, builtIn[0].precision, 'finalState', at).terms.slice(0, 3));
    const text = explainFailure(verdict, plain);
    expect(text).toContain(
      `bound of finalState[${worst?.index}] of the drawn case in float64, its largest terms:\n        ${terms?.largest[0].cause}: `,
    );
    expect(explainFailure({ ...verdict, terms: undefined }, plain)).not.toContain('largest terms');
    const report = {
      seed: 1,
      runs: 1,
      enforceRecommended: false,
      conforms: false,
      summary: {} as GateReport['summary'],
      verdicts: [verdict],
    };
    expect(JSON.parse(reportToJson(report)).verdicts[0].terms).toEqual(terms);
  });

  it('are left out where the law allows no difference', async () => {
    const verdict = await judged('one-position-of-the-future', 'causal-forward');
    expect(verdict).toMatchObject({ status: 'failed', worst: { bound: 0 } });
    expect(verdict.terms).toBeUndefined();
  });

  it.each([
    ['o', [0, 4, 1, 1], { name: 'o', at: 19 }],
    ['finalState', [0, 1, 3, 2, 1], { name: 'finalState', at: 47 }],
    ['gradients.k', [0, 1, 0, 2], { name: 'k', at: 5 }],
    ['P', [0, 0, 0, 0], null],
    ['o', [0, 5, 0, 0], null],
    ['o', [], null],
    ['k', [0, 1, 0, 2], null],
    ['<gradients.k, direction>', [], null],
    ['gradients.beta', [0, 0, 0], null],
  ])('%s%j is an element of the answer, or is not', (name, index, element) => {
    expect(outputAt(withCotangents(goodCase('log-linear-mamba2')), name, index)).toEqual(element);
  });

  it('has no gradients without cotangents, and no final state for softmax', () => {
    expect(outputAt(goodCase('linear'), 'gradients.k', [0, 0, 0, 0])).toBeNull();
    expect(outputAt(goodCase('softmax'), 'finalState', [0, 0, 0, 0, 0])).toBeNull();
  });
});

it('an implementation that throws is an error, not a failure of the law', async () => {
  const [masked] = builtIn;
  const throwing: Implementation = {
    ...masked,
    name: 'throwing',
    run() {
      throw new Error('out of shared memory');
    },
  };
  const report = await runGate({
    implementations: [throwing],
    systems: only('linear'),
    laws: named('prefix'),
    seed: 1,
    runs: 3,
  });
  expect(report.verdicts[0]).toMatchObject({
    status: 'error',
    reason: expect.stringContaining('out of shared memory'),
  });
  expect(report.conforms).toBe(false);
});

it('what an implementation cannot do is not covered, and nothing judged is nothing shown', async () => {
  const [masked] = builtIn;
  const small: Implementation = { ...masked, abilities: { ...masked.abilities, packed: false } };
  const report = await runGate({
    implementations: [small],
    systems: only('linear'),
    laws: named('packed-equals-separate'),
    seed: 1,
    runs: 3,
  });
  expect(report.verdicts[0]).toMatchObject({ status: 'not-covered', cases: 0 });
  expect(report.conforms).toBe(false);
});

it('orders prerequisites first', () => {
  const order = inOrder([...laws].reverse()).map(({ name }) => name);
  for (const { name, prerequisites } of laws) {
    for (const first of prerequisites) expect(order.indexOf(first)).toBeLessThan(order.indexOf(name));
  }
});

it('laws name prerequisites that exist, and themselves once', () => {
  const names = laws.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { prerequisites, statement, citation } of laws) {
    expect(names).toEqual(expect.arrayContaining([...prerequisites]));
    expect(statement).toMatch(/\.$/);
    expect(citation).not.toBe('');
  }
});
