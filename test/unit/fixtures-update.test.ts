/** What is released stays as it is: hashes, the archive, and exports of earlier versions. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { CaseEntry } from '../../fixtures/catalogue.ts';
import { compareFolder } from '../../fixtures/compare-folder.ts';
import { checkFixtures, exportFixtures } from '../../fixtures/export.ts';
import { readHashes } from '../../fixtures/hashes.ts';
import { loadFixtures } from '../../fixtures/load.ts';
import type { Generate } from '../../fixtures/produce.ts';
import { type Source, type UpdateOptions, updateFixtures } from '../../fixtures/update.ts';
import { allIn, entry, fixtureOf } from './fixtures-made-up.ts';

const root = mkdtempSync(join(tmpdir(), 'lla-update-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let data = root;
let count = 0;
beforeEach(() => {
  data = join(root, String(count++), 'fixtures');
  mkdirSync(data, { recursive: true });
});

const ENTRIES = ['linear.one.float32', 'linear.two.float32'].map((name) => entry(name));
const LARGE = entry('linear.large.float32', { set: 'full' });
const NEXT = entry('linear.next.float32');

/** Other numbers for these names: a change of the code. */
const changing =
  (...names: string[]): Generate =>
  (each, seed) =>
    fixtureOf(each, seed + (names.includes(each.name) ? 5 : 0));

/** A catalogue of so many versions; the second has one case more. */
const source = (latest = 1, generate: Generate = changing()): Source => ({
  latest,
  generate,
  list: ({ version, set }): CaseEntry[] =>
    [...ENTRIES, LARGE, ...(version > 1 ? [NEXT] : [])].filter((each) => set === 'full' || each.set === 'small'),
});

const update = (from: Source, options: UpdateOptions = {}) => updateFixtures(data, from, options);
const chosenOf = (from: Source, version: number, set: 'small' | 'full' = 'full') => ({
  entries: from.list({ version, set }),
  ...{ set, version, seed: 0, formats: ['json', 'npz'] as const, generate: from.generate, data },
});
const first = async (folder: string, name: string): Promise<number | undefined> =>
  (await loadFixtures(folder).read(name)).tensors.find((each) => each.name === 'inputs.q')?.data[0];

describe('npm run fixtures:update', () => {
  it('writes hashes and the small set, and nothing twice', async () => {
    expect(await update(source())).toEqual({ version: 1, cases: 3, archived: [], changed: true });
    expect(allIn(data)).toEqual([
      'hashes',
      'hashes/v1.json',
      'small',
      'small/manifest.json',
      'small/v1-small-json',
      'small/v1-small-json/linear.one.float32.json',
      'small/v1-small-json/linear.two.float32.json',
    ]);
    const hashes = readHashes(data, 1);
    expect(Object.keys(hashes?.cases ?? {})).toHaveLength(3);
    expect(Object.keys(hashes?.manifests ?? {})).toEqual(
      ['small', 'full'].flatMap((set) => ['json', 'safetensors', 'npz'].map((format) => `${set}-${format}`)),
    );
    expect((await update(source())).changed).toBe(false);
  });

  it('refuses to change a version, unless it is said not to be out', async () => {
    await update(source());
    const all = allIn(data).map((path) => [path, path.endsWith('json') && readHashes(data, 1)]);
    const changed = source(1, changing('linear.one.float32'));
    await expect(update(changed)).rejects.toThrow(
      'version 1 would change (linear.one.float32, the manifest of small-json, the manifest of small-safetensors, the manifest of small-npz, the manifest of full-json and 2 more). If it is released, raise',
    );
    expect(allIn(data).map((path) => [path, path.endsWith('json') && readHashes(data, 1)])).toEqual(all);
    expect(await update(changed, { unreleased: true })).toMatchObject({ archived: [], changed: true });
    expect(await first(join(data, 'small'), 'linear.one.float32')).toBe(6);
    expect(loadFixtures(join(data, 'small')).manifest.folder).toBe('v1-small-json');
  });

  it.each([
    ['a version without hashes', 2, {}, 'the catalogue is of version 2, which has no hashes yet; --new-version begins'],
    ['a version that is there', 1, { newVersion: true }, 'version 1 has hashes already; raise the version'],
    ['a gap', 4, { newVersion: true }, 'the catalogue is of version 4, and hashes end with version 1'],
  ])('does not begin %s', async (_, latest, options, message) => {
    await update(source());
    await expect(update(source(latest), options)).rejects.toThrow(message);
  });

  it('keeps what a new version changes, and exports the one before from there', async () => {
    await update(source());
    const before = join(root, 'before');
    await exportFixtures(before, chosenOf(source(), 1));
    const next = source(2, changing('linear.one.float32'));
    expect(await update(next, { newVersion: true })).toMatchObject({
      version: 2,
      cases: 4,
      archived: ['linear.one.float32'],
    });
    expect(allIn(join(data, 'archive'))).toEqual(['v1', 'v1/linear.one.float32.json']);
    expect(await first(join(data, 'small'), 'linear.one.float32')).toBe(6);
    const again = join(root, 'again');
    await exportFixtures(again, chosenOf(next, 1));
    expect(allIn(again)).toEqual(allIn(before));
    for (const file of allIn(before).filter((path) => /\.(json|npz)$/.test(path))) {
      expect(readFileSync(join(again, file)).equals(readFileSync(join(before, file)))).toBe(true);
    }
    // a third version changes another one: the first is still what it was
    const third = source(3, changing('linear.one.float32', 'linear.two.float32', 'linear.next.float32'));
    expect((await update(third, { newVersion: true })).archived).toEqual(['linear.next.float32', 'linear.two.float32']);
    for (const version of [1, 2, 3]) {
      expect((await checkFixtures({ ...chosenOf(third, version), isWhole: true })).differing).toEqual([]);
    }
    rmSync(again, { recursive: true });
    await exportFixtures(again, chosenOf(third, 1));
    expect(await first(again, 'linear.two.float32')).toBe(1);
  });

  it('asks for bytes that nobody has, and finds them in an export', async () => {
    await update(source());
    const full = join(data, '..', 'full');
    await exportFixtures(full, chosenOf(source(), 1));
    const next = source(2, changing('linear.large.float32'));
    await expect(update(next, { newVersion: true })).rejects.toThrow(
      'linear.large.float32 is made otherwise now, and nobody has its bytes of version 1: export the full set as JSON',
    );
    expect(existsSync(join(data, 'hashes', 'v2.json'))).toBe(false);
    const { archived } = await update(next, { newVersion: true, from: [full] });
    expect(archived).toEqual(['linear.large.float32']);
  });
});

describe('code that makes other bytes than were released', () => {
  it('is found by a check, case by case', async () => {
    await update(source());
    const right = await checkFixtures({ ...chosenOf(source(), 1), isWhole: true });
    expect(right).toMatchObject({ cases: 3, differing: [] });
    const wrong = source(1, changing('linear.two.float32'));
    const { differing } = await checkFixtures({ ...chosenOf(wrong, 1), isWhole: true });
    expect(differing.map(({ name }) => name)).toEqual([
      'linear.two.float32',
      'manifest of full-json',
      'manifest of full-npz',
    ]);
    expect(differing[0].why).toMatch(/^its JSON has hash [0-9a-f]{16}, where version 1 has [0-9a-f]{16}$/);
    const more = { ...chosenOf(source(2), 2), version: 1 };
    expect((await checkFixtures({ ...more, isWhole: false })).differing).toEqual([
      { name: NEXT.name, why: 'version 1 has no hash of it' },
    ]);
    const less = { ...chosenOf(source(), 1), entries: ENTRIES };
    expect((await checkFixtures({ ...less, isWhole: true })).differing[0]).toEqual({
      name: LARGE.name,
      why: 'it has a hash, and is not in the catalogue',
    });
  });

  it('exports nothing', async () => {
    await update(source());
    const folder = join(data, 'there');
    const wrong = chosenOf(source(1, changing('linear.two.float32')), 1);
    await expect(exportFixtures(folder, wrong)).rejects.toThrow(
      /^linear.two.float32: its JSON has hash .*; lla fixtures/,
    );
    expect(existsSync(folder)).toBe(false);
    // of another seed nothing was released
    expect((await exportFixtures(folder, { ...wrong, seed: 3 })).cases).toBe(3);
  });

  it('is found by comparing a folder, byte for byte', async () => {
    const folder = join(data, 'there');
    const chosen = { ...chosenOf(source(), 1), formats: ['json', 'npz', 'c'] as const, data: '/nowhere', seed: 2 };
    await exportFixtures(folder, chosen);
    await exportFixtures(folder, chosen, { replace: true });
    const compare = async (): Promise<string[]> => {
      const comparison = compareFolder(folder);
      const { listed } = await checkFixtures({ ...chosen, isWhole: false, onMade: comparison.take });
      return comparison.end(chosen, listed);
    };
    expect(await compare()).toEqual([]);
    const path = join(folder, 'v1-full-json-npz-c.2', 'linear.one.float32.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('One token.', 'One tokem.'));
    rmSync(path.replace('one', 'two'));
    writeFileSync(path.replace('linear.one.float32.json', 'lla_fixtures.h'), 'int x;');
    expect(await compare()).toEqual([
      'linear.one.float32.json: other bytes than are made now',
      expect.stringContaining('linear.two.float32.json: ENOENT'),
      'lla_fixtures.h: other bytes than are made now',
    ]);
  });
});
