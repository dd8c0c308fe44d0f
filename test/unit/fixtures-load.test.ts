/** Manifests, and folders of fixtures that are read without trust. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Fixture } from '../../fixtures/fixture.ts';
import { FORMAT_NAMES, formats } from '../../fixtures/formats/all.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { answerOf, boundsIn, caseOf, loadFixtures } from '../../fixtures/load.ts';
import { type Manifest, manifestSchema, manifestText, parseManifest, tensorsOf } from '../../fixtures/manifest.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { mutated, randomFrom } from './mutated.ts';
import { plainFixture } from './random-fixtures.ts';

const root = mkdtempSync(join(tmpdir(), 'lla-fixtures-'));
afterAll(() => rmSync(root, { recursive: true }));

const FOLDER = 'v1-small-json-safetensors-npz';
let folders = 0;

/** Input that is refused: lambda is not there. */
const refused: Fixture = {
  header: {
    ...plainFixture().header,
    name: 'refused.float32',
    system: 'log-linear-linear',
    error: { kind: 'invalid-input', argument: 'lambda' },
  },
  tensors: plainFixture().tensors.slice(0, 3),
};

/** A folder with both fixtures in every format, and its manifest. */
async function folder(): Promise<{ dir: string; manifest: Manifest }> {
  const dir = join(root, `${folders++}`);
  mkdirSync(join(dir, FOLDER), { recursive: true });
  const cases: Manifest['cases'] = [];
  for (const fixture of [plainFixture(), refused]) {
    const { name, system, probes, flags, dtype, error } = fixture.header;
    const files: Manifest['cases'][number]['files'] = {};
    for (const format of FORMAT_NAMES) {
      const bytes = await formats[format].write(fixture);
      const file = `${name}.${formats[format].extension}`;
      writeFileSync(join(dir, FOLDER, file), bytes);
      files[format] = { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    }
    const sizes = { B: 1, T: 1, G: 1, H: 1, K: 2, V: 1 };
    cases.push({ name, system, probes, flags, dtype, sizes, tensors: tensorsOf(fixture), error, files });
  }
  const manifest: Manifest = {
    format: 'lla-fixtures',
    version: 1,
    catalogue: 1,
    set: 'small',
    seed: 1,
    folder: FOLDER,
    formats: [...FORMAT_NAMES],
    cases,
  };
  writeFileSync(join(dir, 'manifest.json'), manifestText(manifest));
  return { dir, manifest };
}

const { dir: whole, manifest: known } = await folder();

describe('a manifest', () => {
  const text = manifestText(known);

  it('docs/schemas/fixtures-manifest.json is what is checked', () => {
    const stored: unknown = JSON.parse(readFileSync('docs/schemas/fixtures-manifest.json', 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(manifestSchema)));
  });

  it('without a fixture is none', () => {
    const empty = manifestText({ ...known, cases: [] });
    expect(() => parseManifest(empty, 'm')).toThrow(/^m: at \/cases must be .*there are no fixtures in this folder$/);
  });

  it('is read as it was, and has the same text whatever the order of its fields', () => {
    const back = parseManifest(text, 'm');
    expect(back).toEqual(JSON.parse(JSON.stringify(known)));
    const turned = JSON.parse(JSON.stringify(back), (_, value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    );
    expect(manifestText(turned)).toBe(text);
    expect(text.split('\n')).toHaveLength(14);
    expect(manifestText({ ...known, cases: [] })).toContain('  "cases": []\n}\n');
  });

  const wrongs: [string, string, string, string][] = [
    ['is no JSON', '{', '', 'text that is not JSON'],
    ['has a field twice', '"version"', '"seed": 1, "version"', 'text with "seed" twice'],
    ['is of another format', '"lla-fixtures"', '"lla-bundle"', 'at /format must be equal to "lla-fixtures"'],
    ['is of another version', '"version": 1', '"version": 2', 'at /version'],
    ['has an unknown field', '"set"', '"sets"', 'must have required property'],
    ['has __proto__', '"set"', '"__proto__": {}, "set"', 'must not have a field "'],
    [
      'has a path upwards as its folder',
      `"${FOLDER}"`,
      '".."',
      'at /folder must be the name of a folder beside the manifest, such as v1-small-json: no path',
    ],
    [
      'has an absolute folder',
      `"${FOLDER}"`,
      '"/v1-small-json"',
      'at /folder must be the name of a folder beside the manifest, such as v1-small-json: no path',
    ],
    [
      'has a folder in a folder',
      `"${FOLDER}"`,
      '"v1-small/json"',
      'at /folder must be the name of a folder beside the manifest, such as v1-small-json: no path',
    ],
    [
      'has a folder with a backslash',
      `"${FOLDER}"`,
      '"v1-small\\\\json"',
      'at /folder must be the name of a folder beside the manifest, such as v1-small-json: no path',
    ],
    [
      'has a folder with a newline',
      `"${FOLDER}"`,
      '"v1-small-json\\n"',
      'at /folder must be the name of a folder beside the manifest, such as v1-small-json: no path',
    ],
    [
      'has a file elsewhere',
      '"plain.json"',
      '"../plain.json"',
      'file must be the name of a file alone, in small letters, digits, dots and dashes: no path, and with .json',
    ],
    ['has an absolute file', '"plain.json"', '"/etc/plain.json"', 'no path'],
    ['has a file with a backslash', '"plain.json"', '"a\\\\plain.json"', 'no path'],
    [
      'has a file of another name',
      '"plain.json"',
      '"other.json"',
      'plain: file "other.json", where plain.json is wanted',
    ],
    ['has a file of another format', '"plain.json"', '"plain.npz"', 'with .json at its end'],
    ['has a case twice', '"refused.float32"', '"plain"', 'two cases plain'],
    [
      'has a name with a slash',
      '"name":"plain"',
      '"name":"a/plain"',
      'at /cases/0/name must be small letters, digits, dots and dashes',
    ],
    [
      'has a name that begins with a dot',
      '"name":"plain"',
      '"name":".plain"',
      'at /cases/0/name must be small letters, digits, dots and dashes',
    ],
    ['has no file in a format', '"json":{"file":"plain.json"', '"txt":{"file":"plain.json"', 'must not have a field "'],
    ['lacks a format', '"json","safetensors","npz"', '"json","npz"', 'plain: a file in safetensors, which is none'],
    ['has no format', '["json","safetensors","npz"]', '[]', 'at /formats must NOT have fewer than 1'],
    ['has a negative size', '"T":1', '"T":-1', 'at /cases/0/sizes/T must be >= 0'],
    ['has half a size', '"T":1', '"T":0.5', 'at /cases/0/sizes/T must be integer'],
    ['has an unknown tensor', '"inputs.q":', '"inputs.z":', 'at /cases/0/tensors must not have a field "inputs.z"'],
    ['has an unknown storage', '"storage":"float32"', '"storage":"int8"', 'storage must be equal to one of "float64"'],
    ['has a hash that is none', '"sha256":"', '"sha256":"x', 'must be 64 hexadecimal digits'],
  ];
  it.each(wrongs)('that %s is refused', (_, from, to, message) => {
    const spoilt = from === '{' ? '{' : text.replace(from, to);
    expect(spoilt).not.toBe(text);
    expect(() => parseManifest(spoilt, 'm')).toThrow(BadFixture);
    expect(() => parseManifest(spoilt, 'm')).toThrow(message);
  });

  it('without a file in one of its formats is refused', () => {
    const manifest = JSON.parse(text) as Manifest;
    delete manifest.cases[1].files.npz;
    expect(() => parseManifest(JSON.stringify(manifest), 'm')).toThrow('m: refused.float32: no file in npz');
  });

  it('changed at random is refused, or is one that is written and read as the same', () => {
    const random = randomFrom(1);
    const bytes = Buffer.from(text);
    for (let file = 0; file < 1000; file++) {
      try {
        const manifest = parseManifest(mutated(bytes, bytes, random).toString('utf8'), 'm');
        expect(parseManifest(manifestText(manifest), 'm')).toEqual(manifest);
      } catch (error) {
        if (!(error instanceof BadFixture)) throw error;
      }
    }
  });
});

describe('loadFixtures', () => {
  it.each(FORMAT_NAMES)('reads every case in %s', async (format) => {
    const loaded = loadFixtures(whole, { format });
    const fixtures: Fixture[] = [];
    for await (const fixture of loaded) fixtures.push(fixture);
    expect(fixtures).toStrictEqual([plainFixture(), refused]);
    expect(await loaded.read('refused.float32')).toStrictEqual(refused);
    expect(loaded.manifest).toEqual(JSON.parse(JSON.stringify(known)));
  });

  it('a case is answered as its fixture expects', async () => {
    const fixture = await loadFixtures(whole).read('plain');
    const answer = compute(caseOf(fixture));
    expect(answer.o.data).toEqual(answerOf(fixture)?.o.data);
    expect(answer.finalState?.data).toEqual(answerOf(fixture)?.finalState?.data);
    expect(answer.position).toEqual(answerOf(fixture)?.position);
    expect([...boundsIn(fixture).o.data]).toEqual([1e-6]);
    expect(Object.is((caseOf(fixture).inputs.q as Tensor).get(0, 0, 0, 1), -0)).toBe(true);
  });

  it('input that is refused makes a case, which compute refuses', async () => {
    const fixture = await loadFixtures(whole).read('refused.float32');
    expect(answerOf(fixture)).toBeUndefined();
    expect(() => compute(caseOf(fixture))).toThrow(InvalidInput);
  });

  it('what is not there', async () => {
    expect(() => loadFixtures(join(root, 'nowhere'))).toThrow('manifest.json: ENOENT');
    expect(() => loadFixtures(whole, { format: 'txt' as 'json' })).toThrow('manifest.json: no files in "txt"');
    await expect(loadFixtures(whole).read('other')).rejects.toThrow('manifest.json: no case "other"');
    await expect(loadFixtures(whole, { largest: 100 }).read('plain')).rejects.toThrow('where at most 100 are wanted');
  });

  const elsewhere = join(root, 'elsewhere');
  writeFileSync(elsewhere, '{}');

  const plain = (dir: string): string => join(dir, FOLDER, 'plain.json');
  const spoils: [string, (dir: string) => void, string][] = [
    [
      'a file that is a link',
      (dir) => {
        rmSync(plain(dir));
        symlinkSync(elsewhere, plain(dir));
      },
      'a symbolic link',
    ],
    [
      'a folder that is a link',
      (dir) => {
        renameSync(join(dir, FOLDER), join(dir, 'a'));
        symlinkSync(join(dir, 'a'), join(dir, FOLDER));
      },
      'is not there, or no folder',
    ],
    [
      'a folder that is not there',
      (dir) => rmSync(join(dir, FOLDER), { recursive: true }),
      'is not there, or no folder',
    ],
    ['a file that is not there', (dir) => rmSync(plain(dir)), 'ENOENT'],
    [
      'a file that is a folder',
      (dir) => {
        rmSync(plain(dir));
        mkdirSync(plain(dir));
      },
      'no regular file',
    ],
    [
      'a file that is cut off',
      (dir) => writeFileSync(plain(dir), readFileSync(plain(dir)).subarray(1)),
      'bytes, where the manifest has',
    ],
    ['a file that is longer', (dir) => writeFileSync(plain(dir), ' ', { flag: 'a' }), 'bytes, where at most'],
    [
      'a file of the same length',
      (dir) => writeFileSync(plain(dir), readFileSync(plain(dir), 'utf8').replace('Formats', 'formats')),
      'SHA-256 ',
    ],
  ];
  it.each(spoils)('%s is refused', async (_, spoil, message) => {
    const { dir } = await folder();
    spoil(dir);
    const loaded = loadFixtures(dir);
    await expect(loaded.read('plain')).rejects.toThrow(BadFixture);
    await expect(loaded.read('plain')).rejects.toThrow(message);
  });

  it('a manifest that is a link is refused', async () => {
    const { dir } = await folder();
    const path = join(dir, 'manifest.json');
    renameSync(path, join(dir, 'other.json'));
    symlinkSync(join(dir, 'other.json'), path);
    expect(() => loadFixtures(dir)).toThrow('manifest.json: a symbolic link');
  });

  const lies: [string, (entry: Manifest['cases'][number]) => void, string][] = [
    ['a system', (entry) => (entry.system = 'mamba2'), 'system "linear", where the manifest has "mamba2"'],
    ['flags', (entry) => (entry.flags = []), 'other flags'],
    ['an error', (entry) => (entry.error = { kind: 'invalid-input', argument: 'q' }), 'error in nothing'],
    [
      'a shape',
      (entry) => (entry.tensors['inputs.q'].shape = [2]),
      'inputs.q: float32 [1,1,1,2], where the manifest has float32 [2]',
    ],
    ['a storage', (entry) => (entry.tensors['inputs.q'].storage = 'float16'), 'where the manifest has float16'],
    ['a tensor more', (entry) => (entry.tensors['inputs.g'] = { shape: [1], storage: 'float32' }), 'no inputs.g'],
    [
      'a tensor less',
      (entry) => delete entry.tensors['inputs.q'],
      'inputs.q: float32 [1,1,1,2], which the manifest has not',
    ],
    ['a size', (entry) => (entry.sizes.V = 2), 'V = 1, where the manifest has 2'],
  ];
  it.each(lies)('a manifest that says otherwise of %s is refused', async (_, lie, message) => {
    const { dir, manifest } = await folder();
    lie(manifest.cases[0]);
    writeFileSync(join(dir, 'manifest.json'), manifestText(manifest));
    for (const format of FORMAT_NAMES) {
      await expect(loadFixtures(dir, { format }).read('plain')).rejects.toThrow(message);
    }
  });

  it.each(FORMAT_NAMES)('no changed file in %s is taken for the fixture', async (format) => {
    const { dir } = await folder();
    const random = randomFrom(2);
    const path = join(dir, FOLDER, `plain.${formats[format].extension}`);
    const bytes = readFileSync(path);
    const loaded = loadFixtures(dir, { format });
    for (let file = 0; file < 200; file++) {
      const changed = mutated(bytes, bytes, random);
      if (changed.equals(bytes)) continue;
      writeFileSync(path, changed);
      await expect(loaded.read('plain')).rejects.toThrow(BadFixture);
    }
  });
});
