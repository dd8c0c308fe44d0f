/** The C adapter, its example, and what it finds in an author's functions; skipped where there is no C compiler. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgramFailure } from '../../gate/external/failure.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { toDense } from '../../reference/tensor.ts';
import { goodCase } from '../unit/good-case.ts';
import { answerTo, hasCompiler, lla } from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-c-'));
afterAll(() => rmSync(folder, { recursive: true }));

const example = join(folder, 'example');
const wrong = join(folder, 'wrong');
/** Of every kind one; all of them take too long here. */
const LAWS =
  'forward-within-its-bound,backward-within-its-bound,split-through-state-backward,isolated-packed-sequences,groups-equal-repeated-heads';

const compile = (...options: string[]): void =>
  void execFileSync('cc', ['-Iadapters/c', '-Wall', '-Wextra', '-Werror', ...options, '-lm']);

/** What a program writes to descriptor 4 and to standard error when that is all it can read, and its exit code. */
async function fed(program: string, input: Buffer): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(program, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const [, , err, to, from] = child.stdio as unknown as Duplex[];
  const status = new Promise<number | null>((done) => child.on('exit', done));
  to.on('error', () => {}).end(input);
  const [out, said] = await Promise.all([text(from), text(err)]);
  return { status: await status, out, err: said };
}

const describeMe = '{"type": "describe", "versions": [1]}\n';

/** A case of T tokens of linear attention in float32, every number 1, with these fields besides. */
function ones(T: number, more: object = {}, fields: object = {}): Buffer {
  const tensors = ['q', 'k', 'v'].map((name) => ({ name, dtype: 'float32', shape: [1, T, 1, 1] }));
  const message = { type: 'case', id: 0, dtype: 'float32', case: { system: 'linear', ...fields }, tensors, ...more };
  const numbers = Buffer.from(new Float32Array(3 * T).fill(1).buffer);
  return Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), numbers]);
}

describe.skipIf(!hasCompiler)('C (skipped where there is no cc)', () => {
  beforeAll(() => {
    compile('-O1', '-o', example, 'adapters/c/example.c');
    compile('-O0', '-o', wrong, 'test/external/wrong.c');
  });

  it('the worked example conforms', async () => {
    const some = ['--runs', '2', '--system', 'log-linear-gated-deltanet,mamba2', '--law', LAWS];
    const { status, text } = await lla(['gate', ...some, '--', example]);
    expect(text).toMatch(/ 0 failed, 0 errors, 0 blocked/);
    expect(status).toBe(0);
  });

  it('shows its states to the debugger', async () => {
    const file = join(folder, 'case.json');
    writeFileSync(file, jsonText(caseToJson(goodCase('log-linear-gated-deltanet', { T: 5 }))));
    const { status, text } = await lla(['debug', file, '--', example]);
    expect(text).toContain('what it gave beside the answer\n  states: nothing is wrong');
    expect(status).toBe(0);
  });

  it('plain C99 compiles it, and so does C++ where there is a compiler for it', () => {
    compile('-std=c99', '-pedantic', '-fsyntax-only', 'adapters/c/example.c');
    if (spawnSync('c++', ['--version']).status !== 0) return;
    const options = ['-x', 'c++', '-std=c++11', '-Wall', '-Wextra', '-Werror', '-pedantic', '-fsyntax-only'];
    execFileSync('c++', [...options, 'adapters/c/example.c']);
  });

  it('without a gate it says how it is run', () => {
    const { status, stderr } = spawnSync(example, { encoding: 'utf8' });
    expect(stderr).toContain('lla gate -- ./this_program');
    expect(status).toBe(2);
  });

  /** What an author's function does, and what the adapter says of it. */
  const wrongs: [string, string][] = [
    ['refuses', 'K above "4"'],
    [
      'leaves two',
      'forward did not write o[0,0,0,0], or added to it: buffers are full of NaN (numbers like it: 2 of 20)',
    ],
    ['adds', 'forward did not write o[0,0,0,0], or added to it'],
    ['writes v', 'forward wrote to an input, first at v[0,1,0,1]'],
    ['writes behind o', 'forward wrote outside of o, 3 numbers behind its last one'],
    ['writes before q', 'forward wrote outside of q, 1 number before its first one'],
    ['differs', 'o[0,0,1,1] was 1 and then 2 (numbers that differ: 1)'],
  ];
  it.concurrent.each(wrongs)('%s: %s', async (way, message) => {
    const error = await answerTo([wrong, way], goodCase('linear', { G: 2 }));
    expect(error).toBeInstanceOf(ProgramFailure);
    expect((error as Error).message).toContain(message);
    expect((error as ProgramFailure).kind).toBe('refused');
  });

  it('what lies behind an input is NaN', async () => {
    const answer = await answerTo([wrong, 'reads behind k'], goodCase('linear', { G: 2 }));
    expect('o' in answer && answer.o.get(0, 0, 0, 0)).toBeNaN();
  });

  const halves = [1, -2.5, 65504, 2 ** -24, -0, 2 ** -14, 0.333251953125, Number.NaN];
  const formats: [string, number[]][] = [
    ['float16', halves],
    ['bfloat16', [...halves.slice(0, 2), 2 ** 100, 2 ** -130, -0, 3, 0.333984375, Number.NaN]],
  ];
  it.each(formats)('%s arrives as float, or in its own bits, and both can be answered', async (dtype, values) => {
    const c = goodCase('linear', { T: 4, G: 1, H: 1, V: 2 });
    (c.inputs.v as { data: Float64Array }).data.set(values);
    for (const way of ['float', 'bits']) {
      const answer = await answerTo([wrong, way, dtype], c);
      expect('o' in answer && [...toDense(answer.o)]).toEqual(values);
    }
  });

  it('a program that is described wrongly says so', () => {
    const { status, stderr } = spawnSync(wrong, ['chunks of 48'], { encoding: 'utf8' });
    expect(stderr).toContain('chunk_size must be a power of two');
    expect(status).toBe(2);
  });

  it('passes over fields, tensors and escapes that it does not know', async () => {
    const strange = { note: '\u0000 \\ " \ud83d\ude00 \ud800', nested: [[{}, [], -1.5e-3, true, null]] };
    const { status, out } = await fed(example, Buffer.concat([Buffer.from(describeMe), ones(2, strange, strange)]));
    expect(out).toContain('"shape":[1,2,1,1]');
    expect(status).toBe(0);
  });

  it('T = 0, and packed sequences without tokens', async () => {
    expect((await fed(example, ones(0))).out).toContain('"shape":[1,0,1,1]');
    const { out } = await fed(example, ones(3, {}, { cuSeqlens: [0, 0, 3, 3] }));
    expect(out).toContain('"name":"finalState","dtype":"float32","shape":[3,1,1,1,1]');
  });

  const line = (more: string): Buffer => Buffer.from(`{"type":"bye","more":${more}}\n`);
  const bad: [string, Buffer, string][] = [
    ['half a line', Buffer.from('{"type'), 'ended in the middle of a message'],
    ['half a tensor', ones(3).subarray(0, -3), 'ended in the middle of a tensor'],
    ['a list', Buffer.from('[1]\n'), 'no JSON object'],
    ['an unknown type', Buffer.from('{"type":"hello"}\n'), 'does not know: hello'],
    ['another version', Buffer.from('{"type":"describe","versions":[2]}\n'), 'does not speak version 1'],
    ['01', line('01'), 'no JSON'],
    ['[1,]', line('[1,]'), 'no JSON'],
    ['brackets', line('['.repeat(100_000)), 'too many of them'],
    ['an escape', line('"\\x"'), 'unknown escape'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22, 10]), 'no UTF-8'],
    ['a line without end', Buffer.alloc(2 ** 20 + 2, ' '), 'a line of more than 1048576 bytes'],
    ['a size of half', ones(1, { tensors: [{ name: 'q', dtype: 'float32', shape: [1.5] }] }), 'no integer'],
    ['another shape', ones(1, { tensors: [{ name: 'q', dtype: 'float32', shape: [1] }] }), 'tensor q of 4 axes'],
    ['sequences that fall', ones(3, {}, { cuSeqlens: [0, 4, 3] }), 'does not rise'],
  ];
  it.concurrent.each(bad)('%s ends it', async (_what, input, message) => {
    const { status, err } = await fed(example, input);
    expect(err).toContain(`lla_adapter: `);
    expect(err).toContain(message);
    expect(status).toBe(1);
  });

  it('a tensor larger than any is refused before it is read', async () => {
    const tensors = [{ name: 'q', dtype: 'float32', shape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1] }];
    const { status, err } = await fed(example, ones(1, { tensors }));
    expect(err).toContain('2 GiB');
    expect(status).toBe(1);
  });
});
