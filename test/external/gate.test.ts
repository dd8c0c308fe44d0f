/** `lla gate -- COMMAND` as its users see it: exit codes, verdicts, the command that replays a failure, and the files that are saved. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { gateMessages, programMessages } from '../../gate/external/schemas.ts';
import { faultOf } from '../../gate/external/validate.ts';
import { outsideOf } from '../../properties/abilities.ts';
import { fit } from '../../properties/arbitraries/cases.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Abilities } from '../../properties/law.ts';
import { parseCase } from '../../reference/case-json.ts';
import { goodCase } from '../unit/good-case.ts';

const NODE = process.execPath;
const folder = mkdtempSync(join(tmpdir(), 'lla-gate-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

const lla = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(NODE, ['dist/cli.js', ...args], { env: { ...process.env, NO_COLOR: '1' } });
    const ended: Ended = { status: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (ended.stdout += chunk));
    child.stderr.on('data', (chunk) => (ended.stderr += chunk));
    child.on('close', (status) => resolve({ ...ended, status }));
  });

const few = ['--runs', '3', '--law', 'forward-within-its-bound,causal-forward,backward-within-its-bound'];

describe('a program under the gate', () => {
  it('that is right conforms: exit code 0', async () => {
    const { status, stdout } = await lla(
      'gate',
      ...few,
      '--system',
      'log-linear-mamba2',
      '--',
      NODE,
      'adapters/node/example.mjs',
    );
    expect(stdout).toMatch(/\nconforms/);
    expect(status).toBe(0);
  });

  it('that answers zeros does not: exit code 1, one broken law that blocks the others, a case that is saved, a command that replays it', async () => {
    const program = ['--', NODE, 'test/external/hostile.mjs', 'does as it is told'];
    const { status, stdout } = await lla('gate', ...few, '--json', '--save', folder, ...program);
    expect(status).toBe(1);
    const { conforms, verdicts } = JSON.parse(stdout);
    expect(conforms).toBe(false);
    const failed = verdicts.filter((verdict: { status: string }) => verdict.status === 'failed');
    expect(failed.map((verdict: { law: string }) => verdict.law)).toContain('forward-within-its-bound');
    const files = readdirSync(folder);
    expect(files).toContain('forward-within-its-bound-linear-hostile.json');
    for (const file of files) expect(parseCase(readFileSync(join(folder, file), 'utf8'), 'test').system).toBe('linear');
    const command: string = failed[0].replay;
    expect(command).toMatch(/--dtype float64 --seed -?\d+ --path [\d:]+ -- .*'does as it is told'$/);
    const [, options] = /npx lla (.*) -- /.exec(command) as RegExpExecArray;
    const again = await lla(...options.split(' '), '--json', ...program);
    expect(again.status).toBe(1);
    expect(JSON.parse(again.stdout).verdicts[0].worst).toEqual(failed[0].worst);
  });

  it('that crashes at every case is an error of the laws, not of the run', async () => {
    // each step of shrinking is a start of the program: one law, one case
    const one = ['--runs', '1', '--law', 'wide-heads'];
    const { status, stdout } = await lla('gate', ...one, '--', NODE, 'test/external/hostile.mjs', 'crashes');
    expect(status).toBe(1);
    expect(stdout).toContain('\n  crashed: it ended with exit code 1\n  it printed:\n    about to divide by zero\n');
    expect(stdout).toMatch(
      /\nlook first at wide-heads · linear · hostile\n {2}crashed: it ended with exit code 1\n\n0 passed/,
    );
  });

  it('that breaks the protocol at the start: exit code 3, and what was wrong', async () => {
    const { status, stderr } = await lla('gate', '--', NODE, 'test/external/hostile.mjs', 'a field of its own');
    expect(stderr).toContain('broke-protocol: message description: must NOT have additional properties');
    expect(status).toBe(3);
  });

  it('and a form of ours at once: exit code 2', async () => {
    const { status, stderr } = await lla('gate', '--form', 'masked', '--', NODE, 'adapters/node/example.mjs');
    expect(stderr).toContain('leave them out where a program is judged');
    expect(status).toBe(2);
  });

  it('that is stopped while it starts leaves nothing behind', async () => {
    const child = spawn(NODE, ['dist/cli.js', 'gate', '--', 'sh', '-c', 'sleep 98765'], { stdio: 'ignore' });
    const sleeps = (): boolean => spawnSync('pgrep', ['-f', '^sleep 98765$']).status === 0;
    await vi.waitFor(() => expect(sleeps()).toBe(true), 10_000);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
    await vi.waitFor(() => expect(sleeps()).toBe(false), 5000);
  });

  it.each([
    [['--dtype', 'float32'], 'given after --', 2],
    [['--', ''], 'did-not-start: it cannot be run', 3],
    [['--timeout', '2147484', '--', 'true'], 'at most 86400 seconds wanted', 2],
  ] as [string[], string, number][])('%j: %s, exit code %i', async (args, message, code) => {
    const { status, stderr } = await lla('gate', ...args);
    expect(stderr).toContain(message);
    expect(status).toBe(code);
  });

  it('a dtype that it has not: exit code 2', async () => {
    const { status, stderr } = await lla('gate', '--dtype', 'bfloat16', '--', NODE, 'adapters/node/example.mjs');
    expect(stderr).toContain("unknown dtype 'bfloat16'. There are: float64");
    expect(status).toBe(2);
  });
});

describe('what a program is not asked', () => {
  const all = builtIn[0].abilities;
  const asked = (abilities: Partial<Abilities>, sizes = {}, more = {}): string | null =>
    outsideOf({ ...all, ...abilities }, goodCase('log-linear-mamba2', sizes, more));

  it.each<[Partial<Abilities>, object, object, string]>([
    [{ systems: ['mamba2'] }, {}, {}, 'no log-linear-mamba2'],
    [{ groups: false }, { G: 1, H: 2 }, {}, 'no groups'],
    [{ state: false }, { stateLevels: 4 }, {}, 'no states'],
    [{ state: false }, {}, { position: [3] }, 'no states'],
    [{ packed: false }, {}, { cuSeqlens: [0, 2, 5] }, 'no packed sequences'],
    [{ structures: false }, {}, { structure: { kind: 'strong' } }, 'no other structures'],
    [{ limits: { K: { multipleOf: 16 } } }, { K: 3 }, {}, 'no K = 3'],
    [{ limits: { V: { powerOfTwo: true } } }, { V: 6 }, {}, 'no V = 6'],
    [{ limits: { T: { max: 4 } } }, {}, {}, 'no T = 5'],
  ])('%j %j %j: %s', (abilities, sizes, more, why) => {
    expect(asked({}, sizes, more)).toBeNull();
    expect(asked(abilities, sizes, more)).toBe(why);
  });

  it('but what a law has poisoned, whatever values it takes', () => {
    const c = goodCase('log-linear-mamba2', { G: 2 });
    const stern = { ...all, resets: false, growth: false };
    (c.inputs.g as { data: Float64Array }).data[3] = Number.NEGATIVE_INFINITY;
    expect(outsideOf(stern, c)).toBe('no resets');
    (c.inputs.v as { data: Float64Array }).data[3] = Number.NaN;
    expect(outsideOf(stern, c)).toBeNull();
  });

  it('sizes are fitted to its limits', () => {
    expect(fit(3, { multipleOf: 16 })).toBe(16);
    expect(fit(17, { multipleOf: 16, max: 64 })).toBe(32);
    expect(fit(70, { powerOfTwo: true, max: 64 })).toBe(64);
    expect(fit(5, { powerOfTwo: true, multipleOf: 16 })).toBe(16);
    expect(fit(0, { min: 1 })).toBe(1);
    expect(fit(300, { max: 129 })).toBe(129);
    expect(fit(33, {})).toBe(33);
  });
});

describe('the schemas', () => {
  const stored = (name: string): unknown => JSON.parse(readFileSync(`docs/schemas/${name}.json`, 'utf8'));
  it.each(Object.entries({ ...gateMessages, ...programMessages }))(
    'docs/schemas/%s.json is what is checked',
    (name, schema) => {
      expect(stored(name)).toEqual(JSON.parse(JSON.stringify(schema)));
    },
  );

  it('take the messages of docs/protocol.md', () => {
    const page = readFileSync('docs/protocol.md', 'utf8');
    const [example] = /\{"type": "description".*\}/.exec(page) as RegExpExecArray;
    expect(faultOf(JSON.parse(example))).toBeNull();
  });
});
