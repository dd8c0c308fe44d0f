/** npz against numpy, and safetensors against its reference implementation; skipped where there is no Python that has them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { formats } from '../../fixtures/formats/all.ts';
import { type GivenAnswer, readAnswer } from '../../fixtures/formats/answers.ts';
import { encode, STORAGE_BYTES } from '../../fixtures/formats/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../fixtures/formats/safetensors.ts';
import { fixtureArbitrary, plainFixture } from '../unit/random-fixtures.ts';
import { pythonWith } from './programs.ts';

const numpy = pythonWith('numpy');
const safetensors = pythonWith('safetensors.numpy');

const folder = mkdtempSync(join(tmpdir(), 'lla-numpy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a script prints, run in the folder. */
function run(python: string, ...lines: string[]): string {
  const { stdout, stderr, status } = spawnSync(python, ['-c', lines.join('\n')], { cwd: folder, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

describe.skipIf(numpy === undefined)('numpy', () => {
  const python = numpy as string;

  const saves = ['np.savez', 'np.savez_compressed'];
  it.each(saves)('what %s writes is read as an answer', async (save) => {
    run(
      python,
      'import numpy as np',
      'o = np.arange(24.0).reshape(2, 3, 4) / 7',
      'o[0, 0, 0] = np.nan',
      'o[0, 0, 1] = -0.0',
      'arrays = {"o": o, "finalState": np.asfortranarray(o.astype("f4")), "position": np.array([2**40])}',
      'arrays["gradients.q"] = o.T.astype("f2")',
      'arrays["gradients.k"] = o[:, ::2]',
      'arrays["gradients.v"] = np.zeros((0, 3))',
      'arrays["gradients.g"] = np.float64(0.5)',
      'arrays["gradients.beta"] = np.zeros(100000)',
      `${save}("answer.npz", **arrays)`,
    );
    const bytes = readFileSync(join(folder, 'answer.npz'));
    const { o, finalState, position, gradients } = (await readAnswer(bytes, 'x', 'npz')) as GivenAnswer;
    const wanted = Float64Array.from({ length: 24 }, (_, i) => [Number.NaN, -0][i] ?? i / 7);
    expect(o.shape).toEqual([2, 3, 4]);
    expect(o.data).toEqual(wanted);
    expect(finalState?.shape).toEqual([2, 3, 4]);
    expect(finalState?.data).toEqual(wanted.map(Math.fround));
    expect(position).toEqual([2 ** 40]);
    expect(gradients?.q?.shape).toEqual([4, 3, 2]);
    expect(gradients?.q?.get(3, 2, 1)).toBeCloseTo(23 / 7, 2);
    expect(gradients?.k?.shape).toEqual([2, 2, 4]);
    expect(gradients?.k?.get(1, 1, 3)).toBe(23 / 7);
    expect(gradients?.v?.shape).toEqual([0, 3]);
    expect([...(gradients?.g?.data ?? [])]).toEqual([0.5]);
    expect(gradients?.beta?.shape).toEqual([100_000]);
  });

  it.each([1, 2, 3])('headers of version %d.0 are read', async (version) => {
    run(
      python,
      'import numpy as np, zipfile',
      'with zipfile.ZipFile("v.npz", "w") as z, z.open("o.npy", "w") as f:',
      `  np.lib.format.write_array(f, np.array([1.5, 2.5]), version=(${version}, 0))`,
    );
    const { o } = (await readAnswer(readFileSync(join(folder, 'v.npz')), 'x', 'npz')) as GivenAnswer;
    expect([...o.data]).toEqual([1.5, 2.5]);
  });

  it('an archive that was written into a pipe, sizes behind the data', async () => {
    run(
      python,
      'import numpy as np, io',
      'class Pipe(io.RawIOBase):',
      '  def __init__(self): self.file = open("pipe.npz", "wb")',
      '  def writable(self): return True',
      '  def write(self, data): return self.file.write(data)',
      '  def flush(self): self.file.flush()',
      '  def read(self, size=-1): raise OSError',
      'np.savez_compressed(Pipe(), o=np.arange(100.0), finalState=np.ones(3))',
    );
    const { o } = (await readAnswer(readFileSync(join(folder, 'pipe.npz')), 'x', 'npz')) as GivenAnswer;
    expect(o.get(99)).toBe(99);
  });

  it.each([
    ['np.array([None])', 'an array of Python objects'],
    ['np.zeros(1, [("a", "f4")])', 'it is a structure'],
    ['np.zeros(1, ">f8")', 'dtype ">f8"'],
    ['np.zeros(1, "c16")', 'dtype "<c16"'],
    ['np.array(["a"])', 'dtype "<U1"'],
    ['np.zeros(1, bool)', 'dtype "|b1"'],
  ])('%s is refused', async (array, message) => {
    run(python, 'import numpy as np', `np.savez("bad.npz", o=${array})`);
    const bytes = readFileSync(join(folder, 'bad.npz'));
    await expect(readAnswer(bytes, 'x', 'npz')).rejects.toThrow(message);
  });

  it('reads ours without pickles, the same numbers bit for bit', async () => {
    const fixtures = [plainFixture(), ...fc.sample(fixtureArbitrary, { seed: 1, numRuns: 30 })];
    const names: string[] = [];
    for (const [i, fixture] of fixtures.entries()) {
      writeFileSync(join(folder, `${i}.npz`), await formats.npz.write(fixture));
      names.push(`${i}.npz`);
    }
    const script = [
      'import numpy as np, json',
      'all = []',
      `for name in ${JSON.stringify(names)}:`,
      '  with np.load(name, allow_pickle=False) as z:',
      '    arrays = {k: [z[k].dtype.str, list(z[k].shape), z[k].tobytes().hex()] for k in z.files if k != "meta"}',
      '    all.append([json.loads(z["meta"].item()), arrays])',
      'print(json.dumps(all))',
    ];
    const read = JSON.parse(run(python, ...script)) as [object, Record<string, [string, number[], string]>][];
    for (const [i, { header, tensors }] of fixtures.entries()) {
      const [meta, arrays] = read[i];
      expect(meta).toMatchObject({ format: 'lla-fixture', version: 1, name: header.name, probes: header.probes });
      expect(Object.keys(arrays)).toEqual(tensors.map(({ name }) => name));
      for (const { name, shape, storage, data } of tensors) {
        const held = storage === 'bfloat16' ? 'float32' : storage;
        const dtype = `<${storage === 'int64' ? 'i' : 'f'}${STORAGE_BYTES[held]}`;
        expect(arrays[name]).toEqual([dtype, shape, Buffer.from(encode(data, held)).toString('hex')]);
      }
    }
  });

  it('writes the same headers as we do', async () => {
    writeFileSync(join(folder, 'own.npz'), await formats.npz.write(plainFixture()));
    const script = [
      'import numpy as np, io, zipfile',
      'z = np.load("own.npz", allow_pickle=False)',
      'for name in z.files:',
      '  written = io.BytesIO()',
      '  np.lib.format.write_array(written, z[name], allow_pickle=False)',
      '  print(written.getvalue() == zipfile.ZipFile("own.npz").read(name + ".npy"))',
    ];
    expect(
      new Set(
        run(python, ...script)
          .trim()
          .split('\n'),
      ),
    ).toEqual(new Set(['True']));
  });
});

describe.skipIf(safetensors === undefined)('the reference implementation of safetensors', () => {
  const python = safetensors as string;

  it('writes the same bytes, and reads ours', () => {
    run(
      python,
      'import numpy as np',
      'from safetensors.numpy import load_file, save_file',
      'arrays = {"b": np.arange(3.0), "a": np.ones((2, 2), "f2"), "n": np.array([7]), "none": np.zeros((0, 3), "f4")}',
      'arrays.update(i=np.ones(1, "i4"), u=np.ones(3, "u1"), d=np.ones((), "f4"), t=np.ones(1, bool), s=np.ones(1, "i1"))',
      'save_file(arrays, "theirs.safetensors", {"format": "pt"})',
    );
    const theirs = readFileSync(join(folder, 'theirs.safetensors'));
    const { tensors, metadata } = readSafetensors(theirs, 'x');
    expect(tensors).toHaveLength(9);
    expect(Buffer.from(writeSafetensors(tensors.reverse(), metadata)).equals(theirs)).toBe(true);
    writeFileSync(join(folder, 'ours.safetensors'), formats.safetensors.write(plainFixture()) as Uint8Array);
    const script = [
      'import json',
      'from safetensors import safe_open',
      'with safe_open("ours.safetensors", "np") as f:',
      '  print(json.dumps([f.metadata(), {k: f.get_tensor(k).ravel().tolist() for k in f.keys()}]))',
    ];
    const [header, read] = JSON.parse(run(python, ...script));
    expect(header).toMatchObject({
      format: 'lla-fixture',
      version: '1',
      name: 'plain',
      scale: '0.5',
      flags: '["tiny"]',
    });
    expect(read['inputs.q']).toEqual([1, -0]);
    expect(read['expected.position']).toEqual([1]);
  });
});
