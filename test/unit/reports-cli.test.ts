/** The options of `lla gate` and `lla merge` that make reports, as their users see them. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { checkReports, type ReportFlags } from '../../commands/report-options.ts';
import { shardOption } from '../../commands/shard-option.ts';
import { readReport } from '../../gate/reports/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-reports-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const lla = (args: string[], env: Record<string, string> = {}) => {
  const { GITHUB_ACTIONS: _, GITHUB_STEP_SUMMARY: __, ...mine } = process.env;
  return spawnSync(process.execPath, ['dist/cli.js', ...args], {
    encoding: 'utf8',
    env: { ...mine, NO_COLOR: '1', ...env },
  });
};
const few = ['--law', 'prefix,causal-forward', '--system', 'linear,gla', '--runs', '1', '--jobs', '1'];
/** As little as can be judged. */
const one = ['--law', 'prefix', '--system', 'linear', '--form', 'masked', '--runs', '1', '--jobs', '1'];
const wrong = [
  '--law',
  'forward-within-its-bound',
  '--runs',
  '1',
  '--',
  process.execPath,
  'test/external/hostile.mjs',
  'does as it is told',
];

describe('the files of a run', () => {
  it('are all written, into folders that are made, and the terminal keeps its table', () => {
    const files = ['report.json', 'junit.xml', 'page.html', 'badge.json'].map((name) => at('a', 'b', name));
    const [report, junit, html, badge] = files;
    const run = lla(['gate', ...few, '--report', report, '--junit', junit, '--html', html, '--badge', badge]);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/^┌[\s\S]*\nconforms\n$/);
    expect(run.stdout).not.toContain('\u001b');
    expect(readReport(report)).toMatchObject({ conforms: true, summary: { passed: 12 } });
    expect(readFileSync(junit, 'utf8')).toContain('<testsuites name="lla gate" tests="12"');
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/);
    expect(JSON.parse(readFileSync(badge, 'utf8'))).toMatchObject({ message: 'conforms · 12 laws' });
    expect(readdirSync(at('a', 'b')).sort()).toEqual(['badge.json', 'junit.xml', 'page.html', 'report.json']);
  });

  it('replace those of an earlier run, through links too; devices are written to', () => {
    writeFileSync(at('old.json'), 'old');
    symlinkSync(at('old.json'), at('link.json'));
    expect(lla(['gate', ...one, '--report', at('link.json'), '--badge', '/dev/null']).status).toBe(0);
    expect(readReport(at('old.json')).conforms).toBe(true);
    expect(existsSync('/dev/null')).toBe(true);
    expect(readFileSync('/dev/null', 'utf8')).toBe('');
  });

  it('exit code 2 before anything is judged for the same file twice', () => {
    const { status, stdout, stderr } = lla(['gate', ...one, '--report', at('x.json'), '--badge', at('x.json')]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('--badge and --report are both');
    expect(stderr).not.toContain('gate 1/');
  });

  afterEach(() => void vi.restoreAllMocks());
  it.each<[string, ReportFlags, string]>([
    ['a folder', { junit: folder }, `--junit ${folder}: it is a folder`],
    ['a name that ends in a slash', { html: `${folder}/x/` }, 'it names no file'],
    ['a file where a folder is needed', { report: at('file', 'r.json') }, 'give a file that can be written'],
    ['nowhere', { badge: '/proc/nowhere/b.json' }, '--badge /proc/nowhere/b.json: '],
    ['JSON and annotations on one output', { annotations: true, json: true }, 'both print to standard output'],
  ])('the same for %s', (_, flags, message) => {
    writeFileSync(at('file'), '');
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit code ${code}`);
    });
    expect(() => checkReports(flags)).toThrow('exit code 2');
    expect(said.mock.calls.join('')).toContain(message);
  });

  it('say what program it was, and exit code 1 stays 1', () => {
    const { status, stdout } = lla(['gate', '--report', at('wrong.json'), ...wrong]);
    expect(status).toBe(1);
    expect(stdout).toContain('does not conform');
    expect(stdout).not.toContain('::');
    const report = readReport(at('wrong.json'));
    expect(report.command).toEqual([process.execPath, 'test/external/hostile.mjs', 'does as it is told']);
    expect(report.verdicts[0].drawn?.[0]).toContain('"system":"linear"');
  });
});

describe('annotations', () => {
  it('are printed after the table where they are asked for; programs give no commands', () => {
    const { stdout } = lla(['gate', '--annotations', ...wrong]);
    const [, token] = /^::stop-commands::([\w-]{36})\n/.exec(stdout) ?? [];
    const [table, annotations] = stdout.split(`\n::${token}::\n`);
    expect(table).toContain('does not conform');
    expect(annotations).toMatch(/^::error title=forward-within-its-bound · linear · hostile::/);
  });

  it('are printed by themselves on GitHub, with a summary of the job', () => {
    writeFileSync(at('summary.md'), 'before\n');
    const github = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: at('summary.md') };
    expect(lla(['gate', ...wrong], github).stdout).toContain('\n::error title=');
    const summary = readFileSync(at('summary.md'), 'utf8');
    expect(summary).toMatch(/^before\n### ❌ does not conform\n/);
    expect(lla(['gate', '--no-annotations', ...one], github).stdout).not.toContain('::');
    expect(JSON.parse(lla(['gate', '--json', ...one], github).stdout).conforms).toBe(true);
    expect(readFileSync(at('summary.md'), 'utf8')).toBe(summary);
  });

  it('a summary that cannot be written is said, and changes nothing', () => {
    const { status, stderr } = lla(['gate', ...one], { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: folder });
    expect(status).toBe(0);
    expect(stderr).toContain('GITHUB_STEP_SUMMARY is left as it is');
  });
});

describe('shards', () => {
  const laws = ['--law', 'forward-within-its-bound,prefix,causal-forward,causal-backward', '--form', 'recurrent'];
  const all = [...laws, '--system', 'linear,log-linear-gla', '--runs', '1', '--jobs', '1', '--json'];
  const verdictsOf = (text: string): unknown => JSON.parse(text).verdicts;

  it('are merged into what one run says, with the same reports', () => {
    const parts = [1, 2].map((index) => {
      const file = at('parts', `${index}.json`);
      expect(lla(['gate', ...all, '--shard', `${index}/2`, '--report', file]).status).toBe(0);
      return file;
    });
    const whole = lla(['gate', ...all]);
    const merged = lla(['merge', ...parts.toReversed(), '--json', '--junit', at('merged.xml')]);
    expect(merged.stderr).toBe('');
    expect(merged.status).toBe(0);
    expect(verdictsOf(merged.stdout)).toEqual(verdictsOf(whole.stdout));
    expect(readFileSync(at('merged.xml'), 'utf8')).toContain('<testsuites');
    const printed = lla(['merge', ...parts]);
    expect(printed.stdout).toMatch(/^┌[\s\S]*\nconforms\n$/);
    const one = lla(['merge', parts[1]]);
    expect(one).toMatchObject({ status: 2, stdout: '' });
    expect(one.stderr).toContain('error: shard 1/2 missing');
  });

  it('that do not conform are exit code 1, together', () => {
    expect(lla(['merge', at('wrong.json')]).status).toBe(1);
  });

  it.each([
    ['0/2', 'I/N wanted'],
    ['1/9999', 'this run has at most '],
  ])('--shard %s is exit code 2', (shard, message) => {
    const { status, stderr } = lla(['gate', ...one, '--shard', shard]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it.each(['3/2', '1', '1/2/3', '-1/2', '1/10001'])('--shard %s is none', (shard) => {
    const command = new Command()
      .addOption(shardOption())
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    expect(() => command.parse(['--shard', shard], { from: 'user' })).toThrow('I/N wanted');
  });

  it('a file that is no report is exit code 2, and named', () => {
    mkdirSync(at('parts'), { recursive: true });
    writeFileSync(at('parts', 'bad.json'), '{"version":1}');
    const { status, stderr } = lla(['merge', at('parts', 'bad.json')]);
    expect(stderr).toContain("bad.json: must have required property 'seed'");
    expect(status).toBe(2);
  });
});
