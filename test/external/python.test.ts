/** The Python adapter and its examples, under the gate; skipped where there is no Python with numpy, or torch. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ProgramFailure } from '../../gate/external/failure.ts';
import type { Answer } from '../../reference/case.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { goodCase } from '../unit/good-case.ts';
import { answerTo, lla, pythonWith } from './programs.ts';

const numpy = pythonWith('numpy');
const torch = pythonWith('torch');

const folder = mkdtempSync(join(tmpdir(), 'lla-python-'));
afterAll(() => rmSync(folder, { recursive: true }));

const gate = (...args: string[]): ReturnType<typeof lla> => lla(['gate', ...args]);

const few = ['--runs', '1', '--dtype', 'float32'];

describe.skipIf(numpy === undefined)('numpy', () => {
  const python = numpy as string;

  it('the worked example conforms', async () => {
    // of the laws of large sizes, which take longer than all others together, those of outputs
    const sizes = 'long-sequences,wide-heads,many-heads';
    const laws = ['--law', `equivalence,causality,gradients,algebra,state,robustness,${sizes}`];
    const about = [...few, '--system', 'log-linear-gated-deltanet', ...laws];
    const { status, text } = await gate(...about, '--', python, 'adapters/python/numpy_example.py');
    expect(text).toMatch(/ 0 failed, 0 errors, 0 blocked/);
    expect(status).toBe(0);
  });

  it('without a gate it says how it is run', () => {
    const { status, stderr } = spawnSync(python, ['adapters/python/numpy_example.py'], { encoding: 'utf8' });
    expect(stderr).toContain('lla gate -- python3');
    expect(status).toBe(2);
  });

  let programs = 0;
  /** The answer to a case of 5 tokens and 2 heads of a program whose forward has that body. */
  function answered(body: string, options = ''): Promise<Answer | Error> {
    const file = join(folder, `program${programs++}.py`);
    const lines = [
      'import sys',
      `sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})`,
      'import numpy as np',
      'from lla_adapter import serve',
      'def outside(x, step, count): return np.lib.stride_tricks.as_strided(x[0, 0, 0, step:], (count,), x.strides[-1:], writeable=True)',
      `def forward(case): ${body}`,
      `serve(forward, name="wrong", systems=["linear"], dtypes=["float64"], ${options})`,
    ];
    writeFileSync(file, lines.join('\n'));
    return answerTo([python, file], goodCase('linear', { G: 2 }));
  }

  /** What an author's function does, and what the adapter says of it. */
  const wrongs: [string, string, string?][] = [
    ['case.v[...] = 0; return {"o": case.v.copy()}', 'wrote to memory of the input v, first at v[0, 0, 0, 0]'],
    ['raise ValueError("K has to be a multiple of 64")', 'K has to be a multiple of 64'],
    ['return {"o": case.v[:, :1]}', 'shape'],
    ['return {"output": case.v}', 'output'],
    ['print("hello " * 10000); return np.random.rand(*case.v.shape)', 'called twice', 'repeat=True'],
    ['outside(case.k, 0, case.k.size + 2)[-1] = 0; return case.v.copy()', 'k, first 2 numbers behind its last one'],
    ['outside(case.k, 0, 1); case.k.base[4095] = 0; return case.v.copy()', 'k, first 1 numbers before its first one'],
    ['o = np.empty_like(case.v); o[:, 1:] = 0; return o', 'o[0, 0, 0, 0] was never written, or added to'],
    ['o = np.empty(case.v.shape); o += 1; return o', '(numbers like it: 20 of 20)'],
    [
      'o = np.empty(case.v.shape); o[...] = 0; outside(o, 0, 22)[21] = 0; return o',
      'written outside of what np.empty handed out, of shape [1, 5, 2, 2]: 2 numbers behind its last one',
    ],
  ];
  it.concurrent.each(wrongs)('%s: %s', async (body, message, options = '') => {
    const error = await answered(body, options);
    expect(error).toBeInstanceOf(ProgramFailure);
    expect((error as Error).message).toContain(message);
    expect((error as ProgramFailure).kind).toBe('refused');
  });

  it.concurrent('what lies behind a tensor is NaN, and a view that is strided has NaN between its numbers', async () => {
    const first = (answer: Answer | Error): number => ('o' in answer ? answer.o.get(0, 0, 0, 0) : 0);
    expect(first(await answered('return np.full(case.v.shape, outside(case.v, 0, 21)[20])'))).toBeNaN();
    const between = 'return np.full(case.v.shape, case.v.base.view("f8")[4097])';
    expect(first(await answered(between, 'contiguous=False'))).toBeNaN();
    expect(first(await answered(between))).not.toBeNaN();
  });

  it.concurrent('strided views are handed over where they are asked for, with the same numbers', async () => {
    const look = 'if case.v.flags.c_contiguous: raise ValueError("it is contiguous")';
    const body = `\n  ${look}\n  return case.v.copy()`;
    expect(await answered(body)).toMatchObject({ message: expect.stringContaining('it is contiguous') });
    const answer = await answered(body, 'contiguous=False');
    const v = goodCase('linear', { G: 2 }).inputs.v as Tensor;
    expect('o' in answer && answer.o.get(0, 3, 1, 0)).toBe(v.get(0, 3, 1, 0));
  });

  it.concurrent('np.empty is its own self between the calls, and always with poison=False', async () => {
    const body = 'return np.zeros_like(case.v) + (np.empty is original)';
    const kept = 'limits=globals().update(original=np.empty)';
    const first = (answer: Answer | Error): number => ('o' in answer ? answer.o.get(0, 0, 0, 0) : Number.NaN);
    expect(first(await answered(body, kept))).toBe(0);
    expect(first(await answered(body, `${kept}, poison=False`))).toBe(1);
  });
});

describe.skipIf(torch === undefined)('torch', () => {
  it.concurrent.each(['torch.empty_like(case.v)', 'case.v.new_empty(case.v.shape)', 'torch.empty(*case.v.shape)'])(
    '%s is poisoned',
    async (empty) => {
      const file = join(folder, `${empty.replace(/\W+/g, '-')}.py`);
      const lines = [
        'import sys',
        `sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})`,
        'import torch',
        'from lla_adapter import serve',
        `def forward(case):\n  o = ${empty}\n  o[:, 1:] = 0\n  return o`,
        'serve(forward, name="wrong", systems=["linear"], dtypes=["float32"], torch="cpu")',
      ];
      writeFileSync(file, lines.join('\n'));
      const error = await answerTo([torch as string, file], goodCase('linear', { G: 2 }));
      expect((error as Error).message).toContain('o[0, 0, 0, 0] was never written, or added to');
    },
  );

  it('the worked example conforms', async () => {
    const { status, text } = await gate(...few, '--', torch as string, 'adapters/python/torch_example.py');
    expect(text).toMatch(/ 0 failed, 0 errors, 0 blocked/);
    expect(status).toBe(0);
  });
});
