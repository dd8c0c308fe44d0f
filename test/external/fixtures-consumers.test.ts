/**
 * Fixtures as others read them: lla_fixtures.py, its pytest file, lla_fixtures.h and the C example over it. Skipped where there is no Python
 * with numpy, pytest or torch, or no C compiler.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cHeader } from '../../fixtures/c-header.ts';
import { latestVersion, listCases } from '../../fixtures/catalogue.ts';
import { EXPORT_FORMATS, exportFixtures } from '../../fixtures/export.ts';
import type { Fixture } from '../../fixtures/fixture.ts';
import { formats } from '../../fixtures/formats/all.ts';
import { readAnswer } from '../../fixtures/formats/answers.ts';
import { writeSafetensors } from '../../fixtures/formats/safetensors.ts';
import { loadFixtures } from '../../fixtures/load.ts';
import type { ManifestCase } from '../../fixtures/manifest.ts';
import { hasCompiler, pythonWith } from './programs.ts';

const numpy = pythonWith('numpy');
const pytest = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import numpy, pytest']).status === 0,
);
const torch = pythonWith('torch');

const root = mkdtempSync(join(tmpdir(), 'lla-consumers-'));
afterAll(() => rmSync(root, { recursive: true }));

const adapters = resolve('adapters/python');
const reader = join(adapters, 'lla_fixtures.py');
const folder = join(root, 'fixtures');

/** Of every kind one: decays, the delta rule, a diagonal decay, dtypes, states, packed sequences, no promise, no tokens, refusals. */
const PROBES: [system: string, probe: string, dtype?: string][] = [
  ['mamba2', 'ordinary', 'float64'],
  ['log-linear-mamba2', 'ordinary', 'bfloat16'],
  ['log-linear-mamba2', 'ordinary'],
  ['log-linear-mamba2', 'ordinary', 'tf32'],
  ['log-linear-gated-deltanet', 'ordinary'],
  ['log-linear-kimi-delta', 'ordinary', 'float16'],
  ['log-linear-mamba2', 'no-tokens'],
  ['retention', 'ordinary'],
  ['softmax', 'ordinary'],
];
const FLAGS = ['packed', 'nan', 'asked-twice', 'reset', 'invalid', 'structure', 'state'];

const named = PROBES.map(([system, probe, dtype = 'float32']) => `${system}.${probe}.${dtype}`);
/** Of each flag the smallest two that are about log-linear Mamba-2. */
const flagged = FLAGS.flatMap((flag) =>
  listCases({ set: 'full', flags: [flag], systems: ['log-linear-mamba2'], dtypes: ['float32'] })
    .slice(0, 2)
    .map(({ name }) => name),
);
const names = [...new Set([...named, ...flagged])];
const fixtures: Fixture[] = [];

beforeAll(async () => {
  const entries = listCases({ set: 'full', names });
  await exportFixtures(folder, { entries, set: 'full', seed: 0, version: latestVersion(), formats: EXPORT_FORMATS });
  for await (const fixture of loadFixtures(folder)) fixtures.push(fixture);
});

/** What a program printed on both streams, and its exit code. */
function run(
  command: readonly string[],
  { cwd = root, input = '' } = {},
): Promise<{ status: number | null; text: string }> {
  return new Promise((done) => {
    const env = {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1',
      PYTHONPATH: adapters,
    };
    const child = spawn(command[0], command.slice(1), { cwd, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.on('close', (status) => done({ status, text }));
    child.stdin.on('error', () => {}).end(input);
  });
}

/** Kernels that are wrong in one way each, made of the right one. */
const WRONG = `
import numpy as np
import numpy_example as right
from lla_fixtures import Refused

def no_decay(case):
    case.g = None if case.g is None else np.zeros_like(case.g)
    return right.forward(case)

def changed(change):
    def forward(case):
        out = right.forward(case)
        change(out)
        return out
    return forward

def put_nan(out):
    if out["o"].size: out["o"].flat[-1] = np.nan

nan = changed(put_nan)
short = changed(lambda out: out.update(o=out["o"][..., :1]))
whole = changed(lambda out: out.update(o=out["o"].astype(int)))
more = changed(lambda out: out.update(extra=out["o"]))
stateless = changed(lambda out: out.pop("final_state"))
final = changed(lambda out: out.update(final_state=out["final_state"] + 1))
no_gradients = changed(lambda out: out.update(gradients={}))
none_gradients = changed(lambda out: out.update(gradients=None))
forward = right.forward

def backward(case):
    return {name: value for name, value in right.backward(case).items() if name != "k"}

def other(case):
    return {**right.backward(case), "w": case.q}

def raises(case):
    raise ValueError("K has to be a multiple of 64")

def blames_q(case):
    raise Refused("q", "is not to my liking")

def spreads_nan(case):
    o = right.forward(case)["o"]
    return np.full_like(o, np.nan) if any(np.isnan(x).any() for x in case.inputs.values()) else o

def once(case):
    out = right.forward(case)
    case.v[...] = 0
    return out

def looks(case):
    if case.v.flags.c_contiguous: raise ValueError("it is contiguous")
    return right.forward(case)

def takes_all(case):
    return np.zeros(1)
`;

describe.skipIf(numpy === undefined)('lla_fixtures.py (skipped where there is no Python with numpy)', () => {
  const python = numpy as string;
  const everything = '--state --packed --groups --resets --growth --strong-beta'.split(' ');
  const ordinary = 'log-linear-mamba2.ordinary.float32';
  const example = join(adapters, 'numpy_example.py');
  const answers = join(root, 'answers');
  const ofExample = (...args: string[]) => ['--module', 'numpy_example', ...args];
  const ofWrong = (name: string, ...args: string[]) => ['--module', 'wrong', '--function', name, '--groups', ...args];

  /** What is run, its exit code, and what it says; in one process, for its start is what takes time. */
  const runs: [what: string, args: string[], status: number, message: string | RegExp][] = [
    [
      'a right kernel, by its serve(...)',
      ['--adapter', example],
      0,
      /^skipped \d+: .*system softmax.*\n[1-9]\d* passed, 0 failed \(right: o of \d+,/m,
    ],
    [
      'a right kernel, by its functions',
      ofExample('--backward', 'backward', ...everything, '--system', 'log-linear-mamba2', '--dtype', 'tf32,bfloat16'),
      0,
      '2 passed, 0 failed (right: o of 2, final states of 2, gradients of 2)',
    ],
    [
      'no decay',
      ofWrong('no_decay', '--case', ordinary),
      1,
      /^FAILED log-linear-mamba2.ordinary.float32: Ordinary.*\n(.*\n)? {2}o\[0, \d, \d, \d\] is \S+, expected \S+ \+- \S+, off by/m,
    ],
    ['NaN', ofWrong('nan', '--case', ordinary), 1, 'o[0, 4, 1, 1] is nan, expected'],
    ['a shape', ofWrong('short', '--case', ordinary), 1, 'o has the shape [1, 5, 2, 1], [1, 5, 2, 2] is wanted'],
    ['integers', ofWrong('whole', '--case', ordinary), 1, 'o is of dtype int64'],
    ['a surplus', ofWrong('more', '--case', ordinary), 1, 'extra is no part of an answer'],
    ['gradients of nothing', ofWrong('no_gradients', '--case', ordinary), 1, 'gradients.q is missing, of shape'],
    ['None as gradients', ofWrong('none_gradients', '--case', ordinary), 1, 'gradients.q is missing, of shape'],
    [
      'no state',
      ofWrong('stateless', '--state', '--case', ordinary),
      1,
      'final_state is missing, of shape [1, 2, 4, 3, 2] (state=True)',
    ],
    ['another state', ofWrong('final', '--case', ordinary), 1, /^ {2}final_state\[0, \d, \d, \d, \d\] is/m],
    [
      'a gradient is missing',
      ofWrong('forward', '--backward', 'backward', '--case', ordinary),
      1,
      'gradients.k is missing, of shape [1, 5, 1, 3]',
    ],
    [
      'a gradient of nothing',
      ofWrong('forward', '--backward', 'other', '--case', ordinary),
      1,
      'gradients.w belongs to no input of the case',
    ],
    [
      'an exception',
      ofWrong('raises', '--case', ordinary),
      1,
      'ValueError: K has to be a multiple of 64 (wrong.py, line',
    ],
    [
      'NaN where nothing is promised',
      ofExample('--flag', 'nan', '--groups', '--packed', '--state'),
      0,
      /^[12] passed, 0 failed/m,
    ],
    [
      'what is only recommended',
      ofWrong('spreads_nan', '--flag', 'recommended', '--packed'),
      0,
      /^recommended, and not enforced: log-linear-mamba2\.nan-.*\n {2}o\[.*\n(.*\n)*.*0 passed, 0 failed, \d recommended and not enforced$/m,
    ],
    [
      'what is only recommended, enforced',
      ofWrong('spreads_nan', '--flag', 'recommended', '--packed', '--enforce-recommended'),
      1,
      /^FAILED log-linear-mamba2\.nan-/m,
    ],
    [
      'asked twice with the same tensors: inputs that are written',
      ofWrong('once', '--system', 'log-linear-mamba2', '--flag', 'asked-twice'),
      1,
      /^ {2}o\[\d, \d, \d, \d\] is 0.0, expected/m,
    ],
    ['contiguous tensors', ofWrong('looks', '--case', ordinary), 1, 'it is contiguous'],
    ['strided tensors', ofWrong('looks', '--case', ordinary, '--non-contiguous'), 0, '1 passed'],
    ['nothing at all', ofExample('--system', 'none'), 2, 'nothing was checked'],
    ['a function that is not there', ofExample('--function', 'f'), 2, 'it has no function f'],
    ['refusals', ofWrong('raises', '--flag', 'invalid', '--refusals'), 0, /^[12] passed/m],
    [
      'a refusal for another reason',
      ofWrong('blames_q', '--flag', 'invalid', '--refusals'),
      1,
      'error is about q, this input has to be refused because of',
    ],
    [
      'no refusal',
      ofWrong('takes_all', '--flag', 'invalid', '--refusals'),
      1,
      'error is missing: this input has to be refused, because of ',
    ],
    [
      'answers',
      ofExample('--backward', 'backward', ...everything, '--system', 'log-linear-mamba2', '--answers', answers),
      0,
      ' 0 failed',
    ],
    ['refusals as answers', ofWrong('raises', '--flag', 'invalid', '--refusals', '--answers', answers), 0, ' 0 failed'],
  ];
  let found: [status: number, text: string][] = [];
  beforeAll(async () => {
    writeFileSync(join(root, 'wrong.py'), WRONG);
    const script = `
import contextlib, io, json, sys
import lla_fixtures
results = []
for arguments in json.loads(sys.argv[2]):
    with io.StringIO() as text, contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        results.append([lla_fixtures.main([sys.argv[1], *arguments]), text.getvalue()])
print(json.dumps(results))
`;
    const { text } = await run([python, '-', folder, JSON.stringify(runs.map(([, args]) => args))], { input: script });
    found = JSON.parse(text);
  });

  it.each(runs.map(([what, , status, message], i) => [what, i, status, message] as const))(
    '%s',
    (_what, i, status, message) => {
      expect(found[i][1]).toMatch(message);
      expect(found[i][0]).toBe(status);
    },
  );

  it.concurrent('it is a program', async () => {
    const { status, text } = await run([python, reader, folder, '--adapter', example, '--case', ordinary]);
    expect(text).toBe('1 passed, 0 failed (right: o of 1, final states of 1, gradients of 1)\n');
    expect(status).toBe(0);
  });

  it('answers that it writes are read here, and are right', async () => {
    const files = readdirSync(answers);
    expect(files.filter((file) => /^\.|part$/.test(file))).toEqual([]);
    const bytes = readFileSync(join(answers, `${ordinary}.safetensors`));
    const answer = await readAnswer(bytes, ordinary, 'safetensors');
    const { tensors } = fixtures.find(({ header }) => header.name === ordinary) as Fixture;
    const numbers = (name: string) => tensors.find((each) => each.name === name)?.data as Float64Array;
    if (!('o' in answer)) throw new Error('no answer');
    for (const [name, given] of Object.entries({ o: answer.o, 'gradients.lambda': answer.gradients?.lambda })) {
      const [expected, bounds] = [numbers(`expected.${name}`), numbers(`bounds.${name}`)];
      expect(given?.data.length).toBe(expected.length);
      expect([...(given?.data ?? [])].every((value, i) => Math.abs(value - expected[i]) <= bounds[i])).toBe(true);
    }
    const said = await Promise.all(
      files
        .filter((file) => file.endsWith('.json'))
        .map((file) => readAnswer(readFileSync(join(answers, file)), file, 'json')),
    );
    expect(said).toContainEqual({
      error: expect.objectContaining({ kind: 'invalid-input', message: 'ValueError: K has to be a multiple of 64' }),
    });
    expect(said).toContainEqual({ notCovered: 'another structure of levels (structures=True)' });
  });

  it.concurrent('all formats hold the same; numbers arrive in their dtype', async () => {
    const script = `
import sys
import numpy as np
from lla_fixtures import Fixtures, load

def same(x, y):
    if isinstance(x, dict): return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
    if isinstance(x, tuple): return all(map(same, x, y))
    if isinstance(x, np.ndarray): return x.dtype == y.dtype and x.shape == y.shape and np.array_equal(np.signbit(x), np.signbit(y)) and np.array_equal(x, y, equal_nan=True)
    return x == y

folders = [Fixtures(sys.argv[1], form) for form in ("safetensors", "npz", "json")]
for name in folders[0].names:
    one, *others = [vars(each.case(name)) for each in folders]
    for other in others:
        assert not [key for key in one if not same(one[key], other[key])], name
print(len(folders[0].names))
for case in load(sys.argv[1], system="log-linear-kimi-delta"):
    print(case.dtype, case.g.dtype, case.cotangents.o.dtype, case.expected["o"].dtype, sorted(case.inputs), case.g.flags.writeable)
`;
    const { text } = await run([python, '-', folder], { input: script });
    expect(text).toBe(
      `${fixtures.length}\nfloat16 float16 float16 float64 ['beta', 'g', 'k', 'lambda_', 'q', 'v'] True\n`,
    );
  });

  it('what is not as the manifest says is refused', async () => {
    const name = ordinary;
    const edited = (what: string, edit: (manifest: ReturnType<typeof JSON.parse>, home: string) => void): string => {
      const target = join(root, `hostile ${what}`);
      cpSync(folder, target, { recursive: true });
      const file = join(target, 'manifest.json');
      const manifest = JSON.parse(readFileSync(file, 'utf8'));
      edit(manifest, join(target, 'v1-full-all'));
      if (Object.keys(manifest).length > 0) writeFileSync(file, JSON.stringify(manifest));
      return target;
    };
    const entry = (manifest: { cases: ManifestCase[] }) =>
      manifest.cases.find((each) => each.name === name) as ManifestCase;
    const file = (manifest: { cases: ManifestCase[] }) =>
      entry(manifest).files.safetensors as { file: string; bytes: number; sha256: string };
    const change = (home: string, edit: (bytes: Buffer) => Buffer) => {
      const path = join(home, `${name}.safetensors`);
      writeFileSync(path, edit(readFileSync(path)));
    };
    const hostile: [string, string, (manifest: ReturnType<typeof JSON.parse>, home: string) => void][] = [
      [
        'a flipped bit',
        'SHA-256',
        (_, home) => change(home, (bytes) => bytes.fill(1, bytes.length - 8, bytes.length - 7)),
      ],
      [
        'a byte more',
        'it has more bytes',
        (_, home) => change(home, (bytes) => Buffer.concat([bytes, bytes.subarray(0, 1)])),
      ],
      ['a byte less', 'bytes, the manifest says', (_, home) => change(home, (bytes) => bytes.subarray(1))],
      ['a folder above', 'is no name of a folder', (manifest) => (manifest.folder = '../fixtures/v1-full-all')],
      ['dots', 'is no name of a folder', (manifest) => (manifest.folder = '..')],
      ['a file above', 'it has to be', (manifest) => (file(manifest).file = `../${name}.safetensors`)],
      ['a name above', 'is no name of a case', (manifest) => (entry(manifest).name = '../x')],
      ['an absolute name', 'is no name of a case', (manifest) => (entry(manifest).name = '/etc/passwd')],
      ['twice', 'two cases', (manifest) => manifest.cases.push(entry(manifest))],
      ['no sha', 'is no SHA-256', (manifest) => (file(manifest).sha256 = '')],
      ['another dtype', 'the manifest says', (manifest) => (entry(manifest).dtype = 'float16')],
      [
        'another shape',
        'the manifest says [1, 9, 2, 9]',
        (manifest) => (entry(manifest).tensors['inputs.v'].shape = [1, 9, 2, 9]),
      ],
      ['another version', 'version 2, this file reads 1', (manifest) => (manifest.version = 2)],
      [
        'a link',
        'leads out of the folder',
        (_, home) => {
          rmSync(join(home, `${name}.safetensors`));
          symlinkSync(join(folder, 'v1-full-all', `${name}.safetensors`), join(home, `${name}.safetensors`));
        },
      ],
      ['no file', 'No such file', (_, home) => rmSync(join(home, `${name}.safetensors`))],
    ];
    const list = hostile.map(([what, message, edit]) => [edited(what, edit), message]);
    const script = `
import json, sys
from lla_fixtures import Fixtures, FixtureError
for folder, message in json.loads(sys.argv[1]):
    try:
        Fixtures(folder).case(${JSON.stringify(name)})
        print(folder, "was read")
    except FixtureError as error:
        if message not in str(error): print(error)
try:
    Fixtures(${JSON.stringify(join(root, 'nowhere'))})
except FixtureError as error:
    print("lla fixtures export" in str(error))
`;
    expect((await run([python, '-', JSON.stringify(list)], { input: script })).text).toBe('True\n');
  });

  it('files that are malformed are refused, in words', async () => {
    const good = fixtures.find(({ header }) => header.name === ordinary) as Fixture;
    const header = (text: string, data = 0, length = text.length): Buffer => {
      const bytes = Buffer.alloc(8 + text.length + data);
      bytes.writeBigUInt64LE(BigInt(length));
      bytes.write(text, 8, 'latin1');
      return bytes;
    };
    const x = (fields: string) => `{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]${fields}}}`;
    const json = (edit: (fields: ReturnType<typeof JSON.parse>) => void): Buffer => {
      const fields = JSON.parse(Buffer.from(formats.json.write(good) as Uint8Array).toString());
      edit(fields);
      return Buffer.from(JSON.stringify(fields));
    };
    const npz = Buffer.from(await formats.npz.write(good));
    const npy = (edit: (text: string) => string) => Buffer.from(edit(npz.toString('latin1')), 'latin1');
    const list: [form: string, bytes: Uint8Array, message: string][] = [
      ['safetensors', Buffer.alloc(7), 'shorter than 8 bytes'],
      ['safetensors', header('{}', 0, 2 ** 40), 'a header of 1099511627776 bytes'],
      ['safetensors', header(' {}'), 'does not begin with {'],
      ['safetensors', header('{'), 'line 1'],
      ['safetensors', header('{"a":1,"a":1}'), 'there twice'],
      ['safetensors', header('{"\xff":1}'), 'utf-8'],
      ['safetensors', header(`{"a":${'['.repeat(100_000)}`), ''],
      ['safetensors', header('{"__metadata__":{"a":1}}'), 'more than strings'],
      ['safetensors', header(x(''), 5), '1 bytes behind the last tensor'],
      ['safetensors', header(x(''), 3), 'lies at [0, 4] of 3 bytes'],
      ['safetensors', header(x('').replace('[1]', '[2]'), 4), 'does not fit 4 bytes'],
      ['safetensors', header(x('').replace('[1]', '[-1]'), 4), 'the shape [-1]'],
      ['safetensors', header(x('').replace('[1]', '[true]'), 4), 'the shape [True]'],
      ['safetensors', header(x('').replace('[1]', '[1.0]'), 4), 'the shape [1.0]'],
      ['safetensors', header(x('').replace('F32', 'F31'), 4), 'of dtype'],
      ['safetensors', header(x(',"more":1'), 4), 'not described by'],
      ['safetensors', header(x('').replace('0,4', '4,8'), 8), 'leave a hole'],
      ['safetensors', header(`${x('').slice(0, -1)},"y":${x('').slice(5)}`, 4), 'overlap'],
      ['safetensors', writeSafetensors([], { format: 'lla-fixture', version: '2' }), "of version '2'"],
      ['safetensors', writeSafetensors([], { format: 'lla-fixture', version: '1' }), 'name is missing'],
      ['npz', npz.subarray(0, -3), 'not a zip file'],
      ['npz', npy((text) => text.replace("'<f4'", "'|O4'")), ''],
      ['npz', npy((text) => text.replace('NUMPY', 'numpy')), ''],
      ['npz', npy((text) => text.replace(/meta\.npy/g, 'mete.npy')), "'mete.npy' is no member"],
      ['json', Buffer.from('[]'), 'no object'],
      ['json', Buffer.from('{"a": NaN}'), 'NaN is no JSON'],
      ['json', Buffer.from('{"a": 1e999}'), '1e999 is larger than any double; infinity is "Infinity"'],
      ['json', Buffer.from('{"a": -1e309}'), 'larger than any double'],
      ['json', Buffer.from(`{"a": 1${'0'.repeat(400)}}`), 'larger than any double'],
      ['json', json((fields) => (fields.more = 1)), 'unknown: more'],
      ['json', json((fields) => fields.inputs.v.data.pop()), 'does not fit its shape'],
      ['json', json((fields) => (fields.inputs.v.data[0] = 0.1)), 'not exact in float32'],
      ['json', json((fields) => (fields.inputs.v.data[0] = true)), 'among its numbers'],
      ['json', json((fields) => (fields.bounds.o.data[0] = 'NaN')), 'no number of 0 or more'],
      ['json', json((fields) => (fields.bounds.o.shape = [20])), 'differ in shape'],
      ['json', json((fields) => delete fields.bounds.o), 'of different tensors'],
      ['json', json((fields) => delete fields.cotangents), 'without cotangents'],
      ['json', json((fields) => (fields.dtype = 'float8')), 'unknown dtype'],
    ];
    const script = `
import base64, sys, json
from lla_fixtures import FixtureError, read_case
for form, data, message in json.load(open(sys.argv[1])):
    try:
        read_case(base64.b64decode(data), form, "FILE")
        print(form, repr(message), "was read")
    except FixtureError as error:
        if message not in str(error) or not str(error).startswith("FILE: "): print(repr(message), error)
`;
    const path = join(root, 'malformed.json');
    writeFileSync(
      path,
      JSON.stringify(list.map(([form, bytes, message]) => [form, Buffer.from(bytes).toString('base64'), message])),
    );
    expect((await run([python, '-', path], { input: script })).text).toBe('');
  });
});

describe.skipIf(pytest === undefined)('pytest (skipped where it is missing)', () => {
  const copy = (name: string, kernel: string): string => {
    const home = join(root, name);
    mkdirSync(home);
    for (const file of ['lla_fixtures.py', 'numpy_example.py', 'lla_adapter.py']) {
      copyFileSync(join(adapters, file), join(home, file));
    }
    writeFileSync(join(home, 'wrong.py'), WRONG);
    const text = readFileSync(join(adapters, 'test_lla_fixtures.py'), 'utf8')
      .replace(/^FOLDER = .*/m, `FOLDER = ${JSON.stringify(folder)}`)
      .replace(/^KERNEL = .*/m, kernel);
    writeFileSync(join(home, 'test_lla_fixtures.py'), text);
    return home;
  };
  const tested = (cwd: string) =>
    run([pytest as string, '-m', 'pytest', '-v', '-rs', '-p', 'no:cacheprovider', 'test_lla_fixtures.py'], { cwd });

  it.concurrent('two lines are edited, and a right kernel passes', async () => {
    const { status, text } = await tested(copy('right', 'KERNEL = adapter("numpy_example.py")'));
    expect(text).toContain('test_fixture[log-linear-mamba2.ordinary.float32] PASSED');
    expect(text).toMatch(/SKIPPED.*system softmax/);
    expect(text).toContain(' passed, ');
    expect(status).toBe(0);
  });

  it.concurrent('a wrong one fails with what is probed and the worst element', async () => {
    const kernel =
      'import wrong\nKERNEL = Kernel(wrong.no_decay, systems=["log-linear-mamba2"], dtypes=["float32"], groups=True)';
    const { status, text } = await tested(copy('wrong kernel', kernel));
    expect(text).toMatch(
      /^log-linear-mamba2\.ordinary\.float32: Ordinary numbers.*\n {2}\w+\[[\d, ]+\] is \S+, expected \S+ \+- \S+, off by \S+, \S+ times the bound \(wrong: \d+ of \d+\)$/m,
    );
    expect(text).toMatch(/SKIPPED.*packed sequences \(packed=True\)/);
    expect(status).toBe(1);
  });
});

describe.skipIf(torch === undefined)('torch (skipped where it is missing)', () => {
  it.concurrent('bfloat16 is torch.bfloat16, gradients come from autograd, the worked example passes', async () => {
    const script = `
import sys
from lla_fixtures import Fixtures, adapter, check, gradients_of, main, to_torch
kernel = adapter(${JSON.stringify(join(adapters, 'torch_example.py'))})
fixtures = Fixtures(sys.argv[1])
case = fixtures.case("log-linear-mamba2.ordinary.bfloat16")
given = to_torch(case)
output, gradients = gradients_of(kernel.forward, given)
print(given.q.dtype, given.cotangents.o.dtype, check(case, {**output, "gradients": gradients}))
gradients["g"] *= 64
del gradients["v"]
for mismatch in check(case, {**output, "gradients": gradients}):
    print(mismatch)
main([sys.argv[1], "--adapter", ${JSON.stringify(join(adapters, 'torch_example.py'))}])
`;
    const { text } = await run([torch as string, '-', folder], { input: script });
    const [first, ...others] = text.trim().split('\n');
    expect(first).toBe('torch.bfloat16 torch.bfloat16 []');
    expect(others[0]).toBe('gradients.v is missing, of shape [1, 5, 2, 2]');
    expect(others[1]).toMatch(/^gradients\.g\[0, \d, \d\] is /);
    expect(others[2]).toMatch(/^skipped /);
    expect(others[3]).toMatch(/^[1-9]\d* passed, 0 failed \(right: o of \d+, gradients of \d+\)$/);
    expect(others).toHaveLength(4);
  });
});

describe.skipIf(!hasCompiler)('lla_fixtures.h (skipped where there is no cc)', () => {
  const strict = ['-Wall', '-Wextra', '-Werror', '-pedantic'];
  const home = join(root, 'c');
  beforeAll(() => {
    mkdirSync(home);
    for (const file of ['lla_adapter.h', 'example_kernel.h', 'fixtures_example.c']) {
      copyFileSync(join('adapters/c', file), join(home, file));
    }
    copyFileSync(join(folder, 'v1-full-all', 'lla_fixtures.h'), join(home, 'lla_fixtures.h'));
  });
  const compile = (...options: string[]): void => void execFileSync('cc', [...options, '-lm'], { cwd: home });

  it('the same text, whatever was made before', () => {
    expect(readFileSync(join(home, 'lla_fixtures.h'), 'utf8')).toBe(
      cHeader(fixtures, { about: `full, version ${latestVersion()}` }),
    );
  });

  it('C99 compiles the example, C++17 too where there is a compiler for it; a right kernel passes', () => {
    compile('-O0', '-std=c99', ...strict, '-o', 'right', 'fixtures_example.c');
    const { status, stdout } = spawnSync(join(home, 'right'), { encoding: 'utf8' });
    expect(stdout).toMatch(/^[1-9]\d* right, [1-9]\d* skipped\n$/);
    expect(status).toBe(0);
    if (spawnSync('c++', ['--version']).status !== 0) return;
    execFileSync('c++', ['-x', 'c++', '-std=c++17', ...strict, '-fsyntax-only', 'fixtures_example.c'], { cwd: home });
  });

  it('a kernel without its decay fails, and the message names the element', () => {
    const other = join(home, 'wrong');
    mkdirSync(other);
    for (const file of ['lla_adapter.h', 'lla_fixtures.h', 'fixtures_example.c'])
      copyFileSync(join(home, file), join(other, file));
    const kernel = readFileSync('adapters/c/example_kernel.h', 'utf8');
    const wrong = kernel.replace('const REAL alpha = EXP(NAME(log_decay)(x, t, i));', 'const REAL alpha = 1;');
    expect(wrong).not.toBe(kernel);
    writeFileSync(join(other, 'example_kernel.h'), wrong);
    compile('-O0', '-o', 'wrong/program', 'wrong/fixtures_example.c');
    const { status, stdout } = spawnSync(join(other, 'program'), { encoding: 'utf8' });
    expect(stdout).toMatch(
      /^\S+: .*\n {2}(o|finalState|gradients\.\w+)\[[\d, ]+\] is \S+, expected \S+ \+- \S+ \(wrong: \d+ of \d+\)\n$/,
    );
    expect(status).toBe(1);
  });

  it('every number is what it was; NaN is wrong, but not where nothing is promised', () => {
    const hard = [0.1, 2 ** -1074, -(2 ** -1022), 1.7976931348623157e308, -0, 65535.0009765625, 1 / 3, 2 ** 40];
    const tensor = (name: string, data: number[], shape = [data.length], storage = 'float64') =>
      ({ name, shape, storage, data: Float64Array.from(data) }) as Fixture['tensors'][number];
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const bounds = [1.23e-7, 0, 1.23e300, 5, 3e9, 1e21, 1e-320, 0.5];
    const fixture: Fixture = {
      header: {
        name: 'a.b-c',
        probes: 'Quotes " and \\ and ??/ and é.',
        flags: ['one', 'two-more'],
        dtype: 'float64',
        system: 'linear',
      },
      tensors: [
        tensor('inputs.q', [...hard, ...odd]),
        tensor('position', [2 ** 40], [1], 'int64'),
        tensor('expected.o', hard, [1, 2, 2, 2]),
        tensor('bounds.o', bounds, [1, 2, 2, 2]),
        tensor('expected.finalState', [1, 1]),
        tensor('bounds.finalState', [Number.POSITIVE_INFINITY, 0.5]),
        tensor('inputs.k', []),
      ],
    };
    writeFileSync(join(home, 'numbers.h'), cHeader([fixture]));
    writeFileSync(join(home, 'none.h'), cHeader([]));
    const program = `
#include "numbers.h"
int main(void) {
  const lla_fixture *f = lla_fixture_find("a.b-c");
  lla_fixture_mismatch m;
  double a[8];
  int i;
  printf("%s\\n", f->probes);
  for (i = 0; i < 11; i++) printf("%.17g ", f->inputs.q.data[i]);
  for (i = 0; i < 8; i++) printf("%.17g ", f->o.bound[i]);
  printf("\\n%ld %d %d %d ", (long)f->position[0], f->inputs.k.data != NULL, f->inputs.v.data == NULL, lla_fixture_find("a.b") == NULL);
  printf("%d %d %d\\n", lla_fixture_has_flag(f, "two-more"), lla_fixture_has_flag(f, "two"), lla_fixture_has_flag(f, "more"));
  memcpy(a, f->o.expected, sizeof a);
  printf("%ld ", (long)lla_fixture_check(f, "o", a, &m));
  a[7] = NAN;
  a[6] += 1;
  printf("%ld ", (long)lla_fixture_check(f, "o", a, &m));
  lla_fixture_print(stdout, f, &m);
  a[0] = NAN;
  a[1] = 1.5;
  printf("%ld ", (long)lla_fixture_check(f, "finalState", a, NULL));
  a[1] = 1.75;
  printf("%ld %ld\\n", (long)lla_fixture_check(f, "finalState", a, NULL), (long)lla_fixture_check(f, "gradients.q", a, &m));
  return lla_fixture_count() != 1;
}
`;
    writeFileSync(join(home, 'numbers.c'), program);
    writeFileSync(
      join(home, 'none.c'),
      '#include "none.h"\nint main(void) { return lla_fixture_count() != 0 || lla_fixture_find("") != NULL; }\n',
    );
    compile('-std=c99', ...strict, '-o', 'numbers', 'numbers.c');
    compile('-std=c99', ...strict, '-o', 'none', 'none.c');
    expect(spawnSync(join(home, 'none')).status).toBe(0);
    const { status, stdout } = spawnSync(join(home, 'numbers'), { encoding: 'utf8' });
    const [probes, numbers, facts, ...checks] = stdout.split('\n');
    expect(probes).toBe(fixture.header.probes);
    const read = numbers
      .trim()
      .split(' ')
      .map((text) => ({ nan: Number.NaN, inf: Infinity, '-inf': -Infinity })[text] ?? Number(text));
    expect(read).toEqual([...hard, ...odd, ...bounds]);
    expect(facts).toBe(`${2 ** 40} 1 1 1 1 0 0`);
    expect(checks[0]).toMatch(/^0 2 a\.b-c: /);
    expect(checks[1]).toBe('  o[0, 1, 1, 1] is nan, expected 1099511627776 +- 0.5 (wrong: 2 of 8)');
    expect(checks[2]).toBe('0 1 -1');
    expect(status).toBe(0);
  });
});
