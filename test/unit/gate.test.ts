import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { explainFailure, replayCommand, reportToJson, summaryText, verdictTable } from '../../gate/report.ts';
import { inOrder, runGate } from '../../gate/run.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { parseCase } from '../../reference/case-json.ts';
import { systems } from '../../reference/systems/registry.ts';
import { mutants } from '../mutants/all.ts';

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
    expect(Object.keys(json)).toEqual(['version', 'seed', 'runs', 'conforms', 'summary', 'verdicts']);
    const failed = json.verdicts.find((verdict: { status: string }) => verdict.status === 'failed');
    expect(failed).toMatchObject({ law: 'causal-forward', system, implementation: 'one-position-of-the-future' });
    expect(failed.worst).toMatchObject({ name: 'o', bound: 0, ratio: 'Infinity' });
    expect(failed.replay).toBe(replayCommand(byLaw.get('causal-forward') as NonNullable<ReturnType<typeof byLaw.get>>));
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
