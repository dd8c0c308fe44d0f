/** An export that is killed at any moment leaves the folder as it was, or as it was to become. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exportFixtures } from '../../fixtures/export.ts';
import { loadFixtures } from '../../fixtures/load.ts';
import { allIn, chosen, seedOf } from '../unit/fixtures-made-up.ts';

const root = mkdtempSync(join(tmpdir(), 'lla-kill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Starts exporting, and kills it so many milliseconds after it has written so many. */
async function killedAfter(folder: string, seed: number, exports: number, milliseconds: number): Promise<void> {
  const child = spawn(process.execPath, ['test/external/slow-export.mjs', folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  let dots = 0;
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      dots += chunk.length;
      if (dots > exports) resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

/** The seed of a folder, every file of it read; null where there is none. */
async function wholeSeed(folder: string): Promise<number | null> {
  if (!existsSync(folder)) return null;
  const { manifest, read } = loadFixtures(folder);
  expect(manifest.cases).toHaveLength(4);
  for (const { name } of manifest.cases) {
    const { tensors } = await read(name);
    expect(tensors.find(({ name: each }) => each === 'inputs.q')?.data[0]).toBe(manifest.seed);
  }
  return manifest.seed;
}

describe('kill -9', () => {
  it('of sixteen exports, over nothing and over each other, at random moments', async () => {
    const seen: (number | null)[] = [];
    const chain = async (name: string): Promise<void> => {
      const home = join(root, name);
      mkdirSync(home);
      const folder = join(home, 'there');
      let before: number | null = null;
      for (let i = 0; i < 8; i++) {
        // every fourth begins with nothing
        if (i % 4 === 0) {
          rmSync(home, { recursive: true });
          mkdirSync(home);
          before = null;
        }
        const first = 1000 * i + 1;
        await killedAfter(folder, first, i % 3, Math.random() * 30);
        const seed = await wholeSeed(folder);
        expect(seed === before || (seed !== null && seed >= first)).toBe(true);
        seen.push(seed);
        before = seed;
      }
      await exportFixtures(folder, chosen(7), { replace: true });
      expect(await seedOf(folder)).toBe(7);
      expect(allIn(folder)).toHaveLength(4);
      expect(readdirSync(home)).toEqual(['there']);
    };
    await Promise.all([chain('a'), chain('b')]);
    expect(seen).toHaveLength(16);
    expect(new Set(seen).size).toBeGreaterThan(2);
  });
});

/** Exports until it has ended; what it said, where it failed. */
async function exported(folder: string, seed: number): Promise<string | null> {
  const child = spawn(process.execPath, ['test/external/slow-export.mjs', folder, String(seed), '1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return code === 0 ? null : said;
}

describe('four exports at once', () => {
  it.each([
    ['over nothing', false],
    ['over each other', true],
  ])('%s: the folder is whole, and who did not write says that another did', async (name, isThere) => {
    const home = join(root, name);
    for (let round = 0; round < 4; round++) {
      const folder = join(home, String(round), 'there');
      if (isThere) await exported(folder, 99);
      const seeds = [1, 2, 3, 4];
      const said = await Promise.all(seeds.map((seed) => exported(folder, seed)));
      for (const each of said.filter((text) => text !== null)) {
        expect(each).toMatch(
          /process \d+ is writing fixtures into it; wait|another export was writing there at the same time/,
        );
      }
      const written = seeds.filter((_, i) => said[i] === null);
      expect(isThere && written.length === 0 ? [99] : written).toContain((await wholeSeed(folder)) as number);
      expect(readdirSync(folder)).toHaveLength(2);
      expect(readdirSync(join(home, String(round)))).toEqual(['there']);
    }
  });
});

/** A disk of 64 kB; null where none can be mounted. */
function tinyDisk(): string | null {
  const disk = mkdtempSync(join(root, 'disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' });
    return disk;
  } catch {
    return null;
  }
}

describe('a disk', () => {
  const disk = tinyDisk();
  afterAll(() => {
    if (disk) execFileSync('umount', [disk]);
  });

  it.skipIf(disk === null)('that is full: the old ones stay, and nothing else', async () => {
    const folder = join(disk as string, 'there');
    await exportFixtures(folder, chosen(1));
    const all = allIn(disk as string);
    const entries = Array.from({ length: 100 }, (_, i) => ({ ...chosen(1).entries[0], name: `linear.${i}.float32` }));
    await expect(exportFixtures(folder, chosen(2, { entries }), { replace: true })).rejects.toThrow(
      'the disk is full (ENOSPC); free some of it, or give a folder on another disk',
    );
    expect(allIn(disk as string)).toEqual(all);
    expect(await seedOf(folder)).toBe(1);
    rmSync(folder, { recursive: true });
    await expect(exportFixtures(folder, chosen(2, { entries }))).rejects.toThrow('the disk is full');
    expect(readdirSync(disk as string)).toEqual([]);
  });

  it.skipIf(disk === null)('itself can be the folder: nothing is renamed across its edge', async () => {
    await exportFixtures(disk as string, chosen(1));
    await exportFixtures(disk as string, chosen(2), { replace: true });
    expect(await seedOf(disk as string)).toBe(2);
  });
});

describe('an export on the command line that is interrupted', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as [NodeJS.Signals, number][])('%s: exit code %i, and nothing is left', async (signal, code) => {
    const home = join(root, signal);
    mkdirSync(home);
    const args = ['dist/cli.js', 'fixtures', 'export', join(home, 'a', 'there'), '--set', 'full', '--jobs', '2'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'] });
    const ended = new Promise((resolve) => child.on('exit', (exit, by) => resolve(by ?? exit)));
    // it is at work once there is a file
    while (!allIn(home).some((path) => path.endsWith('.json'))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(allIn(home)).toEqual([]);
  });
});
