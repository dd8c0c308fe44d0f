/** action.yml and the snippets of docs/ci.md: what they say exists, and the action's own script does what it says. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { gateCommand } from '../../commands/gate.ts';
import { mergeCommand } from '../../commands/merge.ts';
import { readReport } from '../../gate/reports/read.ts';

interface Step {
  name?: string;
  id?: string;
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}

interface Action {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { value: string }>;
  runs: { using: string; steps: Step[] };
}

const action = parse(readFileSync('action.yml', 'utf8')) as Action;
const page = readFileSync('docs/ci.md', 'utf8');
const snippets = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
const folder = mkdtempSync(join(tmpdir(), 'lla-action-'));
afterAll(() => rmSync(folder, { recursive: true }));

const flags = {
  gate: gateCommand().options.map(({ long }) => long),
  merge: mergeCommand().options.map(({ long }) => long),
};

/** Every option of ours that a line gives a command; what stands behind -- is a program's. */
const flagsIn = (text: string, command: string): string[] =>
  text
    .split('\n')
    .filter((line) => new RegExp(`lla ${command} `).test(line))
    .flatMap((line) => line.split(' -- ', 1)[0].match(/(?<=\s)--[a-z-]+/g) ?? []);

const gateStep = action.runs.steps.find(({ id }) => id === 'gate') as Step;
const installStep = action.runs.steps.find(({ name }) => name === 'Install the suite') as Step;

describe('action.yml', () => {
  it('is a composite action whose inputs and outputs are described and used', () => {
    expect(action.runs.using).toBe('composite');
    const text = readFileSync('action.yml', 'utf8');
    for (const [name, { description, default: initial }] of Object.entries(action.inputs)) {
      expect(description, name).toMatch(/\S/);
      expect(typeof initial, name).toBe('string');
      expect(text).toMatch(new RegExp(`\\$\\{\\{[^}]*inputs\\.${name}\\b`));
    }
    const used = [...text.matchAll(/\$\{\{[^}]*?inputs\.([\w-]+)/g)].map(([, name]) => name);
    expect(used.filter((name) => !(name in action.inputs))).toEqual([]);
    for (const [name, { value }] of Object.entries(action.outputs)) {
      expect(value).toBe(`\${{ steps.gate.outputs.${name} }}`);
      expect(gateStep.run).toContain(`echo "${name}=`);
    }
  });

  it('writes no input into a script, where it would be run', () => {
    for (const { run } of action.runs.steps) expect(run ?? '').not.toMatch(/\$\{\{/);
  });

  it('gives the gate options that it has', () => {
    const given = gateStep.run?.match(/(?<=\(|\s)--[a-z-]+/g) ?? [];
    expect(given.filter((flag) => !['--yes', ...flags.gate].includes(flag))).toEqual([]);
    expect(given).toEqual(expect.arrayContaining(['--report', '--junit', '--html', '--badge', '--annotations']));
  });
});

describe('docs/ci.md', () => {
  it.each(snippets.map((text, i) => [i, text] as const))(
    'snippet %i is YAML, with options and inputs that exist',
    (_, text) => {
      const value = parse(text);
      expect(Object.keys(value).length).toBeGreaterThan(0);
      expect(flagsIn(text, 'gate').filter((flag) => !flags.gate.includes(flag))).toEqual([]);
      expect(flagsIn(text, 'merge').filter((flag) => !flags.merge.includes(flag))).toEqual([]);
      const steps = Object.values((value.jobs ?? {}) as Record<string, { steps: Step[] }>).flatMap((job) => job.steps);
      for (const { uses, with: given } of steps) {
        if (!uses?.includes('log-linear-attention-conformance')) continue;
        expect(Object.keys(given ?? {}).filter((name) => !(name in action.inputs))).toEqual([]);
      }
    },
  );

  it('has them for GitHub, GitLab, shards and a badge, and names every option', () => {
    expect(snippets).toHaveLength(6);
    expect(snippets.some((text) => /lla merge /.test(text))).toBe(true);
    for (const flag of ['--report', '--junit', '--html', '--badge', '--annotations', '--shard'])
      expect(page).toContain(flag);
  });
});

describe("the action's script", () => {
  /** As the runner runs it: the defaults of inputs filled in, a shell of its options. */
  function run(step: Step, inputs: Record<string, string>, env: Record<string, string> = {}) {
    const given: Record<string, string> = Object.fromEntries(
      Object.entries(action.inputs).map(([name, { default: initial }]) => [name, inputs[name] ?? initial]),
    );
    const filled = Object.entries(step.env ?? {}).map(([name, value]) => {
      const text = value.replace(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, input: string) => given[input]);
      return [name, text.replace(/\$\{\{ github\.action_path \}\}/, process.cwd())];
    });
    const script = join(folder, 'step.sh');
    const output = join(folder, 'output');
    const summary = join(folder, 'summary.md');
    writeFileSync(script, step.run ?? '');
    writeFileSync(output, '');
    writeFileSync(summary, '');
    const ended = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      encoding: 'utf8',
      env: {
        ...process.env,
        ...Object.fromEntries(filled),
        GITHUB_ACTIONS: 'true',
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        ...env,
      },
    });
    const outputs = Object.fromEntries(
      readFileSync(output, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    return { ...ended, outputs, summary: readFileSync(summary, 'utf8') };
  }

  const node = `'${process.execPath}'`;
  const few = '--runs 1 --law prefix,causal-forward --seed 3';

  it('judges an example, and says so in every format', () => {
    const reports = join(folder, 'good reports');
    const { status, stdout, outputs, summary } = run(gateStep, {
      command: `${node} adapters/node/example.mjs`,
      systems: 'linear,gla',
      dtypes: 'float64',
      profile: 'quick',
      args: few,
      reports,
    });
    expect(stdout).toContain('\nconforms\n');
    expect(status).toBe(0);
    expect(outputs).toEqual({
      conforms: 'true',
      report: join(reports, 'report.json'),
      junit: join(reports, 'junit.xml'),
      html: join(reports, 'report.html'),
      badge: join(reports, 'badge.json'),
    });
    for (const name of ['report', 'junit', 'html', 'badge']) expect(existsSync(outputs[name]), name).toBe(true);
    expect(readReport(outputs.report)).toMatchObject({ seed: 3, runs: 1, conforms: true });
    expect(summary).toContain('✅ conforms');
  });

  it('fails with a program that is wrong, with annotations; words are those of a shell', () => {
    const inputs = {
      command: `${node} test/external/hostile.mjs 'does as it is told'`,
      args: '--runs 1 --law forward-within-its-bound',
    };
    const { status, stdout, outputs, summary } = run(gateStep, { ...inputs, reports: join(folder, 'wrong') });
    expect(status).toBe(1);
    expect(outputs.conforms).toBe('false');
    expect(stdout).toContain('\n::error title=forward-within-its-bound');
    expect(summary).toContain('❌ does not conform');
  });

  it('leaves conforms empty, and no reports of an earlier run, where nothing was judged', () => {
    const reports = join(folder, 'stale');
    mkdirSync(reports);
    writeFileSync(join(reports, 'report.json'), 'old');
    const { status, outputs } = run(gateStep, { command: 'true', reports });
    expect(status).toBe(3);
    expect(outputs.conforms).toBe('');
    expect(existsSync(outputs.report)).toBe(false);
  });

  it('judges shards, and merges them', () => {
    const inputs = { command: `${node} adapters/node/example.mjs`, systems: 'linear,gla', args: few };
    for (const index of [1, 2]) {
      const { status } = run(gateStep, { ...inputs, shard: `${index}/2`, reports: join(folder, `part-${index}`) });
      expect(status).toBe(0);
    }
    const { status, stdout, outputs } = run(gateStep, {
      merge: `${folder}/part-*/report.json`,
      reports: join(folder, 'all'),
    });
    expect(status).toBe(0);
    expect(stdout).toContain('4 passed');
    expect(readReport(outputs.report).shard).toBeUndefined();
  });

  it('installs with npm ci, and runs a version of the package where one is asked for', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const name of ['npm', 'npx']) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "$0 $*" >> "${folder}/called"\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const path = { PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter) };
    run(installStep, {}, path);
    run(gateStep, { version: '1.2.3', command: './mine' }, path);
    const [npm, npx] = readFileSync(join(folder, 'called'), 'utf8').trimEnd().split('\n');
    expect(npm).toMatch(/npm ci /);
    expect(npx).toMatch(/npx --yes log-linear-attention-conformance@1\.2\.3 gate --report .* -- \.\/mine$/);
    expect(installStep.if).toBe("inputs.version == ''");
  });
});
