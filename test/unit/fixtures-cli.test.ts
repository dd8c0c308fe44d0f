/** `lla fixtures` as it is used: folders, answers, programs, exit codes, what is printed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFolder } from '../../fixtures/check-folder.ts';
import { drawMask } from '../../fixtures/drawing.ts';
import { checkFixtures, exportFixtures, NoHashes } from '../../fixtures/export.ts';
import type { Fixture } from '../../fixtures/fixture.ts';
import { judgeAnswer, type Reply } from '../../fixtures/judge.ts';
import { answerOf, loadFixtures } from '../../fixtures/load.ts';
import { nearest } from '../../fixtures/nearest.ts';
import { verifyAnswers } from '../../gate/fixtures/verify.ts';
import { reportToJson } from '../../gate/report.ts';
import { parseReport } from '../../gate/reports/read.ts';
import { answerToJson, jsonText } from '../../reference/case-json.ts';
import { chosen, entry, fixtureOf, floats } from './fixtures-made-up.ts';

const home = mkdtempSync(join(tmpdir(), 'lla-fixtures-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const lla = (...args: string[]) => {
  const env = { ...process.env, NO_COLOR: '1' };
  return spawnSync(process.execPath, ['dist/cli.js', 'fixtures', ...args], { encoding: 'utf8', env });
};

const folder = join(home, 'there');
const SYSTEM = ['--system', 'log-linear-mamba2', '--dtype', 'float64'];
const SOME = [...SYSTEM, '--flag', 'packed'];

/** Right answers to all fixtures of a folder, but for what `change` makes of them; null leaves one out. */
async function answers(
  name: string,
  change: (fixture: Fixture, answer: Record<string, unknown>) => object | null,
): Promise<string> {
  const to = join(home, name);
  mkdirSync(to);
  for await (const fixture of loadFixtures(folder)) {
    const answer = answerOf(fixture);
    const { error } = fixture.header;
    const right = answer
      ? { ...answerToJson(answer) }
      : { error: { kind: 'invalid-input', argument: error?.argument } };
    const given = change(fixture, right);
    if (given) writeFileSync(join(to, `${fixture.header.name}.json`), jsonText(given));
  }
  return to;
}

beforeAll(() => {
  const { status, stdout, stderr } = lla('export', folder, ...SYSTEM, '--format', 'json,npz');
  expect(stderr).toMatch(/^fixtures \d+\/\d+, \d+ s/);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^.*there\/v1-small-json-npz: \d+ of the small set, [\d.]+ [kM]B \(version 1, seed 0\)\n/);
});

describe('lla fixtures export', () => {
  it('prints JSON for tools, and what is in the way', () => {
    const { status, stderr } = lla('export', folder, ...SOME);
    expect(status).toBe(2);
    expect(stderr).toContain(`${folder}: it has fixtures already; --replace puts the new ones in their place`);
    const name = 'log-linear-mamba2.packed.float64';
    const { stdout } = lla('export', join(home, 'one'), '--name', name, '--format', 'c', '--json', '--seed', '3');
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      folder: join(home, 'one'),
      content: 'v1-full-c',
      cases: 1,
      bytes: expect.any(Number),
      left: [],
      set: 'full',
      catalogue: 1,
      seed: 3,
      formats: ['c'],
    });
    expect(existsSync(join(home, 'one', 'v1-full-c', 'lla_fixtures.h'))).toBe(true);
    expect(loadFixtures(join(home, 'one')).manifest).toMatchObject({ formats: ['json'], seed: 3 });
  });

  it('says how much of a set it is, and where, in one way of writing paths', () => {
    const name = 'linear.ordinary.float32,linear.ordinary.float64';
    const { stdout } = lla('export', `${join(home, 'two')}//`, '--name', name);
    expect(stdout).toMatch(/two\/v1-full-json: 2 of the full set, [\d.]+ kB \(version 1, seed 0\)\n/);
    expect(stdout).not.toContain(`${join(home, 'two')}//v1`);
  });

  it.skipIf(!existsSync('fixtures/hashes/v1.json'))('--check: today’s code makes what was released', () => {
    const { status, stdout } = lla('export', '--check', ...SOME);
    expect(stdout).toMatch(/^\d+ of the small set \(version 1\): all as released\n$/);
    expect(status).toBe(0);
    const there = lla('export', '--check', folder, '--json');
    expect(JSON.parse(there.stdout)).toMatchObject({ folder, differing: [], faults: [] });
    expect(there.status).toBe(0);
  });

  it('--check of a version without hashes is no difference', async () => {
    const later = join(home, 'later');
    await exportFixtures(later, chosen(0, { version: 9 }));
    const { status, stderr } = lla('export', '--check', later);
    expect(stderr).toContain('later: its fixtures are of version 9, and 1 is the latest here; nothing was checked');
    expect(status).toBe(2);
    await expect(checkFixtures({ ...chosen(0), isWhole: true })).rejects.toThrow(NoHashes);
  });

  it.each([
    ['no folder', ['export'], 'the folder that is to be made is missing'],
    [
      'an unknown format',
      ['export', 'x', '--format', 'hdf5'],
      "unknown format 'hdf5'. There are: json, safetensors, npz, c, all",
    ],
    ['an unknown flag', ['list', '--flag', 'packd'], "unknown flag 'packd'. Did you mean packed"],
    ['an unknown name', ['list', '--name', 'linear.ordinry.float32'], 'Did you mean linear.ordinary.float32'],
    [
      'nothing that has all of it',
      ['list', '--system', 'softmax', '--flag', 'packed,reset'],
      'no fixture of the small set',
    ],
    ['a check of another seed', ['export', '--check', '--seed', '4'], 'hashes are those of seed 0'],
    ['an unknown command', ['exprt'], "unknown command 'exprt'"],
    ['a folder that is none', ['verify', '/nowhere'], '/nowhere: there is no such folder; give one that lla fixtures'],
    ['one to show from', ['show', 'linear.one.float32', '/nowhere'], '/nowhere: there is no such folder; give one'],
    ['one to compare with', ['export', '--check', '/nowhere'], '/nowhere: there is no such folder; give one'],
    ['a file', ['verify', 'package.json'], 'package.json: it is a file, where a folder is wanted; give one that'],
    [
      'a folder of something else',
      ['verify', 'docs'],
      'docs: there are no fixtures in it (no manifest.json); give one',
    ],
    [
      'answers that are not there',
      ['verify', folder, '/nowhere'],
      '/nowhere: there is no such folder; give the folder w',
    ],
    ['answers that are a file', ['verify', folder, 'package.json'], 'package.json: it is a file, where a folder is'],
    [
      'answers that are the fixtures',
      ['verify', folder, `${folder}/`],
      'that is the folder of the fixtures itself; give',
    ],
    [
      'or their files',
      ['verify', folder, join(folder, 'v1-small-json-npz')],
      'that is the folder of the fixtures itself',
    ],
    ['a folder without a name', ['export', ''], "'': it has no name; give the name of a folder"],
    [
      'an unknown fixture',
      ['show', 'log-linear-mamba2.ordinary.float3'],
      'Did you mean log-linear-mamba2.ordinary.float32',
    ],
  ])('exit code 2 for %s', (_, args, message) => {
    const { status, stdout, stderr } = lla(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(stdout).toBe('');
  });
});

describe('lla fixtures verify', () => {
  it('says that a folder is whole, and what in it is not', async () => {
    const { status, stdout } = lla('verify', folder);
    expect(stdout).toMatch(/there: \d+ fixtures in json, npz, \d+ files, [\d.]+ [kM]B \(small set.*\): whole\n$/);
    expect(status).toBe(0);
    const broken = join(home, 'broken');
    await exportFixtures(broken, chosen(4));
    writeFileSync(join(broken, 'v1-small-json', 'linear.one.float32.json'), '{}');
    writeFileSync(join(broken, 'v1-small-json', 'notes.txt'), '');
    const found = lla('verify', broken);
    expect(found.status).toBe(1);
    expect(found.stdout).toContain('linear.one.float32.json: 2 bytes, where the manifest has');
    expect(found.stdout).toContain(': 1 faults\n');
    expect(found.stderr).toContain('v1-small-json/notes.txt: not in the manifest');
    expect(JSON.parse(lla('verify', broken, '--json').stdout)).toMatchObject({
      whole: false,
      strangers: ['v1-small-json/notes.txt'],
    });
  });

  it.each([
    ['is not there', () => {}, 'not there'],
    ['is a link', (path: string) => symlinkSync(home, path), 'a symbolic link, which is not followed'],
  ] as const)('says once that the folder of files %s', async (name, put, what) => {
    const broken = join(home, name);
    await exportFixtures(broken, chosen(4, { formats: ['json', 'c'] }));
    rmSync(join(broken, 'v1-small-json-c'), { recursive: true });
    put(join(broken, 'v1-small-json-c'));
    const { faults } = await checkFolder(broken);
    expect(faults).toEqual([`v1-small-json-c: the folder with all files is ${what}`]);
  });

  it('passes right answers, in every report', async () => {
    const right = await answers('right', (_, answer) => answer);
    const report = join(home, 'report.json');
    const page = join(home, 'page.html');
    const suites = join(home, 'junit.xml');
    const { status, stdout } = lla('verify', folder, right, '--report', report, '--html', page, '--junit', suites);
    expect(stdout).toMatch(/fixture-forward +│ ✓ +│/);
    expect(stdout).toMatch(
      /\d passed, 0 failed, 0 errors, 0 blocked, 0 not covered; .* fixtures version 1, small, seed 0/,
    );
    expect(stdout.trimEnd().endsWith('conforms')).toBe(true);
    expect(status).toBe(0);
    const read = parseReport(readFileSync(report, 'utf8'), report);
    expect(read).toMatchObject({ conforms: true, fixtures: 'version 1, small', seed: 0 });
    expect(read.verdicts.map(({ law }) => law)).toEqual(
      expect.arrayContaining(['fixture-forward', 'fixture-final-state']),
    );
    expect(readFileSync(page, 'utf8')).toContain('fixture-gradients');
    expect(readFileSync(suites, 'utf8')).toContain('<testcase name="fixture-forward"');
  });

  it('says which are wrong, by how much, and how to see one', async () => {
    const name = 'log-linear-mamba2.packed.float64';
    const wrong = await answers('wrong', ({ header }, answer) => {
      if (header.name !== name) return answer;
      const { o, ...rest } = answer as { o: { shape: number[]; data: number[] } };
      return {
        ...rest,
        o: { ...o, data: o.data.map((value, i) => (i === 5 ? value + 1 : value)) },
      };
    });
    const { status, stdout } = lla('verify', folder, wrong);
    expect(status).toBe(1);
    expect(stdout).toContain('✗ fixture-forward · log-linear-mamba2 · wrong');
    expect(stdout).toMatch(/ {2}worst o\[0,1,0,1\]: .*, where .* is wanted\n.*apart by 1, allowed .* times the bound/);
    expect(stdout).toContain(`  wrong ${name}: `);
    expect(stdout).toContain(`  again npx lla fixtures show ${name} ${folder}\n`);
    const { verdicts } = JSON.parse(
      reportToJson(await verifyAnswers(folder, wrong, 'wrong', { filter: { names: [name] } })),
    );
    expect(verdicts[0]).toMatchObject({
      law: 'fixture-forward',
      status: 'failed',
      cases: 1,
      worst: { name: 'o', index: [0, 1, 0, 1] },
      replay: `npx lla fixtures show ${name} ${folder}`,
      fixtures: { folder, failed: [{ name }] },
    });
  });

  it('never passes what is not there', async () => {
    const some = await answers('some', ({ header }, { finalState: _, gradients: __, ...answer }) =>
      header.name.includes('empty') ? null : answer,
    );
    const { verdicts } = await verifyAnswers(folder, some, 'some');
    const of = (law: string) => verdicts.find((each) => each.law === law);
    expect(of('fixture-forward')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('there is no answer to it'),
    });
    expect(of('fixture-gradients')).toMatchObject({ status: 'not-covered' });
    expect(of('fixture-gradients')?.reason).toContain('no gradients in the answer');
    expect(of('fixture-recommended')).toMatchObject({ status: 'passed' });
    const none = await answers('none', ({ header }, answer) => (header.flags.includes('recommended') ? answer : null));
    const { verdicts: only } = await verifyAnswers(folder, none, 'none');
    const forward = only.find((each) => each.law === 'fixture-forward');
    expect(forward).toMatchObject({ status: 'not-covered', cases: 0 });
  });

  it('refuses answers to nothing', () => {
    const strange = join(home, 'strange');
    mkdirSync(strange);
    expect(lla('verify', folder, strange)).toMatchObject({ status: 2, stderr: expect.stringContaining('no answers') });
    writeFileSync(join(strange, 'log-linear-mamba2.pakced.float64.npz'), '');
    const { status, stderr } = lla('verify', folder, strange);
    expect(status).toBe(2);
    expect(stderr).toContain(
      'there is no fixture log-linear-mamba2.pakced.float64; is it log-linear-mamba2.packed.float64?',
    );
  });

  it('asks a program, and says what it was not asked', () => {
    const program = ['--', process.execPath, 'adapters/node/example.mjs'];
    const { status, stdout } = lla('verify', folder, '--json', ...program);
    const { verdicts, command, conforms } = JSON.parse(stdout);
    expect(command).toEqual(program.slice(1));
    const statuses = verdicts.map(({ law, status }: Record<string, string>) => [law, status]);
    expect(statuses).toEqual([
      ['fixture-forward', 'passed'],
      ['fixture-final-state', 'passed'],
      ['fixture-gradients', 'passed'],
      ['fixture-recommended', 'passed'],
    ]);
    expect(verdicts[0].note).toMatch(/^\d+ more not covered: our chunked form has no other structures/);
    expect([status, conforms]).toEqual([0, true]);
    expect(lla('verify', folder, '--', 'no-such-program')).toMatchObject({ status: 3 });
    expect(lla('verify', folder, 'x', ...program)).toMatchObject({ status: 2 });
  });
});

describe('lla fixtures list and show', () => {
  it('lists sizes, flags and what is probed', () => {
    const { status, stdout } = lla('list', ...SOME);
    expect(status).toBe(0);
    expect(stdout).toContain('log-linear-mamba2.packed.float64');
    expect(stdout).toMatch(/\d+ fixtures \(small set, version 1\): 1 system, 1 dtype\n$/);
    const rows = JSON.parse(lla('list', '--json', ...SOME).stdout);
    expect(rows[0]).toMatchObject({
      system: 'log-linear-mamba2',
      sizes: { B: 1 },
      flags: expect.arrayContaining(['packed']),
    });
  });

  it('shows the same from the folder as made anew: numbers, and the mask', () => {
    const name = 'log-linear-mamba2.packed.float64';
    const { stdout } = lla('show', name);
    expect(lla('show', name, folder).stdout).toBe(stdout);
    expect(stdout).toContain('┃ edge of a sequence');
    expect(stdout).toMatch(/ {2}inputs\.q +\[1,\d+,\d,\d\] float64 +-?\d/);
  });
});

describe('the mask', () => {
  it('has the level of each position, edges of chunks and of sequences', () => {
    const weak = { kind: 'weak', base: 2 } as const;
    expect(drawMask({ tokens: 6, structure: weak, chunkSize: 4 })).toEqual([
      '0 0',
      '1 10',
      '2 220',
      '3 2210',
      '  ──────',
      '4 3333│0',
      '5 3333│10',
    ]);
    expect(drawMask({ tokens: 4, structure: weak, cuSeqlens: [0, 2, 2, 4], position: [3, 0, 0] })).toEqual([
      '0 0',
      '1 30',
      '  ━━━━',
      '2   ┃0',
      '3   ┃10',
    ]);
    expect(drawMask({ tokens: 2, structure: null })).toEqual(['0 0', '1 00']);
    expect(drawMask({ tokens: 1000, structure: weak })).toHaveLength(64);
    expect(drawMask({ tokens: 2, structure: weak }, (text, level) => `<${level}${text}>`)[1]).toBe('1 <11><00>');
  });
});

describe('one answer to one fixture', () => {
  const fixture = fixtureOf(entry('linear.one.float32'), 0);
  const reply = (o: number[], more: [string, number[], number[]][] = [], shape = [1, 1, 1, 1]): Reply => ({
    tensors: new Map(
      [['o', shape, o] as const, ...more].map(([name, of, data]) => [name, floats(name, [...of], [...data])]),
    ),
  });
  const state: [string, number[], number[]] = ['finalState', [1, 1, 1, 1, 1], [6]];
  const statuses = (given: Reply) => judgeAnswer(fixture, given).map(({ law, status }) => [law.slice(8), status]);

  it.each([
    ['equal', reply([6], [state]), 'passed', 'passed'],
    ['within the bound', reply([6 + 1e-5], [state]), 'passed', 'passed'],
    ['beyond it', reply([6 + 1.1e-5], [state]), 'failed', 'passed'],
    ['NaN', reply([Number.NaN], [state]), 'failed', 'passed'],
    ['of another shape', reply([6], [state], [1, 1, 1]), 'failed', 'passed'],
    ['without a state', reply([6]), 'passed', 'missing'],
    ['at another position', reply([6], [state, ['position', [1], [2]]]), 'failed', 'passed'],
    ['with positions of another count', reply([6], [state, ['position', [2], [1, 1]]]), 'failed', 'passed'],
    ['at the position', reply([6], [state, ['position', [1], [1]]]), 'passed', 'passed'],
    ['refused', { refused: { argument: 'q', message: 'too nice' } }, 'failed', 'failed'],
  ] as [string, Reply, string, string][])('%s', (_, given, forward, final) => {
    expect(statuses(given)).toEqual([
      ['forward', forward],
      ['final-state', final],
    ]);
  });

  it('a bound of Infinity promises nothing, not even a number', () => {
    const tensors = fixture.tensors.map((each) =>
      each.name === 'bounds.o' ? { ...each, data: Float64Array.of(Infinity) } : each,
    );
    const [forward] = judgeAnswer({ ...fixture, tensors }, reply([Number.NaN]));
    expect(forward.status).toBe('passed');
  });

  it('bad input is refused, for the argument that is wrong', () => {
    const error = { kind: 'invalid-input', argument: 'lambda' } as const;
    const bad: Fixture = { header: { ...fixture.header, error }, tensors: fixture.tensors.slice(0, 3) };
    const judge = (given: Reply) => judgeAnswer(bad, given)[0];
    expect(judge({ refused: { argument: 'lambda', message: '' } }).status).toBe('passed');
    expect(judge({ refused: { argument: 'k', message: 'no' } }).why).toBe('refused (k: no), where it is for lambda');
    expect(judge({ refused: { argument: null, message: 'lambda' } }).status).toBe('failed');
    expect(judge(reply([6])).why).toBe('answered, where lambda has to be refused');
  });
});

it('names that were likely meant', () => {
  const names = ['linear.ordinary.float32', 'linear.ordinary.float64', 'softmax.packed.float32'];
  expect(nearest('linear.ordinry.float32', names)[0]).toBe('linear.ordinary.float32');
  expect(nearest('packed', names)).toEqual(['softmax.packed.float32']);
  expect(nearest('x'.repeat(500), names)).toEqual([]);
});
