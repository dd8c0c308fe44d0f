/** Bundles: the same verdicts as the gate's on the live program, rounds, jobs that are killed, and folders that somebody has spoilt. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { BadBundle } from '../../gate/bundle/files.ts';
import { makeBundle, occupied } from '../../gate/bundle/make.ts';
import { readManifest, writeManifest } from '../../gate/bundle/manifest.ts';
import { bundleSchemas } from '../../gate/bundle/schemas.ts';
import { judgeBundle } from '../../gate/bundle/verdict.ts';
import { type Description, openProgram } from '../../gate/external/implementation.ts';
import { Program } from '../../gate/external/program.ts';
import { encode, type WireType } from '../../gate/external/wire.ts';
import type { GateVerdict } from '../../gate/judge.ts';
import { type GateReport, runGate } from '../../gate/run.ts';
import { checkLaw } from '../../properties/check-law.ts';
import { mapTensor } from '../../properties/edit.ts';
import type { Law } from '../../properties/law.ts';
import { laws as allLaws, findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import numpy']).status === 0,
) as string;
const NODE = process.execPath;

const folder = fs.mkdtempSync(join(tmpdir(), 'lla-bundle-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
let made = 0;
const fresh = (): string => join(folder, `bundle-${made++}`);

const pickLaws = (...names: string[]): Law[] => names.map((name) => findLaw(name) as Law);
const pickSystems = (...names: string[]): System[] => names.map((name) => findSystem(name) as System);

const descriptions = new Map<string, Promise<Description>>();

/** What a program says of itself, asked once. */
function descriptionOf(command: string[]): Promise<Description> {
  const key = command.join(' ');
  const known = descriptions.get(key) ?? describeProgram(command);
  descriptions.set(key, known);
  return known;
}

async function describeProgram(command: string[]): Promise<Description> {
  const program = new Program({ command, timeout: 30_000, startTimeout: 30_000 });
  const { version: _, ...description } = await program.describe();
  await program.close();
  return description as unknown as Description;
}

/** A bundle for a program, in a folder of its own. */
async function bundleFor(command: string[], laws: Law[], systems: System[], more: object = {}): Promise<string> {
  const description = await descriptionOf(command);
  const path = fresh();
  const { dtypes } = description;
  await makeBundle({ folder: path, description, command, laws, systems, dtypes, seed: 5, runs: 2, ...more });
  return path;
}

const ask = (path: string, command: string[], ...flags: string[]): SpawnSyncReturns<string> =>
  spawnSync(PYTHON, [join(path, 'run.py'), ...flags, '--', ...command], { encoding: 'utf8' });

/** The exit code alone, while others are asked too. */
const askBeside = (path: string, command: string[], ...flags: string[]): Promise<number | null> =>
  new Promise((done) => {
    const args = [join(path, 'run.py'), ...flags, '--', ...command];
    spawn(PYTHON, args, { stdio: 'ignore' }).on('close', done);
  });

async function verdictsOf(path: string, laws?: Law[]): Promise<GateVerdict[]> {
  const judged = await judgeBundle(path, { laws });
  if (!('report' in judged)) throw new Error(`no verdict: ${JSON.stringify(judged)}`);
  return judged.report.verdicts;
}

/** The gate on the live program; a failure stays as it was drawn. */
async function live(command: string[], given: Law[], systems: System[], dtypes?: string[]): Promise<GateReport> {
  const laws = given.map((law): Law => ({ ...law, draw: (...about) => fc.noShrink(law.draw(...about)) }));
  const { close, implementations: all } = await openProgram({ command, timeout: 30_000, startTimeout: 30_000 });
  const implementations = all.filter(({ precision }) => dtypes?.includes(precision.name) ?? true);
  const report = await runGate({ implementations, laws, systems, seed: 5, runs: 2, command });
  await close();
  return report;
}

const essence = ({
  law,
  system,
  implementation,
  status,
  cases,
  worst,
  seed,
  note,
  level,
  dtype,
  drawn,
}: GateVerdict) => ({
  ...{ law, system, implementation, status, cases, worst, seed, note, level, dtype, drawn },
});

/** The example with some lines more: an implementation that is right, or wrong in a way of its own. */
function variant(name: string, lines: string[], dtypes = '["float64"]'): string[] {
  const file = join(folder, `${name}.py`);
  const head = [
    'import sys, os, time',
    `sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})`,
    'import numpy as np',
    'import numpy_example as example',
    'from lla_adapter import serve',
    'np.seterr(all="ignore")',
    'def forward(case):',
    '    answer = example.forward(case)',
  ];
  const tail = [
    '    return answer',
    `serve(forward, example.backward, name="variant", systems=["mamba2", "log-linear-mamba2"], dtypes=${dtypes}, state=True, packed=True, groups=True, resets=True, growth=True, strong_beta=True, limits={"T": {"max": 1024}})`,
  ];
  fs.writeFileSync(file, [...head, ...lines.map((line) => `    ${line}`), ...tail].join('\n'));
  return [PYTHON, file];
}

describe.skipIf(PYTHON === undefined)('a program that is right', () => {
  const command = [PYTHON, 'adapters/python/numpy_example.py'];

  it('has the verdicts of the gate, after one round: a state that is fed back is named, not written', async () => {
    const laws = [
      ...allLaws.filter(({ group }) => group === 'state'),
      ...pickLaws('same-answer-twice', 'causal-backward'),
    ];
    const systems = pickSystems('log-linear-gated-deltanet');
    const dtypes = ['float32'];
    const path = await bundleFor(command, laws, systems, { dtypes });
    const { status, stdout, stderr } = ask(path, command);
    expect(stderr).not.toContain('rror');
    expect(stdout).not.toContain('outside');
    expect(status).toBe(0);
    const there = await verdictsOf(path);
    const here = await live(command, laws, systems, dtypes);
    expect(there.map(essence)).toEqual(here.verdicts.map(essence));
    expect(there.filter((verdict) => verdict.status === 'passed').length).toBeGreaterThan(7);
    expect(fs.readFileSync(join(path, 'round-1.cases'), 'latin1')).toContain('"from":{"id":');
  });

  it('in 16 bits: a state that was answered in 32 comes back rounded, as the gate rounds it', async () => {
    const program = variant('narrow', [], '["bfloat16", "float16"]');
    const laws = pickLaws('split-through-state', 'step-by-step');
    const systems = pickSystems('log-linear-mamba2');
    const path = await bundleFor(program, laws, systems);
    ask(path, program);
    const there = await verdictsOf(path);
    expect(there.every(({ status, worst }) => status === 'passed' && (worst?.ratio ?? 0) > 0)).toBe(true);
    expect(there.map(essence)).toEqual((await live(program, laws, systems)).verdicts.map(essence));
  });

  it('on the command line: 4 before it is asked, 0 after; by --describe and by --bundle as well', () => {
    const path = fresh();
    const lla = (...args: string[]) =>
      spawnSync(NODE, ['dist/cli.js', ...args], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
    const file = join(folder, 'description.json');
    const said = JSON.parse(spawnSync(PYTHON, ['adapters/python/numpy_example.py', '--describe']).stdout.toString());
    // what is left out of a description is its default
    expect(said.structures).toBe(false);
    delete said.structures;
    fs.writeFileSync(file, JSON.stringify(said));
    const few = ['--system', 'linear', '--law', 'prefix,same-answer-twice', '--runs', '1', '--dtype', 'float32'];
    const first = lla('bundle', path, '--describe', file, ...few);
    expect(first.stderr).toMatch(/^bundle 2\/2/m);
    expect(first.stdout).toContain('6 cases');
    expect(first.status).toBe(0);
    const again = lla('bundle', path, '--describe', file, ...few);
    expect(again.stderr).toContain('--force replaces it');
    expect(again.status).toBe(2);
    expect(fs.readFileSync(join(path, 'README.txt'), 'utf8').trim().split('\n')).toHaveLength(5);
    const early = lla('verdict', path, '--json');
    expect(JSON.parse(early.stdout)).toEqual({ version: 1, unanswered: { round: 1, cases: 6, state: 'unasked' } });
    expect(early.status).toBe(4);
    expect(spawnSync(PYTHON, ['adapters/python/numpy_example.py', '--bundle', path]).status).toBe(0);
    const late = lla('verdict', path);
    expect(late.stdout).toMatch(/\n2 passed, 0 failed.*\nconforms\n$/);
    expect(late.status).toBe(0);
  });
});

describe.skipIf(PYTHON === undefined)('a program that is wrong', () => {
  it('fails the same laws, at the same case and element as before the gate shrinks', async () => {
    const command = variant('level', [
      'if case.v.shape[1] > 9: answer["o"][:, 9] *= 1.001',
      'answer["final_state"] *= 1 + 1e-9',
    ]);
    const laws = pickLaws(
      'forward-within-its-bound',
      'split-through-state',
      'split-through-state-backward',
      'step-by-step',
      'prefix',
    );
    const systems = pickSystems('log-linear-mamba2', 'mamba2');
    const path = await bundleFor(command, laws, systems);
    const { stdout } = ask(path, command);
    expect(stdout).toMatch(/forward-within-its-bound · mamba2 · float64: \d+ outside of the bound/);
    const there = await verdictsOf(path);
    const { verdicts: here } = await live(command, laws, systems);
    expect(there.map(essence)).toEqual(here.map(essence));
    const failed = there.filter((verdict) => verdict.status === 'failed');
    expect(failed.length).toBeGreaterThan(3);
    const { close, implementations } = await openProgram({ command, timeout: 30_000, startTimeout: 30_000 });
    for (const { law, system, seed, cases, worst, path: replay } of failed) {
      const options = { seed, runs: 2, shrink: false };
      const alone = await checkLaw(findLaw(law) as Law, implementations[0], findSystem(system) as System, options);
      expect([law, cases, worst, replay]).toEqual([law, alone.cases, alone.worst?.worst, alone.path]);
    }
    await close();
  });

  it('that crashes is started again, the rest of that law is not asked, and the verdict names the crash', async () => {
    const command = variant('crash', [
      'if case.v.shape[1] > 9:',
      '    print("about to crash"); sys.stdout.flush(); os._exit(7)',
    ]);
    const laws = pickLaws('forward-within-its-bound', 'empty-call-keeps-the-state');
    const path = await bundleFor(command, laws, pickSystems('mamba2'));
    const { stderr, stdout, status } = ask(path, command);
    expect(stderr).toContain('crashed: it ended with exit code 7\n  it printed:\n    about to crash');
    expect(stdout).toContain('without an answer');
    expect(status).toBe(0);
    const there = await verdictsOf(path);
    const { verdicts: here } = await live(command, laws, pickSystems('mamba2'));
    const ends = (verdicts: GateVerdict[]) =>
      verdicts.map(({ law, status, reason }) => [law, status, reason?.split('\n')[0]]);
    expect(ends(there)).toEqual(ends(here));
    expect(there[0].reason).toContain('crashed: it ended with exit code 7');
  });

  /** The bundle of an example, for programs that are never asked. */
  let example: Promise<string> | undefined;
  const exampleBundle = (): Promise<string> => {
    example ??= bundleFor([NODE, 'adapters/node/example.mjs'], pickLaws('prefix'), pickSystems('linear'), { runs: 1 });
    return example;
  };

  it.each([
    ['another type at the start', 'no description of version 1'],
    ['ends at once', 'did-not-start: it ended with exit code 7'],
  ])('that does not start, %s: exit code 3', async (way, message) => {
    const path = await exampleBundle();
    const { stderr, status } = ask(path, [NODE, 'test/external/hostile.mjs', way]);
    expect(stderr).toContain(message);
    expect(status).toBe(3);
  });

  /** What test/external/hostile.mjs does, and how the gate calls it. */
  const ways = [
    ['crashes', 'crashed: it ended with exit code 1\n  it printed:\n    about to divide by zero'],
    ['no JSON', 'broke-protocol: a line that is no message'],
    ['half a tensor', 'timed-out: no answer within 1 s'],
    ['another shape', 'broke-protocol: tensor o of shape ['],
    ['a negative size', 'broke-protocol: '],
    ['a tensor larger than memory', 'broke-protocol: tensors of 8796093022208 bytes'],
    ['a tensor too many', 'broke-protocol: tensor dq, which nobody asked for'],
    ['a line without end', 'broke-protocol: a line of more than 1048576 bytes'],
    ['more and more answers', 'broke-protocol: '],
    ['closes its pipe', 'crashed: it closed its pipe and did not end'],
    ['leaves a child that holds the pipe', 'crashed: it ended with exit code 1'],
    ['says that it cannot', 'refused: K is too large for my tiles'],
    ['an error without a word', 'broke-protocol: '],
  ];
  const hostile = (way: string): string[] => [NODE, 'test/external/hostile.mjs', way];
  let asIs: Promise<string> | undefined;
  it.concurrent.each(ways)('that %s: %s', async (way, message) => {
    // the second question meets what an answer too many left behind
    const laws = pickLaws('causal-forward');
    asIs ??= bundleFor(hostile('does as it is told'), laws, pickSystems('linear'), { runs: 1 });
    const path = fresh();
    fs.cpSync(await asIs, path, { recursive: true });
    expect(await askBeside(path, hostile(way), '--timeout', '1')).toBe(0);
    const [verdict] = await verdictsOf(path);
    expect(verdict.status).toBe('error');
    expect(verdict.reason?.slice(0, message.length)).toBe(message);
  });

  it('that is another than was bundled is not asked: exit code 3', async () => {
    const path = await exampleBundle();
    const { stderr, status } = ask(path, [PYTHON, 'adapters/python/numpy_example.py']);
    expect(stderr).toContain('name "numpy example" instead of');
    expect(status).toBe(3);
  });
});

/** A law whose second question is made of numbers of the first answer: no copy of a tensor says where they came from. */
const derived: Law = {
  ...(findLaw('prefix') as Law),
  prerequisites: [],
  async check(subject, { c }) {
    const first = await subject.run(c);
    const inputs = { ...c.inputs, v: mapTensor(first.o, (value) => value / 3) };
    const second = await subject.run({ ...c, inputs });
    const third = await subject.run({ ...c, inputs: { ...c.inputs, v: mapTensor(second.o, (value) => value / 5) } });
    const isExact = third.o.data.every((value) => Number.isFinite(value));
    return { holds: isExact, worst: null, note: `${third.o.data[0]}` };
  },
};

describe.skipIf(PYTHON === undefined)('rounds', () => {
  // 1 + 1e-7 is no answer of the oracle: what follows from it was not among the first cases
  const command = variant('rounds', ['answer["o"] *= 1 + 1e-7']);

  it('go on until every question that follows from answers has been asked', async () => {
    const path = await bundleFor(command, [derived], pickSystems('mamba2'));
    const seen: (number | string)[] = [];
    for (;;) {
      expect(ask(path, command).status).toBe(0);
      const judged = await judgeBundle(path, { laws: [derived] });
      if ('report' in judged) {
        expect(judged.report.verdicts[0].status).toBe('passed');
        break;
      }
      expect(judged.state).toBe('new');
      seen.push(judged.round);
      const waiting = await judgeBundle(path, { laws: [derived] });
      expect(waiting).toEqual({ ...judged, state: 'unasked' });
    }
    expect(seen).toEqual([2, 3]);
    expect(fs.readdirSync(path).filter((name) => /part/.test(name))).toEqual([]);
    expect(ask(path, command).stdout).toContain('all rounds are answered');
    const { verdicts } = await live(command, [derived], pickSystems('mamba2'));
    expect((await verdictsOf(path, [derived])).map(essence)).toEqual(verdicts.map(essence));
  });
});

describe.skipIf(PYTHON === undefined)('a job', () => {
  const slow = variant('slow', ['time.sleep(float(os.environ.get("LLA_SLOW", 0)))']);

  it('that was killed goes on where it stopped, and ends in the same file', async () => {
    const path = await bundleFor(slow, pickLaws('split-through-state', 'prefix'), pickSystems('mamba2'));
    const answers = join(path, 'round-1.answers');
    const child = spawn(PYTHON, [join(path, 'run.py'), '--', ...slow], {
      stdio: 'ignore',
      env: { ...process.env, LLA_SLOW: '0.3' },
    });
    const size = (): number => (fs.existsSync(`${answers}.part`) ? fs.statSync(`${answers}.part`).size : 0);
    while (size() < 1000) await new Promise((wake) => setTimeout(wake, 20));
    const other = ask(path, slow);
    expect(other.stderr).toContain('another run is writing it');
    const ended = new Promise((wake) => child.on('exit', wake));
    child.kill('SIGKILL');
    await ended;
    expect(fs.existsSync(answers)).toBe(false);
    const kept = size();
    expect(await judgeBundle(path)).toMatchObject({ round: 1, state: 'unfinished' });
    // half a message, as a killed process leaves it
    fs.truncateSync(`${answers}.part`, kept - 3);
    const second = ask(path, slow);
    expect(second.stderr).toMatch(/\d+ of \d+ cases are answered already, going on/);
    expect(second.status).toBe(0);
    const whole = fs.readFileSync(answers);
    expect((await verdictsOf(path)).map(({ status }) => status)).toEqual(['passed', 'passed']);
    expect(ask(path, slow, '--again').status).toBe(0);
    expect(fs.readFileSync(answers).equals(whole)).toBe(true);
  });

  it('begins again where the program is another now', async () => {
    const path = await bundleFor(slow, pickLaws('prefix'), pickSystems('mamba2'), { runs: 1 });
    ask(path, slow);
    const answers = join(path, 'round-1.answers');
    fs.renameSync(answers, `${answers}.part`);
    fs.appendFileSync(slow[1], '\n# another now\n');
    const { stderr, status } = ask(path, slow);
    expect(stderr).toContain('of another program or of other cases: beginning again');
    expect(status).toBe(0);
    expect(await verdictsOf(path)).toHaveLength(1);
  });

  it('does not ask cases that were changed on the way', async () => {
    const path = await bundleFor(slow, pickLaws('prefix'), pickSystems('mamba2'), { runs: 1 });
    fs.appendFileSync(join(path, 'round-1.cases'), 'x');
    const { stderr, status } = ask(path, slow);
    expect(stderr).toContain('is not what the manifest says: copy the folder again');
    expect(status).toBe(2);
  });
});

describe.skipIf(PYTHON === undefined)('numbers of an answer', () => {
  it('are rounded to each format as the gate does', () => {
    const ties = [65519.99, 65520, 1e-8, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11];
    const special = [0, -0, 1, 3.4e38, 1e300, -1e300, Infinity, -Infinity, Number.NaN, 5e-324];
    const random = Array.from({ length: 2000 }, (_, i) => Math.sin(i * i) * 2 ** ((i % 60) - 30));
    const values = [...ties, 1 + 2 ** -8, 1 + 3 * 2 ** -8, ...special, ...random];
    const formats: WireType[] = ['float64', 'float32', 'float16', 'bfloat16'];
    const script = [
      'import sys; sys.path.insert(0, "adapters/python"); import lla_bundle as b; given = sys.stdin.buffer.read()',
      'for name in sys.argv[1:]: sys.stdout.buffer.write(b.converted("float64", given, name))',
    ].join('\n');
    const { stdout } = spawnSync(PYTHON, ['-c', script, ...formats], { input: encode(values, 'float64') });
    let at = 0;
    for (const format of formats) {
      const wanted = encode(values, format);
      expect(stdout.subarray(at, at + wanted.length).equals(wanted), format).toBe(true);
      at += wanted.length;
    }
    expect(stdout).toHaveLength(at);
  });
});

describe.skipIf(PYTHON === undefined)('a folder that somebody has spoilt', () => {
  const command = [NODE, 'adapters/node/example.mjs'];
  const laws = pickLaws('prefix', 'split-through-state');
  let good: Promise<string> | undefined;

  /** A copy of a bundle with its answers. */
  async function copy(): Promise<string> {
    good ??= bundleFor(command, laws, pickSystems('linear')).then((path) => {
      expect(ask(path, command).status).toBe(0);
      return path;
    });
    const path = fresh();
    fs.cpSync(await good, path, { recursive: true });
    return path;
  }

  const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

  /** The answers with a line changed, under a last line that is right again. */
  function rewrite(path: string, change: (text: string) => string): void {
    const file = join(path, 'round-1.answers');
    const text = fs.readFileSync(file, 'latin1');
    const end = text.lastIndexOf('{"type":"end"');
    const changed = Buffer.from(change(text.slice(0, end)), 'latin1');
    const answers = JSON.parse(text.slice(end)).answers;
    fs.writeFileSync(file, changed);
    fs.appendFileSync(file, `${JSON.stringify({ type: 'end', answers, sha256: sha(changed) })}\n`);
  }

  /** The manifest edited by somebody who knows about its sha256. */
  function edit(path: string, change: (manifest: ReturnType<typeof readManifest>) => void): void {
    const manifest = readManifest(path);
    change(manifest);
    writeManifest(path, manifest);
  }

  const answersOf = (path: string): string => join(path, 'round-1.answers');
  const cut = (path: string, bytes: number): void =>
    fs.truncateSync(answersOf(path), fs.statSync(answersOf(path)).size - bytes);

  const ways: [string, (path: string) => void, string][] = [
    [
      'is empty',
      (path) => {
        for (const name of fs.readdirSync(path)) fs.rmSync(join(path, name));
      },
      'manifest.json: ENOENT',
    ],
    [
      'answers cut in their last line',
      (path) => cut(path, 5),
      'round-1.answers: cut off: it ends in the middle of a line',
    ],
    ['answers without a last line', (path) => cut(path, 90), 'round-1.answers: cut off'],
    ['answers cut in a tensor', (path) => cut(path, 300), 'round-1.answers: cut off'],
    ['answers of nothing', (path) => fs.writeFileSync(answersOf(path), ''), 'round-1.answers: empty'],
    ['garbage', (path) => fs.writeFileSync(answersOf(path), 'hello\n'), 'a line that is no JSON at byte 0: "hello"'],
    [
      'bytes that are no text',
      (path) => fs.writeFileSync(answersOf(path), Buffer.from([0xff, 10])),
      'no JSON at byte 0',
    ],
    [
      'a line without end',
      (path) => fs.writeFileSync(answersOf(path), 'x'.repeat(2 ** 21)),
      'a line of more than 1048576 bytes',
    ],
    [
      'something behind the last line',
      (path) => fs.appendFileSync(answersOf(path), '{}\n'),
      'round-1.answers: something follows its last line',
    ],
    [
      'a bit that has turned',
      (path) => {
        const bytes = fs.readFileSync(answersOf(path));
        bytes[bytes.length - 150] ^= 1;
        fs.writeFileSync(answersOf(path), bytes);
      },
      'round-1.answers: its sha256 is not that of its last line',
    ],
    [
      'answers in another order',
      (path) => rewrite(path, (text) => text.replace('"id":0', '"id":1')),
      'the answer to case 1, where that to 0 is wanted',
    ],
    [
      'an unknown dtype',
      (path) => rewrite(path, (text) => text.replace('"dtype":"float64"', '"dtype":"float128"')),
      'at /tensors/0/dtype must be equal to one of',
    ],
    [
      'a tensor that is larger than the file',
      (path) => rewrite(path, (text) => text.replace(/"shape":\[[\d,]+\]/, '"shape":[2147483647,2147483647]')),
      'round-1.answers: cut off: tensors of 36893488113059365000 bytes are announced',
    ],
    [
      'sizes below zero',
      (path) => rewrite(path, (text) => text.replace(/"shape":\[\d+/, '"shape":[-1')),
      'at /tensors/0/shape/0 must be >= 0',
    ],
    [
      'answers to other cases',
      (path) => rewrite(path, (text) => text.replace(/"cases":"../, '"cases":"00')),
      'round-1.answers: answers to other cases',
    ],
    [
      'answers of another round',
      (path) => rewrite(path, (text) => text.replace('"round":1', '"round":2')),
      'of round 2',
    ],
    [
      'a field of its own',
      (path) => rewrite(path, (text) => text.replace('"id":0', '"id":0,"x":1')),
      'additional properties',
    ],
    [
      'cases that were changed',
      (path) => {
        const file = join(path, 'round-1.cases');
        const bytes = fs.readFileSync(file);
        bytes[bytes.length - 1] ^= 1;
        fs.writeFileSync(file, bytes);
      },
      'round-1.cases: its sha256 is not that of its manifest',
    ],
    ['cases that are not there', (path) => fs.rmSync(join(path, 'round-1.cases')), 'round-1.cases: ENOENT'],
    [
      'an answer that is a link',
      (path) => {
        fs.renameSync(answersOf(path), join(path, 'elsewhere'));
        fs.symlinkSync('elsewhere', answersOf(path));
      },
      'round-1.answers: a symbolic link, where a file is wanted',
    ],
    [
      'an answer that is a pipe',
      (path) => {
        fs.rmSync(answersOf(path));
        spawnSync('mkfifo', [answersOf(path)]);
      },
      'round-1.answers: no regular file',
    ],
    [
      'a manifest that is no JSON',
      (path) => fs.writeFileSync(join(path, 'manifest.json'), '{'),
      'manifest.json: no JSON',
    ],
    [
      'a manifest of something else',
      (path) => fs.writeFileSync(join(path, 'manifest.json'), '{}'),
      'not the manifest of a bundle',
    ],
    [
      'a manifest of null',
      (path) => fs.writeFileSync(join(path, 'manifest.json'), 'null'),
      'not the manifest of a bundle',
    ],
    [
      'a manifest edited by hand',
      (path) => {
        const file = join(path, 'manifest.json');
        fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"runs": 2', '"runs": 1'));
      },
      'manifest.json: it was edited',
    ],
    [
      'another seed',
      (path) => edit(path, (manifest) => (manifest.seed = 6)),
      'prefix asks a case of linear that is not among its',
    ],
    [
      'a version to come',
      (path) => edit(path, (manifest) => Object.assign(manifest, { version: 2 })),
      'version 2 of the format, where 1 is known',
    ],
    [
      'another version of the suite',
      (path) => edit(path, (manifest) => (manifest.madeBy = 'somebody 9.9')),
      'made by somebody 9.9, this is',
    ],
    [
      'a name that leads out of the folder',
      (path) => edit(path, ({ rounds: [{ cases }] }) => (cases.file = '../../etc/passwd')),
      'at /rounds/0/cases/file must match pattern',
    ],
    [
      'the name of another round',
      (path) => edit(path, ({ rounds: [{ cases }] }) => (cases.file = 'round-2.cases')),
      'file round-2.cases, where round-1.cases is wanted',
    ],
    [
      'a law that nobody knows',
      (path) => edit(path, (manifest) => manifest.laws.push('no-law')),
      'unknown law "no-law"',
    ],
    [
      'sections that overlap',
      (path) => edit(path, ({ rounds: [{ sections }] }) => (sections[1].first = 0)),
      'is out of place',
    ],
    [
      'more cases than there are',
      (path) =>
        edit(path, ({ rounds: [{ cases, sections }] }) => {
          cases.messages++;
          sections[1].cases++;
        }),
      'round-1.cases: cut off: no case',
    ],
  ];
  it.each(ways)('%s', async (_, spoil, message) => {
    const path = await copy();
    spoil(path);
    const error = await judgeBundle(path).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(BadBundle);
    expect((error as Error).message).toContain(message);
  });

  it('an answer of another shape is an error of the law, and its numbers are not read', async () => {
    const path = await copy();
    rewrite(path, (text) => {
      const [, shape] = /"name":"o","dtype":"float64","shape":\[([\d,]+)\]/.exec(text) as RegExpExecArray;
      return text.replace(`[${shape}]`, `[1,${shape}]`);
    });
    const [verdict] = await verdictsOf(path);
    expect(verdict.status).toBe('error');
    expect(verdict.reason).toMatch(/broke-protocol: tensor o of shape \[1,/);
  });

  it('a bundle that is replaced loses its answers, and nothing else is left', async () => {
    const path = await copy();
    const { description, seed, runs } = readManifest(path);
    const options = { description, laws: pickLaws('prefix'), systems: pickSystems('linear'), dtypes: ['float64'] };
    await makeBundle({ ...options, folder: path, seed, runs, force: true, expected: false });
    const names = ['README.txt', 'manifest.json', 'round-1.cases', 'round-1.expected', 'run.py'];
    expect(fs.readdirSync(path).sort()).toEqual(names);
    expect(fs.statSync(join(path, 'round-1.expected')).size).toBe(0);
    expect(ask(path, command).status).toBe(0);
    expect(fs.readdirSync(folder).filter((name) => name.includes('part'))).toEqual([]);
  });

  it('what is no bundle is not written over', async () => {
    const path = fresh();
    fs.mkdirSync(path);
    expect(occupied(path)).toBeNull();
    fs.writeFileSync(join(path, 'thesis.tex'), '');
    expect(occupied(path, true)).toBe('it is not empty, and no bundle');
    fs.writeFileSync(join(path, 'manifest.json'), '{"name": "an app"}');
    expect(occupied(path, true)).toBe('its manifest.json is not that of a bundle');
    const bundle = await copy();
    expect(occupied(bundle)).toContain('--force replaces it');
    expect(occupied(bundle, true)).toBeNull();
  });
});

describe('the schemas of bundles', () => {
  it.each(Object.entries(bundleSchemas))('docs/schemas/bundle-%s.json is what is checked', (name, schema) => {
    const stored = JSON.parse(fs.readFileSync(`docs/schemas/bundle-${name}.json`, 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(schema)));
  });
});
