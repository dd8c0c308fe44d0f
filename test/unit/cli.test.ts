import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

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
        'causal-forward,causal-backward,isolated-heads',
        '--system',
        'log-linear-gla',
        '--runs',
        '2',
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
      expected: 0,
      flaky: 0,
      recommended: 0,
      fixed: 0,
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
    ['an unknown form', ['gate', '--form', 'tpu'], "unknown form 'tpu'. There are: masked, recurrent, chunked, gpu"],
    ['an unknown backend', ['gate', '--backend', 'metal'], 'Allowed choices are webasm, webgpu, headlessgl, cpu'],
    [
      'a backend without its form',
      ['gate', '--form', 'masked', '--backend', 'cpu'],
      '--backend cpu is for the form gpu',
    ],
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

describe('the form gpu', () => {
  const few = ['--law', 'prefix', '--system', 'log-linear-linear', '--runs', '1'];

  it.each([
    ['webasm, if no backend is given', ['--form', 'gpu', '--jobs', '2'], 'webasm'],
    ['the backend, if no form is given', ['--backend', 'cpu', '--jobs', '1'], 'cpu'],
  ])('is judged on %s, and the verdicts say so', (_, flags, backend) => {
    const { status, stdout } = lla(['gate', ...few, ...flags, '--json']);
    expect(status).toBe(0);
    const [first] = JSON.parse(stdout).verdicts;
    expect(first).toMatchObject({ system: 'log-linear-linear', implementation: `gpu-${backend}`, status: 'passed' });
    expect(first.execution).toEqual({
      backend,
      adapter: expect.any(String),
      executorKind: 'kernels',
      fallbackReason: null,
    });
  });

  it('exit code 2 and what to install where there is no adapter', () => {
    // no driver for Vulkan, Metal or D3D12 is found
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['dist/cli.js', 'gate', '--backend', 'webgpu', ...few],
      {
        encoding: 'utf8',
        env: { ...process.env, VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' },
      },
    );
    expect(stderr).toMatch(/error: backend webgpu is not available: .*; npm install webgpu/);
    expect([status, stdout]).toEqual([2, '']);
  });

  it('answers cases beside the oracle', () => {
    const gpu = GOOD.replace('{', '{"form":"gpu",');
    const { status, stdout } = lla(['compute'], `${gpu}\n${GOOD}\n`);
    expect(status).toBe(0);
    const [a, b] = stdout.trimEnd().split('\n');
    expect(a).toBe(b);
  });

  it('is listed with the systems that have it', () => {
    const rows = JSON.parse(lla(['systems', '--json']).stdout) as { name: string; forms: string[] }[];
    expect(rows.find(({ name }) => name === 'log-linear-mamba2')?.forms).toEqual([
      'masked',
      'recurrent',
      'chunked',
      'gpu',
    ]);
  });

  it('lla doctor says what works', () => {
    const { status, stdout } = lla(['doctor']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/webasm \(default\) +│ works +│ WebAssembly/);
    const findings = JSON.parse(lla(['doctor', '--json']).stdout);
    expect(findings[0]).toMatchObject({ backend: 'webasm', works: true, fallbackReason: null, reason: null });
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

describe('lla compute --bounds', () => {
  it('answers with bounds', () => {
    const { status, stdout } = lla(['compute', '--bounds', 'bfloat16'], `${GOOD}\n`);
    expect(status).toBe(0);
    const { o, bounds } = JSON.parse(stdout);
    expect(o.data).toEqual([24]);
    expect(bounds.o.shape).toEqual([1, 1, 1, 1]);
    expect(bounds.o.data[0]).toBeGreaterThan(24 * 2 ** -8);
    expect(Object.keys(bounds)).toEqual(['o', 'finalState']);
  });

  it('an unknown precision is exit code 2, and names the known ones', () => {
    const { status, stdout, stderr } = lla(['compute', '--bounds', 'fp8'], `${GOOD}\n`);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain("unknown precision 'fp8'. There are: float64, float32, tf32, bfloat16, float16");
  });
});

describe('lla explain', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lla-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const answerOf = (o: number): string => {
    const file = join(folder, `${o}.json`);
    const state = { shape: [1, 1, 1, 1, 1], data: [12] };
    writeFileSync(file, JSON.stringify({ o: { shape: [1, 1, 1, 1], data: [o] }, finalState: state, position: [1] }));
    return file;
  };

  it('reads a case over several lines from standard input; no colours in a pipe, whatever the environment says', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['dist/cli.js', 'explain', '--precision', 'bfloat16'],
      {
        input: JSON.stringify(JSON.parse(GOOD), null, 2),
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '', CI: '1' },
      },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^o\[0,0,0,0\] of linear in bfloat16\n {2}exact {2}24\n/);
    expect(stdout).toMatch(/factors +│ 0\.\d+ +│ \d+\.\d % +│ 4 factors of products in bfloat16/);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints JSON and nothing else with --json', () => {
    const { stdout } = lla(['explain', '-', '--index', '0,0,0,0', '--json'], GOOD);
    const { system, precision, element } = JSON.parse(stdout);
    expect({ system, precision }).toEqual({ system: 'linear', precision: 'float64' });
    expect(element).toMatchObject({ output: 'o', index: [0, 0, 0, 0], exact: 24, size: 24 });
    expect(Object.keys(element.terms[0])).toEqual(['cause', 'allows', 'share', 'because']);
  });

  it.each([
    [24, 0],
    [25, 1],
  ])('an answer of %s is exit code %i', (o, code) => {
    const { status, stdout } = lla(['explain', '--precision', 'float32', '--answer', answerOf(o)], GOOD);
    expect(status).toBe(code);
    expect(stdout).toContain(`${code === 0 ? '✓' : '✗'} o[0,0,0,0]`);
  });

  it.each<[string, string[], string, string]>([
    ['a file that is not there', ['none.json'], '', 'explain: case: none.json (ENOENT'],
    ['text that is not JSON', [], '{', 'explain: case: text that is not JSON'],
    ['standard input for both', ['-', '--answer', '-'], GOOD, 'explain: --answer: - for the case and the answer given'],
    [
      'an index that is none',
      ['--index', '0,-1'],
      GOOD,
      '0,-1 given, integers of 0 or more, separated by commas, wanted',
    ],
  ])('exit code 2 for %s', (_, args, input, message) => {
    const { status, stdout, stderr } = lla(['explain', ...args], input);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
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
