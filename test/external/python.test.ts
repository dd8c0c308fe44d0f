/** The Python adapter and its examples, under the gate; skipped where there is no Python with numpy, or torch. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ProgramFailure } from '../../gate/external/failure.ts';
import { openProgram } from '../../gate/external/implementation.ts';
import { goodCase } from '../unit/good-case.ts';

/** The first Python that has a module. */
const pythonWith = (module: string): string | undefined =>
  ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0);

const numpy = pythonWith('numpy');
const torch = pythonWith('torch');

const folder = mkdtempSync(join(tmpdir(), 'lla-python-'));
afterAll(() => rmSync(folder, { recursive: true }));

function gate(...args: string[]): Promise<{ status: number | null; text: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['dist/cli.js', 'gate', ...args], { env: { ...process.env, NO_COLOR: '1' } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.on('close', (status) => done({ status, text }));
  });
}

const few = ['--runs', '1'];

describe.skipIf(numpy === undefined)('numpy', () => {
  const python = numpy as string;

  it('the worked example conforms', async () => {
    const systems = 'log-linear-gated-deltanet';
    const { status, text } = await gate(...few, '--system', systems, '--', python, 'adapters/python/numpy_example.py');
    expect(text).toMatch(/ 0 failed, 0 errors, 0 blocked/);
    expect(status).toBe(0);
  });

  it('without a gate it says how it is run', () => {
    const { status, stderr } = spawnSync(python, ['adapters/python/numpy_example.py'], { encoding: 'utf8' });
    expect(stderr).toContain('lla gate -- python3');
    expect(status).toBe(2);
  });

  /** What an author's function does, and what the adapter says of it. */
  const wrongs: [string, string][] = [
    ['case.v[...] = 0; return {"o": case.v.copy()}', 'v'],
    ['raise ValueError("K has to be a multiple of 64")', 'K has to be a multiple of 64'],
    ['return {"o": case.v[:, :1]}', 'shape'],
    ['return {"output": case.v}', 'output'],
    ['print("hello " * 10000); return {"o": np.random.rand(*case.v.shape)}', ''],
  ];
  it.each(wrongs)('%s', async (body, message) => {
    const file = join(folder, `wrong${wrongs.findIndex(([each]) => each === body)}.py`);
    const lines = [
      'import sys',
      `sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})`,
      'import numpy as np',
      'from lla_adapter import serve',
      `def forward(case): ${body}`,
      'serve(forward, name="wrong", systems=["linear"], dtypes=["float64"], repeat=True)',
    ];
    writeFileSync(file, lines.join('\n'));
    const { close, implementations } = await openProgram({
      command: [python, file],
      timeout: 30_000,
      startTimeout: 30_000,
    });
    const error = await Promise.resolve(implementations[0].run(goodCase('linear', { G: 2 }))).catch((reason) => reason);
    await close();
    expect(error).toBeInstanceOf(ProgramFailure);
    expect(error.kind).toBe('refused');
    expect(error.message).toContain(message);
  });
});

describe.skipIf(torch === undefined)('torch', () => {
  it('the worked example conforms', async () => {
    const { status, text } = await gate(
      ...few,
      '--dtype',
      'float32',
      '--',
      torch as string,
      'adapters/python/torch_example.py',
    );
    expect(text).toMatch(/ 0 failed, 0 errors, 0 blocked/);
    expect(status).toBe(0);
  });
});
