/** Fixtures for tests of what is done with them: as small as they can be, and made up. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseEntry } from '../../fixtures/catalogue.ts';
import type { Chosen } from '../../fixtures/export.ts';
import type { Fixture, FixtureTensor } from '../../fixtures/fixture.ts';
import { loadFixtures } from '../../fixtures/load.ts';

export const entry = (name: string, more: Partial<CaseEntry> = {}): CaseEntry => ({
  name,
  system: 'linear',
  dtype: 'float32',
  probe: name,
  probes: 'One token.',
  flags: [],
  set: 'small',
  ...more,
});

export const floats = (
  name: string,
  shape: number[],
  data: number[],
  storage: FixtureTensor['storage'] = 'float64',
): FixtureTensor => ({
  name,
  shape,
  storage,
  data: Float64Array.from(data),
});

/** One token of linear attention: o = q·k v. */
export function fixtureOf({ name, probes, flags, dtype, system }: CaseEntry, seed: number): Fixture {
  const q = 1 + (seed % 100);
  const one = [1, 1, 1, 1];
  return {
    header: { name, probes, flags, dtype, system },
    tensors: [
      floats('inputs.q', one, [q], 'float32'),
      floats('inputs.k', one, [2], 'float32'),
      floats('inputs.v', one, [3], 'float32'),
      floats('expected.o', one, [6 * q]),
      floats('expected.finalState', [1, 1, 1, 1, 1], [6]),
      floats('expected.position', [1], [1], 'int64'),
      floats('bounds.o', one, [1e-5]),
      floats('bounds.finalState', [1, 1, 1, 1, 1], [1e-5]),
    ],
  };
}

export const NAMES = ['linear.one.float32', 'linear.two.float32'];

/** An export of those; another seed makes other bytes. */
export const chosen = (seed: number, more: Partial<Chosen> = {}): Chosen => ({
  entries: NAMES.map((name) => entry(name)),
  set: 'small',
  seed,
  version: 1,
  formats: ['json'],
  generate: fixtureOf,
  // no hashes there
  data: '/nowhere',
  ...more,
});

/** Which export a folder holds, read whole: its seed. Throws where it is damaged. */
export async function seedOf(folder: string): Promise<number> {
  const loaded = loadFixtures(folder);
  const { manifest } = loaded;
  let count = 0;
  for await (const { header, tensors } of loaded) {
    const q = tensors.find(({ name }) => name === 'inputs.q')?.data[0];
    if (q !== 1 + (manifest.seed % 100)) throw new Error(`${header.name} is not of seed ${manifest.seed}`);
    count++;
  }
  for (const { file, sha256 } of manifest.extras ?? []) {
    const bytes = readFileSync(join(folder, manifest.folder, file));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`${file} is another`);
  }
  if (count !== NAMES.length) throw new Error(`${count} fixtures, where ${NAMES.length} are wanted`);
  return manifest.seed;
}

/** Everything in a folder, as paths. */
export const allIn = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort();
