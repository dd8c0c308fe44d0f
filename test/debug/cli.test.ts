/** `lla debug` as it is used: with a program that is wrong on purpose, with an answer in a file, and with whatever is no case. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundsToJson } from '../../gate/bounds-json.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { answerToJson, caseToJson, jsonText, tensorToJson } from '../../reference/case-json.ts';
import { type Intermediates, intermediatesOf } from '../../reference/intermediates.ts';
import { compute } from '../../reference/operator.ts';
import { lla, pythonWith } from '../external/programs.ts';
import { makeCase } from './failing.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-debug-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const put = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const debug = (...args: string[]) => lla(['debug', ...args], folder);

const python = pythonWith('numpy');
/** The numpy example with the level of t - s in place of t xor s. */
const WRONG = `
import sys
sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})
import numpy as np
import numpy_example as example
from lla_adapter import serve

def by_distance(first, T):
    t = np.arange(T)
    rest = np.maximum(t[:, None] - t[None, :], 0)
    levels = np.zeros((T, T), int)
    while rest.any():
        levels += rest > 0
        rest >>= 1
    return levels

if not {"--right", "--late", "--mask"} & set(sys.argv):
    example.level_table = by_distance

def forward(case):
    if "--crash" in sys.argv:
        sys.exit("no memory left")
    answer = example.forward(case)
    if "--late" in sys.argv and case.position[0] > 0:
        answer["o"] = 2 * answer["o"]
    if "--mask" in sys.argv:
        answer["o"] = answer["o"] + 0 * case.v.sum(axis=1, keepdims=True)
    return answer

serve(forward, example.backward, name="example", systems=["log-linear-mamba2"], dtypes=["float32", "float64"], state=True)
`;

const c = makeCase('log-linear-mamba2', { T: 6, H: 1, K: 2, V: 2 });
const shifted = (by: number, of = c): Answer => {
  const answer = compute(of);
  for (let i = 6; i < answer.o.data.length; i++) answer.o.data[i] += by;
  return answer;
};
const caseText = (of: Case): string => jsonText(caseToJson(of));
const fixtureText = (dtype: string): string => {
  const answer = compute(c);
  const bounds = boundsToJson(boundsOf(c, findPrecision(dtype) as Precision), answer);
  const about = { name: 'made-up', probes: 'Whether it is read.', flags: [], dtype };
  const { o, finalState, position } = answerToJson(answer);
  return jsonText({ ...about, ...caseToJson(c), expected: { o, finalState, position }, bounds });
};

let program: string[];
beforeAll(() => {
  put('case.json', caseText({ ...c, law: 'forward-equals-masked', seed: 1, path: '0' }));
  put('fixture.json', fixtureText('float64'));
  put('right.json', jsonText(answerToJson(compute(c))));
  put('wrong.json', jsonText(answerToJson(shifted(0.5))));
  put('text.json', '{"system": ');
  put('empty.json', '{}');
  program = [python as string, put('adapter.py', WRONG)];
});

describe.skipIf(!python).concurrent('a program', () => {
  it('that is wrong: where, what instead, what is likely, the smallest case, and files', async () => {
    const files = ['--html', 'deep/why.html', '--python', 'test_torch.py', '--numpy', 'test_numpy.py'];
    const dtype = ['--dtype', 'float64', '--seconds', '100'];
    const { status, text } = await debug(
      'case.json',
      ...dtype,
      ...files,
      '--typescript',
      'case.test.ts',
      '--',
      ...program,
    );
    expect(status, text).toBe(1);
    for (const part of ['✗ example float64 · log-linear-mamba2 in float64', 'smallest case', 'T 3 · H 1', 'again']) {
      expect(text).toContain(part);
    }
    expect(text).toContain(`npx lla debug case.json --dtype float64 --seconds 100 -- ${program.join(' ')}`);
    expect(text).toMatch(/debug: asking\n[\s\S]*debug: localising\n[\s\S]*debug: probing\n[\s\S]*debug: minimising/);
    expect(text).toMatch(/most likely\n.*bit length of t - s/s);
    expect(readFileSync(at('deep/why.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(readFileSync(at('test_numpy.py'), 'utf8')).toContain('import numpy as np');
    expect(readFileSync(at('test_torch.py'), 'utf8')).toContain('import torch');
    expect(readFileSync(at('case.test.ts'), 'utf8')).toContain("from 'log-linear-attention-conformance'");
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('that is wrong, as JSON, without the stages that were left out', async () => {
    const without = ['--no-probe', '--no-minimise', '--no-diagnose'];
    const { status, text } = await debug('case.json', '--json', ...without, '--', ...program);
    expect(status).toBe(1);
    const json = JSON.parse(text.split('\n').find((line) => line.startsWith('{')) as string);
    expect(json).toMatchObject({ version: 1, precision: 'float32', probed: null, minimised: null, diagnosis: null });
    expect(json.notes).toContain('the case is rounded to float32');
  });

  it('that is right: says so, suggests, and writes no tests', async () => {
    const { status, text } = await debug('case.json', '--numpy', 'none.py', '--', ...program, '--right');
    expect(status, text).toBe(0);
    expect(text).toContain('every output is within its bounds');
    expect(text).toContain('lla gate --save');
    expect(text).toContain('--numpy none.py is not written: nothing is wrong');
    expect(existsSync(at('none.py'))).toBe(false);
  });

  it('that a law fails although the answer to its case is right: what else the law asks is looked at', async () => {
    const late = [...program, '--late'];
    for (const option of ['--save', '--kept']) {
      const law = ['--law', 'split-through-state', '--dtype', 'float64', '--runs', '30'];
      const gate = await lla(['gate', ...law, option, at('late'), '--', ...late], folder);
      expect(gate.status, gate.text).toBe(1);
    }
    const files = readdirSync(at('late'));
    expect(files).toHaveLength(2);
    for (const name of files) {
      const { status, text } = await debug(
        join('late', name),
        '--no-minimise',
        '--no-diagnose',
        '--no-probe',
        '--',
        ...late,
      );
      expect(status, text).toBe(1);
      expect(text).toMatch(/this is number 2 of the \d cases that the law split-through-state asks/);
      expect(text).toMatch(/elements of o are wrong/);
    }
  });

  it('that is right by every bound, and lets NaN through from behind', async () => {
    const mask = [...program, '--mask'];
    const law = ['--law', 'causal-forward-nonfinite', '--dtype', 'float64', '--enforce-recommended'];
    const gate = await lla(['gate', ...law, '--save', at('mask'), '--', ...mask], folder);
    expect(gate.status, gate.text).toBe(1);
    const [name] = readdirSync(at('mask'));
    const { status, text } = await debug(join('mask', name), '--no-minimise', '--', ...mask);
    expect(status, text).toBe(1);
    expect(text).toContain('every output is within its bounds');
    expect(text).toMatch(/most likely\n .*0 times NaN is NaN/);
    expect(text).toMatch(/a NaN in v at position \d+ reaches o at position 0/);
  });

  it('that gives no answer, or cannot be spoken with', async () => {
    const crashed = await debug('case.json', '--', ...program, '--crash');
    expect(crashed.status, crashed.text).toBe(1);
    expect(crashed.text).toContain('no memory left');
    const silent = await debug('case.json', '--', python as string, '-c', 'pass');
    expect(silent.status, silent.text).toBe(3);
    const absent = await debug('case.json', '--', './not-there');
    expect(absent.status, absent.text).toBe(3);
    const dtype = await debug('case.json', '--dtype', 'bfloat16', '--', ...program);
    expect(dtype).toMatchObject({ status: 2 });
    expect(dtype.text).toContain('the program does not compute in bfloat16; it has float32, float64');
  });
});

/** Linear attention in chunks of two that shows its steps; the chunk states begin to be wrong at a chunk, or a level's outputs. */
const STEPS = `
import sys
sys.path.insert(0, ${JSON.stringify(resolve('adapters/python'))})
import numpy as np
from lla_adapter import serve

def forward(case):
    q, k, v, lam = (x.astype("float64") for x in (case.q, case.k, case.v, case.lambda_))
    B, T, H, L = lam.shape
    states = np.zeros((B, T, H, L, q.shape[3], v.shape[3]))
    now = np.zeros((B, H, L, q.shape[3], v.shape[3]))
    pairs = k[..., :, None] * v[..., None, :]
    for t in range(T):
        z = (t & -t).bit_length() - 1
        if t > 0:
            now[:, :, z + 1] = now[:, :, :z + 1].sum(2)
            now[:, :, :z + 1] = 0
        now[:, :, 0] = pairs[:, t]
        states[:, t] = now
    padded = np.concatenate([pairs, np.zeros_like(pairs[:, :T % 2])], axis=1)
    chunks = padded.reshape(B, -1, 2, *pairs.shape[2:]).sum(2)
    parts = lam[..., None] * np.einsum("bthk,bthlkv->bthlv", q, states)
    if "chunk" in sys.argv:
        chunks[:, 1] = 0
        parts[:, 4:, :, 2] *= 0.5
    if "level" in sys.argv:
        parts[:, 4:, :, 2] *= 0.5
    if "shape" in sys.argv and case.intermediates:
        parts = parts[:, 1:]
    steps = {"chunk_states": chunks, "states": states, "level_outputs": parts}
    assert case.intermediates in ((), tuple(steps))
    return {"o": parts.sum(3).astype(case.v.dtype), **{name: steps[name].astype("f4") for name in case.intermediates}}

serve(forward, name="steps", systems=["log-linear-linear"], dtypes=["float32"], chunk_size=2,
      intermediates=["chunk_states", "states", "level_outputs"])
`;

describe.skipIf(!python).concurrent('a program that shows steps on the way', () => {
  const told = async (...way: string[]): Promise<string> => {
    put('linear.json', caseText(makeCase('log-linear-linear', { T: 7, H: 2, G: 2, K: 2, V: 2 })));
    const only = ['--no-diagnose', '--no-minimise', '--no-probe'];
    return (await debug('linear.json', ...only, '--', python as string, put('steps.py', STEPS), ...way)).text;
  };

  it('has the first wrong one named, and which are right before it', async () => {
    const chunk = await told('chunk');
    expect(chunk).toMatch(
      /the first wrong step is chunkStates: 8 of 32 elements .* first batch row 0, chunk 1, head 0/s,
    );
    const level = (await told('level')).replace(/\s+/g, ' ');
    expect(level).toMatch(/the first wrong step is levelOutputs: .*, level 2 alone, .* first batch row 0, position 6/);
    expect(level).toContain('chunkStates, states are right');
  });

  it('is not accused where they are right, and one that cannot give them is still debugged', async () => {
    expect(await told('right')).toContain('chunkStates, states, levelOutputs: nothing is wrong');
    const shape = await told('shape', 'level');
    expect(shape).toContain('asking for steps ended early');
    expect(shape).toContain('elements of o are wrong');
  });

  it('is asked for them by a check of the protocol', async () => {
    const { status, text } = await lla(
      ['gate', '--check-protocol', '--', python as string, put('steps.py', STEPS)],
      folder,
    );
    expect(status, text).toBe(0);
    expect(text).toContain('intermediates.chunkStates [1,3,1,4,3]');
  });
});

describe.concurrent('an answer in a file', () => {
  it('to a fixture, by the bounds of the fixture', async () => {
    const wrong = await debug('fixture.json', '--answer', 'wrong.json');
    expect(wrong.status, wrong.text).toBe(1);
    expect(wrong.text).toContain('there is only an answer');
    expect(wrong.text).toContain('o over the position');
    const right = await debug('fixture.json', '--answer', 'right.json');
    expect(right.status, right.text).toBe(0);
  });

  it('in a precision that is asked for', async () => {
    put('near.json', jsonText(answerToJson(shifted(1e-5))));
    const asked = ['--answer', 'near.json', '--no-diagnose'];
    expect((await debug('case.json', ...asked)).status).toBe(1);
    expect((await debug('case.json', ...asked, '--precision', 'bfloat16')).status).toBe(0);
  });

  it('that shows steps: the first wrong one', async () => {
    const steps = intermediatesOf(c) as Required<Intermediates>;
    const states = tensorToJson(steps.states);
    states.data[20] = 100;
    const intermediates = { chunkStates: tensorToJson(steps.chunkStates), states };
    put('steps.json', jsonText({ ...answerToJson(shifted(0.5)), intermediates }));
    const { status, text } = await debug('case.json', '--answer', 'steps.json', '--no-diagnose');
    expect(status, text).toBe(1);
    expect(text).toContain('the first wrong step is states');
    put('unknown.json', jsonText({ ...answerToJson(shifted(0.5)), intermediates: { qk: states } }));
    const unknown = await debug('case.json', '--answer', 'unknown.json');
    expect(unknown.status, unknown.text).toBe(2);
    expect(unknown.text).toContain('intermediates.qk, where chunkStates');
  });

  it('of another shape is wrong, and says so', async () => {
    const { o, ...rest } = answerToJson(compute(c));
    put('flat.json', jsonText({ ...rest, o: { ...o, shape: [6, 2] } }));
    const { status, text } = await debug('case.json', '--answer', 'flat.json');
    expect(status, text).toBe(1);
    expect(text).toContain('o has shape [6,2], where [1,6,1,2] is wanted');
  });
});

describe.concurrent('a form of ours', () => {
  it.each([
    ['--form', 'masked'],
    ['--form', 'gpu'],
  ])('%s %s is right', async (...form) => {
    const { status, text } = await debug('case.json', ...form);
    expect(status, text).toBe(0);
  });
});

describe.concurrent('files with a case', () => {
  it('a counterexample that the gate kept', async () => {
    const kept = { version: 1, law: 'forward-equals-masked', dtype: 'float64', extras: {}, case: caseToJson(c) };
    put('one.kept.json', jsonText(kept));
    expect((await debug('one.kept.json', '--answer', 'wrong.json', '--no-diagnose')).status).toBe(1);
  });

  it.skipIf(!python)('what lla gate saved: its output says how to go on', async () => {
    const gate = ['gate', '--law', 'forward-equals-masked', '--runs', '30', '--save', 'saved', '--dtype', 'float64'];
    const { status, text } = await lla([...gate, '--', ...program], folder);
    expect(status, text).toBe(1);
    const [, line] = text.match(/^debug npx lla (debug .*)$/m) as RegExpMatchArray;
    const [, file, options] = line.match(/^debug (\S+) (.*) -- /) as RegExpMatchArray;
    expect(existsSync(at(file))).toBe(true);
    const args = [file, ...options.split(' '), '--no-probe', '--no-diagnose', '--', ...program];
    expect((await debug(...args)).status).toBe(1);
  });
});

describe.concurrent('what is no use', () => {
  it.each<[string, string[], RegExp]>([
    ['nobody to debug', ['case.json'], /say who is debugged/],
    ['two to debug', ['case.json', '--form', 'masked', '--answer', 'right.json'], /one alone/],
    ['no file', ['none.json', '--form', 'masked'], /none\.json \(ENOENT.*a file that can be read/],
    ['no JSON', ['text.json', '--form', 'masked'], /text that is not JSON/],
    ['no case', ['empty.json', '--form', 'masked'], /system/],
    ['no answer file', ['case.json', '--answer', 'none.npz'], /none\.npz.*give a file that can be read/],
    ['an unknown form', ['case.json', '--form', 'mask'], /unknown form 'mask'/],
    ['an unknown precision', ['case.json', '--form', 'masked', '--precision', 'float8'], /unknown precision/],
    ['another precision of a form', ['case.json', '--form', 'masked', '--precision', 'float32'], /float64 alone/],
    ['a page in a file', ['case.json', '--form', 'masked', '--html', 'case.json/why.html'], /--html .*can be written/],
    [
      'a file twice',
      ['case.json', '--form', 'masked', '--html', 'a', '--python', './a'],
      /give each a file of its own/,
    ],
    ['no seconds', ['case.json', '--form', 'masked', '--seconds', '0'], /positive integer/],
  ])('%s is exit code 2, in one message', async (_, args, message) => {
    const { status, text } = await debug(...args);
    expect(status, text).toBe(2);
    expect(text).toMatch(message);
    expect(text).not.toMatch(/\n\s+at /);
  });
});
