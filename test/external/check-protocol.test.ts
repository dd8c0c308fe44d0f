/** A conversation with a program: what is off is named, with the sentence of the page that it breaks. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Breach, checkProtocol, type ProtocolReport } from '../../gate/external/check-protocol.ts';
import { breachText, dump, lineText } from '../../gate/external/check-protocol-text.ts';
import { withDefaults } from '../../gate/external/implementation.ts';
import { probesOf } from '../../gate/external/probes.ts';
import { rules } from '../../gate/external/rules.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';

const plain = { bold: String, red: String, green: String } as never;
const HOSTILE = 'test/external/hostile.mjs';
const SLOW = ['hangs', 'half a tensor', 'hangs at the start', 'prints its answer', 'closes what it reads'];

const talkTo = (way: string, ...command: string[]): Promise<ProtocolReport> =>
  checkProtocol({
    command: command.length > 0 ? command : [process.execPath, HOSTILE, way],
    timeout: SLOW.includes(way) ? 1000 : 20_000,
    startTimeout: way === 'hangs at the start' ? 1500 : 20_000,
  });

/** What is wrong, where, and by which rule. */
const ways: [string, keyof typeof rules | RegExp, Partial<Breach>][] = [
  ['ends at once', 'ends', { kind: 'crashed', given: 'it ended with exit code 7' }],
  ['hangs at the start', 'flush', { kind: 'timed-out', given: 'nothing' }],
  ['no JSON at the start', 'line', { bytes: Buffer.from('hello') }],
  ['bytes that are no text', 'line', { bytes: Buffer.from([0xff, 0xfe]) }],
  ['a list at the start', 'line', { given: 'a list', wanted: 'an object' }],
  ['another type at the start', 'type', { pointer: '/type', given: '"hello"' }],
  ['an answer at the start', 'type', { pointer: '/type', given: 'answer', wanted: 'description' }],
  ['a field of its own', 'fields', { pointer: '/color', given: '"red"', wanted: 'no such field' }],
  ['a system of its own', /\| systems \|/, { pointer: '/systems/1', given: '"hyena"' }],
  ['no dtypes', /\| dtypes \|/, { pointer: '/dtypes', given: 'nothing' }],
  ['another version', 'version', { pointer: '/version', given: '2', wanted: '1' }],
  ['a chunk size that is no power of two', /\| chunkSize \|/, { pointer: '/chunkSize', given: '48' }],
  ['a limit that is none', 'limits', { pointer: '/limits/K/most', given: '4' }],
  ['nested without end', 'type', { pointer: '/type', given: 'a value that is nested too deeply' }],
  ['two descriptions', 'between', { hint: 'another message' }],
  ['crashes', 'ends', { kind: 'crashed', printed: 'about to divide by zero' }],
  ['no JSON', 'line', { bytes: Buffer.from('oops') }],
  ['NaN in its JSON', 'line', {}],
  ['half a message', 'flush', { kind: 'crashed', bytes: Buffer.from('{"type": "ans') }],
  ['half a tensor', 'bytes', { kind: 'timed-out', given: '9 bytes', wanted: '120 bytes', bytes: Buffer.alloc(9) }],
  ['half a tensor, and ends', 'bytes', { kind: 'crashed', given: '9 bytes', wanted: '120 bytes' }],
  ['float32 under the name of float64', 'bytes', { given: '60 bytes', wanted: '120 bytes' }],
  [
    'float64 under the name of float32',
    'between',
    { hint: 'a tensor has more numbers than its shape, or larger ones than its dtype' },
  ],
  ['a line feed behind its tensors', 'between', { hint: 'a line feed behind the tensors', bytes: Buffer.from('\n') }],
  ['another shape', 'o', { pointer: '/tensors/0/shape', given: '[1,5,1,3,1]', wanted: '[1,5,1,3]' }],
  ['two axes exchanged', 'o', { hint: 'the same sizes in another order: two axes are exchanged' }],
  ['an unknown dtype', 'dtype', { pointer: '/tensors/0/dtype', given: '"int8"' }],
  ['a negative size', 'header', { pointer: '/tensors/0/shape/0', given: '-1' }],
  ['a tensor of half a number', 'header', { pointer: '/tensors/0/shape/0', given: '1.5' }],
  ['a tensor larger than memory', 'tooLarge', { pointer: '/tensors' }],
  ['no output', 'o', { pointer: '/tensors', given: 'no tensor' }],
  ['a tensor too many', 'nothingElse', { given: 'dq', hint: 'gradients are called gradients.q, gradients.k, …' }],
  ['a gradient that nobody asked for', 'nothingElse', { given: 'gradients.q', wanted: 'o' }],
  ['a tensor twice', 'nothingElse', { pointer: '/tensors/1/name', wanted: 'it once' }],
  ['no gradient of k', 'gradients', { given: 'o, gradients.q, gradients.v' }],
  ['another id', 'id', { pointer: '/id', given: '1', wanted: '0' }],
  ['a line without end', 'line', { bytes: Buffer.alloc(64, 'x') }],
  ['an answer too many', 'between', { hint: 'another message' }],
  ['an error without a word', 'error', { pointer: '/message', given: 'nothing' }],
  ['says that it cannot', 'error', { kind: 'refused' }],
  ['does not know what it does not know', 'passOver', { given: 'the error “no field hint”' }],
  [
    'prints its answer',
    'flush',
    { hint: 'a message was printed: messages go to file descriptor 4, not to standard output' },
  ],
  ['stays after bye', 'bye', { kind: 'timed-out' }],
];

describe('what is off is named', () => {
  it.concurrent.each(ways)('%s', async (way, rule, wanted) => {
    const { conforms, breach, lines } = await talkTo(way);
    expect(conforms).toBe(false);
    if (rule instanceof RegExp) expect(breach?.rule.says).toMatch(rule);
    else expect(breach?.rule).toBe(rules[rule]);
    expect(breach).toMatchObject(wanted);
    expect(lines.map(({ ok }) => ok)).toEqual([...Array(lines.length - 1).fill(true), false]);
    const text = breachText(breach as Breach);
    expect(text).toContain(`“${breach?.rule.section}”`);
    expect(text).toContain(breach?.rule.mend);
  });
});

describe('a program that keeps to the protocol', () => {
  it('is asked for everything that it announces, and for an error', async () => {
    const { conforms, lines, notes, breach } = await talkTo('', process.execPath, 'adapters/node/example.mjs');
    expect(breach).toBeNull();
    expect(conforms).toBe(true);
    expect(notes).toEqual([]);
    expect(lines.every(({ ok }) => ok)).toBe(true);
    expect(lines.slice(0, 2).map(({ type }) => type)).toEqual(['describe', 'description']);
    const asked = lines.filter(({ type }) => type === 'case').map(({ about }) => about);
    for (const what of ['plain', 'gradients', 'fields that no client knows', 'a state at', 'packed', 'no tokens'])
      expect(
        asked.some((about) => about.includes(what)),
        what,
      ).toBe(true);
    const answers = lines.filter(({ from }) => from === 'program').map(({ type }) => type);
    expect(answers.filter((type) => type === 'error')).toHaveLength(1);
    expect(answers.slice(-3)).toEqual(['error', 'answer', 'end']);
  });

  it('and ends instead of an error: a note', async () => {
    const { conforms, notes } = await talkTo('does as it is told');
    expect(conforms).toBe(true);
    expect(notes).toEqual([expect.stringContaining('where an error message would say that it cannot')]);
    const ends = await talkTo('knows one system and ends');
    expect(ends.conforms).toBe(true);
    expect(ends.notes).toEqual([expect.stringContaining('it ended with exit code 5')]);
    expect(ends.lines.filter(({ type }) => type === 'describe')).toHaveLength(2);
  });

  it('in every precision and ability there are cases for it, inside its limits', () => {
    const limits = {
      K: { multipleOf: 16, min: 16 },
      V: { powerOfTwo: true, max: 128 },
      T: { min: 1, max: 64 },
      B: { max: 8 },
    };
    const abilities = { gradients: true, state: true, packed: true, groups: true, structures: true };
    const systems = ['mamba2', 'log-linear-kimi-delta', 'softmax'];
    const described = withDefaults({ name: 'x', systems, dtypes: ['bfloat16'], limits, ...abilities });
    const probes = probesOf(described, findPrecision('bfloat16') as Precision);
    expect(probes.map(({ about, c }) => `${c.system}: ${about}`)).toEqual([
      'mamba2: plain',
      'mamba2: gradients',
      'log-linear-kimi-delta: plain',
      'log-linear-kimi-delta: gradients',
      'softmax: plain',
      'softmax: gradients',
      'log-linear-kimi-delta: fields that no client knows',
      'log-linear-kimi-delta: a state at position 5',
      'log-linear-kimi-delta: a position without a state',
      'log-linear-kimi-delta: a state of one level',
      'log-linear-kimi-delta: three packed sequences, one of them empty',
      'log-linear-kimi-delta: two heads of one group',
      'log-linear-kimi-delta: levels in base 3',
      'log-linear-kimi-delta: levels of the strong structure',
      'log-linear-kimi-delta: more than a pipe holds',
    ]);
    for (const { c } of probes)
      expect([c.inputs.q?.shape[3], c.inputs.q?.shape[0]].every((n) => n && n >= 1)).toBe(true);
    const large = probes.at(-1)?.c.inputs.v?.shape;
    expect((large as number[]).reduce((a, b) => a * b) * 2).toBeGreaterThan(2 ** 16);
  });
});

describe('as text', () => {
  it('bytes stand as numbers and characters', () => {
    expect(dump(Buffer.from('{"type": "answer"}\n'))).toBe(
      [
        '00000000  7b 22 74 79 70 65 22 3a 20 22 61 6e 73 77 65 72  {"type": "answer',
        '00000010  22 7d 0a                                         "}.',
      ].join('\n'),
    );
  });

  it('a message is one line', () => {
    const line = { from: 'program', type: 'error', about: '7  one\n  two', ok: true } as const;
    expect(lineText(line, plain)).toBe('✓ program  error        7  one two');
  });
});

const lla = (...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/cli.js', 'gate', ...args], { env: { ...process.env, NO_COLOR: '1' } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });

describe('lla gate --check-protocol', () => {
  it.concurrent('prints the transcript and what is off: exit code 3', async () => {
    const { status, stdout } = await lla('--check-protocol', '--', process.execPath, HOSTILE, 'no JSON');
    expect(status).toBe(3);
    expect(stdout).toContain('✓ program  description  “hostile”; linear; float64; gradients\n');
    expect(stdout).toContain('✗ program  broke-protocol a line that is no JSON: "oops"\n');
    expect(stdout).toMatch(/bytes +00000000 {2}6f 6f 70 73 +oops\n/);
    expect(stdout).toContain('(docs/protocol.md, “Two descriptors, and lines of JSON”)');
    expect(stdout).toMatch(/4 messages: breaks the protocol\n$/);
  });

  it.concurrent('--json: the same as data; exit code 0', async () => {
    const good = await lla('--check-protocol', '--json', '--', process.execPath, HOSTILE, 'does as it is told');
    expect(good.status).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ version: 1, conforms: true, breach: null });
    const bad = await lla('--check-protocol', '--json', '--', process.execPath, HOSTILE, 'no JSON');
    expect(bad.status).toBe(3);
    const { breach } = JSON.parse(bad.stdout);
    expect(breach).toMatchObject({ kind: 'broke-protocol', bytes: '6f6f7073', given: expect.stringContaining('oops') });
    expect(readFileSync('docs/protocol.md', 'utf8').replace(/\s+/g, ' ')).toContain(breach.rule.says);
  });

  it.concurrent('a command that is not there: exit code 3; none: exit code 2', async () => {
    const missing = await lla('--check-protocol', '--', 'no-such-program');
    expect(missing.stdout).toContain('it cannot be run (spawn no-such-program ENOENT)');
    expect(missing.status).toBe(3);
    const none = await lla('--check-protocol');
    expect(none.stderr).toContain('given after --');
    expect(none.status).toBe(2);
  });
});
