/** `lla init`: its starters pass the gate as they are, and nothing of anybody's is touched. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
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
import { afterAll, describe, expect, it } from 'vitest';
import { CannotWrite, languages, starters, writeStarter } from '../../gate/init.ts';
import { hasCompiler, lla } from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

// that in Python does in test/external/tutorial.long.test.ts
describe('a starter passes as it is', () => {
  const check = async (where: string, ...command: string[]): Promise<void> => {
    const { status, text } = await lla(['gate', '--runs', '1', '--', ...command], where);
    expect(text).toMatch(/\nconforms\s*$/);
    // linear attention and log-linear Mamba-2, forward
    expect(text).toContain('50 passed, 0 failed, 0 errors, 0 blocked');
    expect(status).toBe(0);
  };

  it('in JavaScript', async () => {
    const where = join(folder, 'a folder', 'node');
    const { status, text } = await lla(['init', 'node', where]);
    expect(text).toContain(`wrote ${join(where, 'my-kernel.mjs')}\n`);
    expect(text).toContain(`next: npx lla gate -- node '${join(where, 'my-kernel.mjs')}'\n`);
    expect(status).toBe(0);
    await check(where, process.execPath, 'my-kernel.mjs');
  });

  it.skipIf(!hasCompiler)('in C (skipped where there is no cc)', async () => {
    const where = join(folder, 'c');
    mkdirSync(where);
    const { text } = await lla(['init', 'c'], where);
    const [, build, program] = /next: (cc .*) && npx lla gate -- (.*)\n/.exec(text) as RegExpExecArray;
    expect(spawnSync('sh', ['-c', `${build} -Wall -Wextra -Werror`], { cwd: where, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    await check(where, program);
  });
});

describe('nothing is overwritten, and nothing half written', () => {
  it.each(['file', 'link', 'folder'])('a %s of that name: which one, and no other file', (kind) => {
    const where = join(folder, `has a ${kind}`);
    mkdirSync(where);
    const taken = join(where, 'my_kernel.py');
    if (kind === 'file') writeFileSync(taken, 'mine');
    else if (kind === 'link') symlinkSync('nowhere', taken);
    else mkdirSync(taken);
    expect(() => writeStarter('python', where)).toThrow(`${taken}: already there; nothing was written`);
    expect(readdirSync(where)).toEqual(['my_kernel.py']);
    if (kind === 'file') expect(readFileSync(taken, 'utf8')).toBe('mine');
    if (kind === 'link') expect(lstatSync(taken).isSymbolicLink()).toBe(true);
  });

  it('a file where a folder should be', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => writeStarter('c', join(file, 'deeper'))).toThrow(CannotWrite);
    expect(() => writeStarter('c', file)).toThrow(/nothing was written/);
  });

  it('folders that were made on the way are gone again', () => {
    const name = 'n'.repeat(250);
    // the folders can be made, the last one's name is too long
    expect(() => writeStarter('c', join(folder, 'made', 'on the way', `${name}${name}`))).toThrow(CannotWrite);
    expect(existsSync(join(folder, 'made'))).toBe(false);
  });

  it('what cannot be done: exit code 2, and why', async () => {
    expect(await lla(['init', 'rust'])).toMatchObject({ status: 2, text: expect.stringContaining('python, node, c') });
    writeFileSync(join(folder, 'lla_adapter.h'), 'mine');
    const { status, text } = await lla(['init', 'c'], folder);
    expect(text).toContain('error: init: lla_adapter.h: already there; nothing was written');
    expect(status).toBe(2);
  });
});

it('what is published has every file of the starters', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
  expect(files).toContain('adapters');
  for (const language of languages) {
    for (const [source] of starters[language].files) expect(existsSync(join('adapters', source)), source).toBe(true);
  }
});
