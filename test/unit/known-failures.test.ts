/** What a run knows beforehand: expected failures, kept counterexamples, laws that are recommended, when to stop. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { afterAll, describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { type Expectations, expectationsSchema, readExpectations } from '../../gate/expectations.ts';
import { keepFailures, readKept } from '../../gate/kept.ts';
import { explainFailure, replayCommand, summaryText, verdictTable } from '../../gate/report.ts';
import { type GateOptions, type GateReport, runGate } from '../../gate/run.ts';
import type { Implementation } from '../../properties/law.ts';
import { everyLaw, findLaw } from '../../properties/laws/all.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { systems } from '../../reference/systems/registry.ts';

const plain = pc.createColors(false);
const folder = mkdtempSync(join(tmpdir(), 'lla-known-'));
afterAll(() => rmSync(folder, { recursive: true }));

const mutant = (name: string) => mutants.find((each) => each.name === name) as (typeof mutants)[number];
const future = mutant('one-position-of-the-future');
const tile = mutant('masked-zero-times-later-values');

const gate = (subject: Implementation, system: string, laws: string[], more: Partial<GateOptions> = {}) =>
  runGate({
    implementations: [subject],
    systems: systems.filter(({ name }) => name === system),
    laws: everyLaw.filter(({ name }) => laws.includes(name)),
    seed: 1,
    runs: 30,
    ...more,
  });
const about = ({ verdicts }: GateReport, law: string) =>
  verdicts.find((each) => each.law === law) as GateReport['verdicts'][number];
const statuses = ({ verdicts }: GateReport): Record<string, string> =>
  Object.fromEntries(verdicts.map(({ law, status }) => [law, status]));

const LAWS = ['causal-forward', 'causal-backward', 'same-answer-twice'];
const listed = (failures: Expectations['failures'], flaky: Expectations['flaky'] = []): Partial<GateOptions> => ({
  expectations: { failures, flaky },
});

describe('expected failures', () => {
  it('fail without failing the run, are not shrunk, and excuse what they block', async () => {
    const known = listed([{ law: 'causal-forward', reason: 'reads ahead' }]);
    const [drawn, report] = [
      await gate(future.implementation, future.system, LAWS),
      await gate(future.implementation, future.system, LAWS, known),
    ];
    expect(drawn.conforms).toBe(false);
    expect(report.conforms).toBe(true);
    expect(statuses(report)).toEqual(statuses(drawn));
    expect(report.summary).toMatchObject({ failed: 1, blocked: 1, expected: 2, fixed: 0 });
    const [path, shrunk] = [report, drawn].map((each) => about(each, 'causal-forward').path?.split(':').length ?? 0);
    expect(path).toBe(1);
    expect(shrunk).toBeGreaterThan(1);
    expect(about(report, 'causal-backward').expected?.reason).toBe('follows from causal-forward');
    expect(summaryText(report, plain)).toContain(
      'of these 2 expected\n1 were not judged: what they depend on is expected to fail\nconforms',
    );
    expect(verdictTable(report, plain)).toContain('e expected failure');
  });

  it('that pass fail the run', async () => {
    const report = await gate(future.implementation, future.system, LAWS, {
      ...listed([
        { law: 'causal-forward', reason: 'reads ahead' },
        { law: 'same-answer-twice', system: future.system, dtype: 'float64', reason: 'was so once' },
      ]),
    });
    expect(report.conforms).toBe(false);
    expect(report.summary.fixed).toBe(1);
    expect(summaryText(report, plain)).toContain('1 expected to fail, and hold: take them off the list');
  });

  it('that are flaky may do either', async () => {
    const flaky = LAWS.filter((law) => law !== 'causal-backward').map((law) => ({ law, reason: 'atomics' }));
    const report = await gate(future.implementation, future.system, LAWS, listed([], flaky));
    expect(report.conforms).toBe(true);
    expect(report.summary).toMatchObject({ passed: 1, flaky: 2, fixed: 0 });
  });

  it('of another system or dtype excuse nothing, and are named as unused', async () => {
    const report = await gate(future.implementation, future.system, LAWS, {
      ...listed([{ law: 'causal-forward', dtype: 'bfloat16', reason: 'reads ahead' }]),
    });
    expect(report.conforms).toBe(false);
    expect(report.unusedExpectations).toEqual(['causal-forward · bfloat16']);
    expect(summaryText(report, plain)).toContain('names causal-forward · bfloat16, which was not judged');
  });

  const wrong: [string, string, string][] = [
    ['no JSON', '{', 'no JSON'],
    ['an unknown law', '{"failures":[{"law":"causal","reason":"x"}]}', '/failures/0/law must be equal to one of'],
    ['no reason', '{"flaky":[{"law":"prefix"}]}', "must have required property 'reason'"],
    ['an empty reason', '{"flaky":[{"law":"prefix","reason":""}]}', '/flaky/0/reason'],
    ['another field', '{"failures":[{"law":"prefix","reason":"x","sytem":"gla"}]}', 'additional properties'],
    [
      'two entries about one verdict',
      '{"failures":[{"law":"prefix","reason":"x"}],"flaky":[{"law":"prefix","system":"gla","reason":"y"}]}',
      'prefix · gla and prefix',
    ],
  ];
  it.each(wrong)('%s is a bad list', (name, text, message) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, text);
    expect(() => readExpectations(file)).toThrow(InvalidInput);
    expect(() => readExpectations(file)).toThrow(message);
  });

  it('are read from a file whose schema is in docs/schemas', () => {
    const file = join(folder, 'good.json');
    const list = { failures: [{ law: 'prefix', system: 'gla', dtype: 'float32', reason: 'x' }] };
    writeFileSync(file, JSON.stringify(list));
    expect(readExpectations(file)).toEqual({ ...list, flaky: [] });
    expect(() => readExpectations(join(folder, 'none.json'))).toThrow('none.json');
    const stored = JSON.parse(readFileSync('docs/schemas/expected-failures.json', 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(expectationsSchema)));
  });
});

describe('recommended laws', () => {
  const LAW = 'causal-forward-nonfinite';
  it('are said to be broken, with how far NaN reaches, and fail the run where they are enforced', async () => {
    const report = await gate(tile.implementation, tile.system, [LAW, 'causal-forward']);
    expect(statuses(report)).toEqual({ 'causal-forward': 'passed', [LAW]: 'failed' });
    expect(report.conforms).toBe(true);
    expect(report.summary.recommended).toBe(1);
    const [, { note, level }] = report.verdicts;
    expect(level).toBe('recommended');
    // this mutant's tile is the whole sequence
    expect(note).toMatch(/changed after position \d+ of \d+; reaches back over up to \d{3} positions, past every tile/);
    const enforced = await gate(tile.implementation, tile.system, [LAW, 'causal-forward'], {
      enforceRecommended: true,
    });
    expect(enforced.conforms).toBe(false);
  });

  it('no required law depends on one', () => {
    for (const { level, prerequisites, name } of everyLaw) {
      const levels = prerequisites.map((first) => findLaw(first)?.level);
      if (level === 'required') expect([name, levels.includes('recommended')]).toEqual([name, false]);
    }
  });
});

describe('kept counterexamples', () => {
  const at = join(folder, 'kept');
  it('are written once, and judged before anything is drawn', async () => {
    expect(readKept(at)).toEqual([]);
    const first = await gate(future.implementation, future.system, LAWS);
    const files = keepFailures(at, first.verdicts);
    expect(files).toHaveLength(1);
    expect(keepFailures(at, first.verdicts)).toEqual([]);
    expect(readdirSync(at)).toHaveLength(1);
    const kept = readKept(at);
    expect(kept[0]).toMatchObject({ law: 'causal-forward', system: future.system, dtype: 'float64', path: files[0] });
    // another seed, one case: a lucky run without it
    const again = await gate(future.implementation, future.system, LAWS, { kept, seed: 5, runs: 1 });
    const verdict = about(again, 'causal-forward');
    expect(verdict).toMatchObject({ status: 'failed', cases: 1, kept: files[0] });
    expect(verdict.worst).toEqual(about(first, 'causal-forward').worst);
    expect(replayCommand(verdict)).toContain(`--kept ${files[0]}`);
    expect(explainFailure(verdict, plain)).toContain(`kept  ${files[0]}: found by an earlier run`);
    expect(keepFailures(at, again.verdicts)).toEqual([]);
  });

  it('that hold again count as cases, and those of another precision are rounded to it', async () => {
    const right = mutants.find(({ name }) => name === 'masked-zero-times-later-values') as (typeof mutants)[number];
    const report = await gate(right.implementation, future.system, ['causal-forward'], { kept: readKept(at), runs: 2 });
    expect(report.verdicts[0]).toMatchObject({ status: 'passed', cases: 3 });
  });

  const bad: [string, string, string][] = [
    ['no JSON', '{', 'a counterexample that lla gate --kept wrote'],
    ['another version', '{"version":2}', 'version 2'],
    ['an unknown law', '{"version":1,"law":"x"}', 'law "x"'],
    ['an unknown dtype', '{"version":1,"law":"prefix","dtype":"x"}', 'dtype "x"'],
    ['no extras', '{"version":1,"law":"prefix","dtype":"float64","extras":[]}', 'no extras'],
    ['no case', '{"version":1,"law":"prefix","dtype":"float64","extras":{}}', 'case'],
  ];
  it.each(bad)('%s is a bad one', (name, text, message) => {
    const file = join(folder, `${name}.kept.json`);
    writeFileSync(file, text);
    expect(() => readKept(file)).toThrow(InvalidInput);
    expect(() => readKept(file)).toThrow(message);
  });

  it('a file that is not there is an error, a folder that is not there is empty', () => {
    expect(() => readKept(join(folder, 'none.kept.json'))).toThrow(InvalidInput);
    expect(readKept(join(folder, 'none'))).toEqual([]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

it('--bail ends the run at the first failure that counts', async () => {
  const more = { bail: true, ...listed([]) };
  const report = await gate(future.implementation, future.system, [...LAWS, 'prefix', 'linear-in-v'], more);
  expect(report.bailed).toBe(true);
  expect(report.verdicts.filter(({ status }) => status === 'failed')).toHaveLength(1);
  expect(report.verdicts.length).toBeLessThan(5);
  expect(summaryText(report, plain)).toContain('ended before all laws were judged');
  const excused = await gate(future.implementation, future.system, LAWS, {
    bail: true,
    ...listed([{ law: 'causal-forward', reason: 'x' }]),
  });
  expect(excused.bailed).toBeUndefined();
});

it('laws judged at the same time come out in their order', async () => {
  const [alone, together] = [
    await gate(future.implementation, future.system, LAWS),
    await gate(future.implementation, future.system, LAWS, { concurrency: 3 }),
  ];
  const strip = ({ verdicts }: GateReport) =>
    verdicts.map(({ law, status, cases, path }) => [law, status, cases, path]);
  expect(strip(together)).toEqual(strip(alone));
});
