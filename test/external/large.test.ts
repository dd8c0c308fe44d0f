/** A program that large cases take too long: whichever adapter says so, the laws of sizes are not covered, with that as their reason. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openProgram } from '../../gate/external/implementation.ts';
import { notCovered } from '../../properties/check-law.ts';
import { everyLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-large-'));
afterAll(() => rmSync(folder, { recursive: true }));

const python = ['python3', '/usr/bin/python3'].find((each) => spawnSync(each, ['-c', 'import numpy']).status === 0);
const hasCompiler = spawnSync('cc', ['--version']).status === 0;

function write(name: string, ...lines: string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const inPython = (): string[] => [
  python as string,
  write(
    'slow.py',
    `import sys; sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})`,
    'from lla_adapter import serve',
    'serve(lambda case: case.v, name="slow", systems=["linear"], dtypes=["float32"], large=False)',
  ),
];

const inNode = (): string[] => [
  process.execPath,
  write(
    'slow.mjs',
    `import { serve } from ${JSON.stringify(resolve('adapters/node/lla-adapter.mjs'))};`,
    "serve({ name: 'slow', systems: ['linear'], dtypes: ['float32'], large: false }, (c) => ({ o: c.inputs.v }));",
  ),
];

function inC(): string[] {
  const source = write(
    'slow.c',
    '#define LLA_ADAPTER_IMPLEMENTATION',
    '#include "lla_adapter.h"',
    'static const char *forward(const lla_case *c, lla_outputs *out) { (void)c; (void)out; return "not today"; }',
    'int main(void) {',
    '  static lla_program program;',
    '  program.name = "slow"; program.systems = "linear"; program.dtypes = "float32";',
    '  program.forward = forward; program.no_large = 1;',
    '  return lla_serve(&program);',
    '}',
  );
  const { status, stderr } = spawnSync('cc', ['-Iadapters/c', '-o', join(folder, 'slow'), source, '-lm']);
  expect(status, String(stderr)).toBe(0);
  return [join(folder, 'slow')];
}

it.for<[string, boolean, () => string[]]>([
  ['Python', python !== undefined, inPython],
  ['JavaScript', true, inNode],
  ['C', hasCompiler, inC],
])('in %s', async ([, isThere, program], { skip }) => {
  if (!isThere) skip('what it needs is not here');
  const { close, implementations } = await openProgram({ command: program(), timeout: 30_000, startTimeout: 30_000 });
  await close();
  const [subject] = implementations;
  const linear = findSystem('linear') as System;
  for (const law of everyLaw.filter(({ needs, isLarge }) => isLarge || needs.length === 0)) {
    if (!law.appliesTo(linear)) continue;
    const why = law.isLarge ? 'slow says large: false, no cases of the sizes of real kernels' : null;
    expect(notCovered(law, subject, linear), law.name).toBe(why);
  }
});
