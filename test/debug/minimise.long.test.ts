/** Minimising: known bugs come down to cases of a few numbers, and what is printed of them runs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformWithOxc } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';
import type { Failure, Subject } from '../../debug/failure.ts';
import { type Minimised, minimise } from '../../debug/minimise/minimise.ts';
import { testableOf } from '../../debug/minimise/outputs.ts';
import { caseLines, numberText, tableText } from '../../debug/minimise/print.ts';
import { pythonTest } from '../../debug/minimise/python.ts';
import { failureOn, stillWrong, worstOutput } from '../../debug/minimise/still-wrong.ts';
import { typescriptTest } from '../../debug/minimise/typescript.ts';
import { oddNumbers } from '../../debug/minimise/values.ts';
import { outsideOf } from '../../properties/abilities.ts';
import { sizesOf } from '../../properties/edit.ts';
import type { Abilities } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { toDense } from '../../reference/tensor.ts';
import { pythonWith } from '../external/programs.ts';
import { makeCase, mutantNamed, type Wanted } from './failing.ts';

const BUDGET = { questions: 3000, seconds: 60 };
const large: Wanted = { B: 2, T: 13, H: 4, G: 2, K: 3, V: 3, C: 4, scale: 0.7, gradients: true };

const textOf = (c: Case): string => jsonText(caseToJson(c));

async function minimised(name: string, wanted: Wanted = large, abilities: Partial<Abilities> = {}) {
  const { implementation, system } = mutantNamed(name);
  const subject = { ...implementation, abilities: { ...implementation.abilities, ...abilities } };
  const failure = await failureOn(subject, makeCase(system, wanted));
  const found = await minimise(subject, failure.c, stillWrong(subject, failure), BUDGET);
  return { subject, failure, found, after: await failureOn(subject, found.c), sizes: sizesOf(found.c) };
}

const state: Wanted = { ...large, B: 1, state: true, position: [4], finalCotangent: true };

describe('known bugs', () => {
  // T, H, G, K, V at most, and numbers that are neither 0, 1 nor -1
  it.each<[string, Partial<Record<'B' | 'T' | 'H' | 'G' | 'K' | 'V' | 'L', number>>, number, Wanted?]>([
    ['strictly-causal', { T: 1, L: 1 }, 0],
    ['level-off-by-one', { T: 2, L: 3 }, 0],
    ['level-by-distance', { T: 3 }, 0],
    ['level-inside-chunk-only', { T: 3 }, 0],
    ['one-position-of-the-future', { T: 2 }, 0],
    ['decay-of-the-key-included', { T: 2 }, 0],
    ['decay-missing-between-chunks', { T: 5 }, 0],
    ['decay-of-first-channel', { T: 2, K: 2 }, 0],
    ['merge-keeps-lower-levels', { T: 3 }, 0],
    ['erase-without-decay', { T: 2 }, 0],
    ['scale-twice', { T: 1 }, 0],
    ['group-index-modulo', { T: 1, H: 4, G: 2 }, 0],
    ['batch-stride-missing', { T: 1, B: 2 }, 0],
    ['state-undecayed-at-split', { T: 1, L: 3 }, 0, state],
    ['position-ignored', { T: 2 }, 0, state],
    ['dg-shifted-by-one', { T: 2 }, 0],
    ['dq-of-the-last-head', { T: 1, H: 2, G: 1 }, 0, { ...large, scale: undefined }],
    ['packed-levels-from-global-index', { T: 4 }, 0, { ...large, B: 1, cuSeqlens: [0, 3, 3, 8, 13] }],
    ['softmax-scale-missing', { T: 2 }, 0, { B: 1, T: 9, H: 2, G: 1, K: 3, V: 2, scale: 0.5 }],
    ['keys-normalised-again', { T: 1 }, 1],
    ['outputs-in-float32', { T: 1 }, 1],
  ])('%s', async (name, most, odd, wanted = large) => {
    const { failure, found, after, sizes } = await minimised(name, wanted);
    expect(found.isMinimal).toBe(true);
    expect(worstOutput(after)?.name).toBe(worstOutput(failure)?.name);
    const limits = { B: 1, H: 1, G: 1, K: 1, V: 1, ...most };
    for (const [letter, limit] of Object.entries(limits)) {
      expect(sizes[letter as 'T'], `${letter} of ${name}`).toBeLessThanOrEqual(limit);
    }
    expect(oddNumbers(found.c)).toBeLessThanOrEqual(odd);
    if (worstOutput(failure)?.name === 'o') expect(found.c.cotangents).toBeUndefined();
    expect(found.questions).toBeLessThan(400);
    expect(caseLines(after, worstOutput(after) as NonNullable<ReturnType<typeof worstOutput>>).length).toBeLessThan(30);
  });
});

describe('what it asks', () => {
  it('stays inside the limits of the implementation', async () => {
    const limits: Abilities['limits'] = { T: { multipleOf: 4 }, K: { powerOfTwo: true, min: 2 }, V: { min: 2 } };
    const wanted = { ...large, T: 20, K: 4, V: 4 };
    const { found, sizes, subject } = await minimised('strictly-causal', wanted, { limits, packed: false });
    expect([sizes.T, sizes.K, sizes.V]).toEqual([4, 2, 2]);
    expect(outsideOf(subject.abilities, found.c)).toBeNull();
  });

  it('is the same every time', async () => {
    const [a, b] = await Promise.all([minimised('level-by-distance'), minimised('level-by-distance')]);
    const plain = ({ seconds: _, ...rest }: Minimised): object => ({ ...rest, c: textOf(rest.c) });
    expect(plain(a.found)).toEqual(plain(b.found));
  });

  it('keeps to its budget, says so, and has what it found until then', async () => {
    const { implementation, system } = mutantNamed('level-by-distance');
    const failure = await failureOn(implementation, makeCase(system, large));
    const asked: number[] = [];
    const found = await minimise(implementation, failure.c, stillWrong(implementation, failure), {
      questions: 5,
      seconds: 60,
      onQuestion: ({ questions }) => asked.push(questions),
    });
    expect(asked).toEqual([1, 2, 3, 4, 5]);
    expect(found).toMatchObject({ questions: 5, isMinimal: false });
    expect(textOf(found.c).length).toBeLessThan(textOf(failure.c).length);
    const none = await minimise(implementation, failure.c, async () => true, { questions: 100, seconds: 0 });
    expect(none).toMatchObject({ questions: 0, isMinimal: false });
  });

  it('asks no case twice, and counts what kept the failure', async () => {
    const { implementation, system } = mutantNamed('strictly-causal');
    const failure = await failureOn(implementation, makeCase(system, large));
    const keeps = stillWrong(implementation, failure);
    const seen = new Set<string>();
    let kept = 0;
    const found = await minimise(
      implementation,
      failure.c,
      async (c) => {
        expect(seen.has(textOf(c))).toBe(false);
        seen.add(textOf(c));
        const stays = await keeps(c);
        if (stays) kept++;
        return stays;
      },
      BUDGET,
    );
    expect(seen.size).toBe(found.questions);
    expect(found.tried.reduce((sum, each) => sum + each.kept, 0)).toBe(kept);
  });

  it('does not go from a number that is off to one that is none', async () => {
    const { implementation, system } = mutantNamed('strictly-causal');
    const subject: NonNullable<Subject> = {
      ...implementation,
      run(c) {
        const answer = implementation.run(c) as ReturnType<typeof compute>;
        // a second fault, which smaller cases have
        if (sizesOf(c).T < 4) toDense(answer.o) && answer.o.data.fill(Number.NaN);
        return answer;
      },
    };
    const failure = await failureOn(subject, makeCase(system, large));
    const found = await minimise(subject, failure.c, stillWrong(subject, failure), BUDGET);
    expect(sizesOf(found.c).T).toBe(4);
  });
});

describe('what is printed', () => {
  const wrong = async (dtype: string, c: Case, change: (o: Float64Array) => void): Promise<Failure> => {
    const { abilities } = mutantNamed('strictly-causal').implementation;
    const precision = findPrecision(dtype) as Precision;
    const run = (asked: Case): ReturnType<typeof compute> => {
      const answer = compute(asked);
      change(answer.o.data);
      return answer;
    };
    return await failureOn({ name: 'wrong', abilities, precision, run }, c);
  };

  it('has the case, and expected and actual side by side', async () => {
    const { after } = await minimised('level-by-distance');
    const [output] = after.outputs;
    const lines = caseLines(after, output);
    expect(lines[0]).toMatch(/^log-linear-mamba2 in float64, B 1 · T 3 · H 1/);
    expect(lines.join('\n')).toMatch(/q +\[\[\[\[/);
    expect(lines.join('\n')).toMatch(/o\[0,2,0,0\] +\S+ +\S+ +\S+ ✗/);
  });

  it('cuts honestly what is large', async () => {
    const failure = await wrong('float64', makeCase('linear', { T: 40, V: 4 }), (o) => o.fill(7, 300));
    const lines = caseLines(failure, failure.outputs[0]);
    expect(lines.length).toBeLessThan(30);
    expect(lines.join('\n')).toContain('(120 numbers, shape [1,40,1,3])');
    expect(lines.at(-1)).toBe('… and 308 more elements; 20 of 320 are wrong');
    // what is wrong is what is shown
    expect(tableText(failure.outputs[0])[1]).toContain('o[0,37,1,0]');
  });

  it('writes numbers so that they come back', () => {
    for (const value of [0, -0, 1 / 3, 5e-324, -1e300, Number.POSITIVE_INFINITY]) {
      expect(Object.is(Number(numberText(value)), value)).toBe(true);
    }
  });
});

/** Calls the right answer in place of a kernel: plain linear attention of one level. */
const KERNELS = {
  right: 'return np.array(EXPECTED["o"][0]), None',
  wrong: 'return np.array(EXPECTED["o"][0]) * 1.5, None',
};

describe('ready-to-run tests', () => {
  // the package is found from inside its own folder
  const folder = mkdtempSync(join('dist', 'test-debug-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const about = ['a case', 'From: npx lla debug case.json'];
  const python = pythonWith('numpy');
  const torch = pythonWith('torch');

  async function testOf(wanted: Wanted, dtype = 'float64', system = 'log-linear-mamba2') {
    const precision = findPrecision(dtype) as Precision;
    const c = makeCase(system, wanted, precision);
    const { abilities } = mutantNamed('strictly-causal').implementation;
    return testableOf(await failureOn({ name: 'x', abilities, precision, run: compute }, c), about);
  }

  const run = (command: string, text: string, name: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync(command, [file], { encoding: 'utf8' });
    return { status, text: stdout + stderr };
  };
  const filled = (text: string, kernel: string): string => text.replace(/raise NotImplementedError.*/, kernel);

  it.skipIf(!python)('Python with numpy: passes what is right, fails what is wrong, and says where', async () => {
    for (const dtype of ['float64', 'bfloat16']) {
      const text = pythonTest(await testOf({ T: 3, H: 1, K: 2, V: 1 }, dtype), 'numpy');
      const ask = (kernel: string) => run(python as string, filled(text, kernel), 'case.py');
      expect(ask(KERNELS.right)).toMatchObject({ status: 0, text: 'within its bounds\n' });
      const failed = ask(KERNELS.wrong);
      expect(failed.status).toBe(1);
      if (dtype === 'bfloat16') continue;
      expect(failed.text).toMatch(/AssertionError: o\[0, 0, 0, 0\] is \S+, where \S+ is wanted, within/);
      expect(ask('return np.full_like(EXPECTED["o"][0], nan), None').status).toBe(1);
      expect(ask('return np.zeros((1, 1)), None').text).toContain('o has shape (1, 1), not (1, 3, 1, 1)');
      expect(run(python as string, text, 'case.py').text).toContain('say in kernel() how yours is called');
    }
  });

  it.skipIf(!python)('Python with numpy: gradients are given by the kernel', async () => {
    const text = pythonTest(await testOf({ T: 3, H: 1, K: 2, V: 1, gradients: true, finalCotangent: true }), 'numpy');
    const give = (factor: number): string =>
      `return EXPECTED["o"][0], None, {name[1:]: value * ${factor} for name, (value, _) in EXPECTED.items() if name[0] == "d"}`;
    expect(run(python as string, filled(text, give(1)), 'gradients.py')).toMatchObject({ status: 0 });
    expect(run(python as string, filled(text, give(2)), 'gradients.py').text).toMatch(/dlambda_\[0, 1, 0, 0\] is/);
  });

  it.skipIf(!python)('Python with numpy: a kernel in earnest', async () => {
    const text = pythonTest(await testOf({ T: 6, H: 1, K: 3, V: 2 }, 'float64', 'linear'), 'numpy');
    const kernel = 'return np.einsum("bthk,bshk,bshv,ts->bthv", q, k, v, np.tril(np.ones((6, 6)))), None';
    expect(run(python as string, filled(text, kernel), 'linear.py')).toMatchObject({ status: 0 });
  });

  it.skipIf(!torch)('Python with torch: gradients are autograd’s', async () => {
    const text = pythonTest(await testOf({ T: 6, H: 1, K: 3, V: 2, gradients: true }, 'float64', 'linear'));
    const kernel =
      'return torch.einsum("bthk,bshk,bshv,ts->bthv", q, k, v, torch.ones(6, 6, dtype=q.dtype).tril()), None';
    expect(run(torch as string, filled(text, kernel), 'torch_case.py')).toMatchObject({ status: 0 });
    expect(run(torch as string, filled(text, kernel.replace('q, k', 'q, 2 * k')), 'torch_case.py').status).toBe(1);
  });

  it.skipIf(!python)('Python with torch is Python', async () => {
    const wanted = { T: 3, state: true, position: [1], gradients: true, finalCotangent: true };
    const text = pythonTest(await testOf(wanted, 'bfloat16'));
    const compiles = 'import sys; compile(sys.stdin.read(), "case.py", "exec")';
    expect(spawnSync(python as string, ['-c', compiles], { input: text, encoding: 'utf8' }).stderr).toBe('');
    expect(text).toContain('dtype=torch.bfloat16');
    expect(text).toContain('"initial_state": torch.tensor');
  });

  it('TypeScript: passes our own operator, and fails a wrong one', async () => {
    const text = typescriptTest(await testOf({ T: 3, gradients: true }));
    const withKernel = (kernel: string): string =>
      text
        .replace(/throw new Error\('say in kernel.*/, kernel)
        .replace('_c: Case', 'c: Case')
        .replace('parseCase }', 'parseCase, compute }');
    const ask = async (kernel: string) => {
      const { code } = await transformWithOxc(withKernel(kernel), 'case.ts');
      return run(process.execPath, code, 'case.mjs');
    };
    expect(await ask('return compute(c);')).toMatchObject({ status: 0 });
    const failed = await ask('const a = compute(c); a.o.data[1] += 1; return a;');
    expect(failed.status).toBe(1);
    expect(failed.text).toContain('o number 1 is');
  });
});
