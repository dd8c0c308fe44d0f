import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const lla = (args: string[], input = '') =>
  spawnSync(process.execPath, ['dist/cli.js', ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });

const GOOD =
  '{"system":"linear","inputs":{"q":{"shape":[1,1,1,1],"data":[2]},"k":{"shape":[1,1,1,1],"data":[3]},"v":{"shape":[1,1,1,1],"data":[4]}}}';

describe('lla gate', () => {
  it('conforms: exit code 0, a table, progress on stderr in plain lines', () => {
    const { status, stdout, stderr } = lla([
      'gate',
      '--law',
      'prefix',
      '--system',
      'linear,gla',
      '--runs',
      '3',
      '--jobs',
      '1',
    ]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/prefix +│ ✓✓ +│ ✓✓ +│ ✓✓ +│/);
    expect(stdout).toContain('6 passed, 0 failed');
    expect(stdout.trimEnd().endsWith('conforms')).toBe(true);
    expect(stderr).toContain('gate 6/6');
  });

  it('gives the same verdicts from worker threads', () => {
    const run = (jobs: string) => {
      const { stdout } = lla([
        'gate',
        '--law',
        'causality',
        '--system',
        'log-linear-gla',
        '--runs',
        '3',
        '--jobs',
        jobs,
        '--json',
      ]);
      return JSON.parse(stdout).verdicts;
    };
    expect(run('2')).toEqual(run('1'));
  });

  it('prints JSON and nothing else with --json', () => {
    const { status, stdout } = lla([
      'gate',
      '--law',
      'states-alive',
      '--form',
      'masked',
      '--runs',
      '2',
      '--json',
      '--seed',
      '9',
    ]);
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ version: 1, seed: 9, runs: 2, conforms: true });
    expect(report.summary).toEqual({
      passed: 7,
      failed: 0,
      blocked: 0,
      notCovered: 0,
      errors: 0,
      cases: 14,
      seconds: expect.any(Number),
    });
    expect(report.verdicts[0]).toMatchObject({
      law: 'states-alive',
      system: 'log-linear-linear',
      implementation: 'masked',
      status: 'passed',
      cases: 2,
      replay: null,
    });
  });

  it('replays one case', () => {
    const args = ['gate', '--law', 'prefix', '--system', 'linear', '--form', 'chunked', '--seed', '5', '--path', '3'];
    const { status, stdout } = lla([...args, '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).verdicts).toMatchObject([{ status: 'passed', cases: 1 }]);
  });

  it.each([
    ['an unknown law', ['gate', '--law', 'gravity'], "unknown law 'gravity'. There are: equivalence"],
    ['an unknown system', ['gate', '--system', 'mamba3'], "unknown system 'mamba3'"],
    ['an unknown form', ['gate', '--form', 'gpu'], "unknown form 'gpu'. There are: masked, recurrent, chunked"],
    ['no number of runs', ['gate', '--runs', '0'], '0 given, a positive integer wanted'],
    ['a seed that is no integer', ['gate', '--seed', '1.5'], '1.5 given, an integer from -2^31 to 2^31 - 1 wanted'],
    ['a path for many laws', ['gate', '--path', '1:2'], '--path replays one case'],
    [
      'a law that says nothing about the system',
      ['gate', '--law', 'unit-lambda-collapses', '--system', 'linear'],
      'none of these laws',
    ],
    ['a seed past 32 bits', ['gate', '--seed', '99999999999'], '99999999999 given'],
    ['an unknown option', ['gate', '--turbo'], "unknown option '--turbo'"],
    ['an unknown command', ['gat'], "unknown command 'gat'"],
  ])('exit code 2 for %s', (_, args, message) => {
    const { status, stdout, stderr } = lla(args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });
});

it('does not conform on a path that leads to no case', () => {
  const args = [
    'gate',
    '--law',
    'prefix',
    '--system',
    'linear',
    '--form',
    'masked',
    '--seed',
    '3',
    '--path',
    '3:99999',
  ];
  const { status, stdout } = lla(args);
  expect(status).toBe(1);
  expect(stdout).toContain('leads to none');
});

it('a reader that goes away is no failure', () => {
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', `set -o pipefail; "$0" dist/cli.js laws --json | head -c 1`, process.execPath],
    {
      encoding: 'utf8',
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

describe('lla compute', () => {
  it('answers from standard input', () => {
    const { status, stdout } = lla(['compute'], `${GOOD}\n`);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ o: { shape: [1, 1, 1, 1], data: [24] }, position: [1] });
  });

  it('answers a bad case with its error, goes on, and exits with 2', () => {
    const { status, stdout } = lla(['compute', '-'], `{"system":"nope","inputs":{}}\n${GOOD}\n`);
    expect(status).toBe(2);
    const [bad, good] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(bad.error).toMatchObject({ kind: 'invalid-input', argument: 'system' });
    expect(good.o.data).toEqual([24]);
  });

  it('reads a file; a file that is not there is exit code 2', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lla-'));
    try {
      writeFileSync(join(folder, 'cases.jsonl'), GOOD);
      expect(lla(['compute', join(folder, 'cases.jsonl')]).status).toBe(0);
      const missing = lla(['compute', join(folder, 'none.jsonl')]);
      expect(missing.status).toBe(2);
      expect(missing.stderr).toContain('none.jsonl');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('lists laws and systems, as text and as JSON', () => {
  expect(lla(['laws']).stdout).toContain('causal-forward');
  expect(lla(['systems']).stdout).toContain('log-linear-gated-deltanet');
  expect(JSON.parse(lla(['laws', '--json']).stdout).length).toBeGreaterThan(40);
  expect(JSON.parse(lla(['systems', '--json']).stdout)).toHaveLength(15);
});

it('has a help that says what the exit codes are', () => {
  const { status, stdout } = lla(['--help']);
  expect(status).toBe(0);
  expect(stdout).toContain('Exit codes: 0 conforms, 1 does not, 2 usage or bad input');
});
