/** Whatever happens while a folder of fixtures is written, it is there whole, or as it was. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { exportFixtures } from '../../fixtures/export.ts';
import { disk, type Files, type Owner, thisProcess } from '../../fixtures/files.ts';
import { FolderError } from '../../fixtures/folder-error.ts';
import { building } from '../../fixtures/leftovers.ts';
import { openFolder } from '../../fixtures/write-folder.ts';
import { allIn, chosen, NAMES, seedOf } from './fixtures-made-up.ts';

const root = mkdtempSync(join(tmpdir(), 'lla-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let home = root;
let count = 0;
beforeEach(() => {
  home = join(root, String(count++));
  mkdirSync(home);
});

/** No system has as many processes. */
const NOBODY = 2 ** 31 - 1;
/** A process that is dead by the time anybody looks. */
const dead: Owner = { ...thisProcess, pid: NOBODY, isAlive: () => false };

class Died extends Error {}

/** A disk whose n-th operation goes wrong half way: it fails once, or the process dies there and does nothing more. */
function wrongAt(n: number, how: 'ENOSPC' | 'dies'): { files: Files; isReached: () => boolean } {
  let done = 0;
  const step = (run: () => void, half = (): void => {}): void => {
    done++;
    const isRight = done < n || (done > n && how !== 'dies');
    if (!isRight && done === n) half();
    if (!isRight) throw how === 'dies' ? new Died() : Object.assign(new Error(how), { code: how });
    run();
  };
  const files: Files = {
    makeFolder: (path) => step(() => disk.makeFolder(path)),
    writeFile: (path, bytes) =>
      step(
        () => disk.writeFile(path, bytes),
        () => writeFileSync(path, bytes.subarray(0, bytes.length / 2)),
      ),
    syncFolder: (path) => step(() => disk.syncFolder(path)),
    rename: (from, to) => step(() => disk.rename(from, to)),
    removeFile: (path) => step(() => disk.removeFile(path)),
    removeFolder: (path) => step(() => disk.removeFolder(path)),
  };
  return { files, isReached: () => done >= n };
}

const OLD = 1;
const NEW = 2;

/** What is in the way of an export, and which folder that is. */
const before: Record<string, () => Promise<string>> = {
  nothing: async () => join(home, 'there'),
  'no parents either': async () => join(home, 'a', 'b', 'there'),
  'an empty folder': async () => {
    mkdirSync(join(home, 'there'));
    return join(home, 'there');
  },
  'an earlier export': async () => {
    await exportFixtures(join(home, 'there'), chosen(OLD));
    return join(home, 'there');
  },
  'an earlier export that replaced another, and a stranger’s file': async () => {
    await exportFixtures(join(home, 'there'), chosen(OLD));
    await exportFixtures(join(home, 'there'), chosen(OLD, { formats: ['c'] }), { replace: true });
    writeFileSync(join(home, 'there', 'notes.txt'), 'mine');
    return join(home, 'there');
  },
};

const isWhole = async (folder: string): Promise<number | null> =>
  existsSync(join(folder, 'manifest.json')) ? seedOf(folder) : null;

/** Names that an export gives while it is at work. */
const unfinished = (): string[] => allIn(home).filter((path) => path.includes('.part-'));

describe.each(Object.keys(before))('at every step of an export into %s', (name) => {
  it('a process that dies leaves the old one or the new one, and the next export leaves nothing else', async () => {
    const seen = new Set<number | null>();
    for (let n = 1; ; n++) {
      rmSync(home, { recursive: true });
      mkdirSync(home);
      const folder = await before[name]();
      const was = await isWhole(folder);
      const { files, isReached } = wrongAt(n, 'dies');
      const run = exportFixtures(folder, chosen(NEW), { replace: true, files, owner: dead });
      await run.catch((error) => expect(error).toBeInstanceOf(Died));
      const is = await isWhole(folder);
      expect([was, NEW]).toContain(is);
      seen.add(is);
      await exportFixtures(folder, chosen(3), { replace: true });
      expect(await isWhole(folder)).toBe(3);
      expect(unfinished()).toEqual([]);
      const own = allIn(folder).filter((path) => path !== 'notes.txt');
      expect(own).toHaveLength(2 + NAMES.length);
      if (!isReached()) break;
    }
    expect(seen.size).toBe(2);
  });

  it('a disk that is full leaves the old one and a sentence, or the new one', async () => {
    for (let n = 1; ; n++) {
      rmSync(home, { recursive: true });
      mkdirSync(home);
      const folder = await before[name]();
      const was = await isWhole(folder);
      const all = allIn(home);
      const { files, isReached } = wrongAt(n, 'ENOSPC');
      try {
        const { left } = await exportFixtures(folder, chosen(NEW), { replace: true, files });
        expect(await isWhole(folder)).toBe(NEW);
        // what could not be removed is said
        if (left.length === 0) expect(unfinished()).toEqual([]);
      } catch (error) {
        expect(error).toBeInstanceOf(FolderError);
        expect((error as Error).message).toBe(
          `${folder}: the disk is full (ENOSPC); free some of it, or give a folder on another disk`,
        );
        expect(await isWhole(folder)).toBe(was);
        expect(allIn(home)).toEqual(all);
      }
      if (!isReached()) break;
    }
  });
});

describe('a folder of fixtures', () => {
  it('is what was asked for', async () => {
    const folder = join(home, 'there');
    const exported = await exportFixtures(folder, chosen(0, { formats: ['json', 'safetensors', 'npz', 'c'] }));
    expect(exported).toMatchObject({ folder: 'v1-small-all', cases: NAMES.length, left: [] });
    const files = allIn(join(folder, 'v1-small-all'));
    expect(files).toHaveLength(3 * NAMES.length + 1);
    expect(files).toContain('lla_fixtures.h');
    expect(await seedOf(folder)).toBe(0);
  });

  it('is replaced under another name, and goes back to the first', async () => {
    const folder = join(home, 'there');
    const names = [];
    for (const seed of [1, 2, 3]) {
      names.push((await exportFixtures(folder, chosen(seed), { replace: true })).folder);
      expect(allIn(folder)).toHaveLength(2 + NAMES.length);
    }
    expect(names).toEqual(['v1-small-json', 'v1-small-json.2', 'v1-small-json']);
  });

  it('keeps what others put there: a file beside it, one in it, a folder in place of it', async () => {
    const folder = join(home, 'there');
    await exportFixtures(folder, chosen(1));
    writeFileSync(join(folder, 'v1-small-json', 'notes.txt'), 'mine');
    mkdirSync(join(folder, 'v2-plans'));
    writeFileSync(join(folder, 'v2-plans', 'notes.txt'), 'mine');
    const { left } = await exportFixtures(folder, chosen(2), { replace: true });
    expect(left).toEqual([]);
    expect(readFileSync(join(folder, 'v1-small-json', 'notes.txt'), 'utf8')).toBe('mine');
    expect(readFileSync(join(folder, 'v2-plans', 'notes.txt'), 'utf8')).toBe('mine');
    expect(await seedOf(folder)).toBe(2);
    expect((await exportFixtures(folder, chosen(3), { replace: true })).folder).toBe('v1-small-json.3');
  });

  it('does not follow a link that somebody put in place of its files', async () => {
    const folder = join(home, 'there');
    await exportFixtures(folder, chosen(1));
    await exportFixtures(join(home, 'other'), chosen(5));
    rmSync(join(folder, 'v1-small-json'), { recursive: true });
    symlinkSync(join(home, 'other', 'v1-small-json'), join(folder, 'v1-small-json'));
    await exportFixtures(folder, chosen(2), { replace: true });
    expect(await seedOf(join(home, 'other'))).toBe(5);
    expect(await seedOf(folder)).toBe(2);
  });

  it('is whole where the old files had gone, and the name of their folder with them', async () => {
    const folder = join(home, 'there');
    let before = (await exportFixtures(folder, chosen(1))).folder;
    for (const seed of [2, 3]) {
      rmSync(join(folder, before), { recursive: true });
      const { folder: name } = await exportFixtures(folder, chosen(seed), { replace: true });
      expect(name).not.toBe(before);
      expect(await seedOf(folder)).toBe(seed);
      before = name;
    }
  });

  it('that is abandoned was never there', async () => {
    const writer = openFolder(join(home, 'a', 'there'), { name: 'v1-small-json' });
    writer.add('one.json', Buffer.from('{}'));
    expect(unfinished()).not.toEqual([]);
    writer.abandon();
    writer.abandon();
    expect(allIn(home)).toEqual([]);
  });
});

describe('an export says what is in the way, and touches nothing', () => {
  const file = (): string => {
    writeFileSync(join(home, 'there'), 'mine');
    return join(home, 'there');
  };
  const folderWith = (name: string, text: string) => (): string => {
    mkdirSync(join(home, 'there'));
    writeFileSync(join(home, 'there', name), text);
    return join(home, 'there');
  };
  const link = (): string => {
    mkdirSync(join(home, 'real'));
    symlinkSync(join(home, 'real'), join(home, 'there'));
    return join(home, 'there');
  };
  const amongFiles = async (): Promise<string> => {
    const { folder } = await exportFixtures(join(home, 'there'), chosen(1));
    return join(home, 'there', folder, 'x', 'y');
  };
  const cases: [string, () => string | Promise<string>, string][] = [
    ['a file', file, 'it is a file; give a folder'],
    ['a file as a parent', () => join(file(), 'below'), 'a part of the path is a file (ENOTDIR); give a path'],
    ['a link', link, 'it is a symbolic link; give the folder that it leads to'],
    ['a stranger’s folder', folderWith('notes.txt', 'mine'), 'it is not empty, and no folder of fixtures; give'],
    ['a stranger’s manifest', folderWith('manifest.json', '{"name": "app"}'), 'its manifest.json is not that of fix'],
    [
      'a damaged manifest',
      folderWith('manifest.json', '{"format": "lla-fixtures"'),
      'its manifest.json is damaged, and does not say what to replace',
    ],
    ['a name that is too long', () => join(home, 'x'.repeat(250)), 'the name is too long for the file system'],
    ['no name', () => '', 'it has no name; give the name of a folder'],
    ['the files of other fixtures', amongFiles, 'it would be among the files of the fixtures in '],
    ['a path into nothing', () => join(home, 'x'.repeat(300), 'there'), 'the name is too long for the file system'],
  ];

  it.each(cases)('%s', async (_, make, message) => {
    const folder = await make();
    const all = allIn(home);
    await expect(exportFixtures(folder, chosen(1), { replace: true })).rejects.toThrow(`${folder || "''"}: ${message}`);
    expect(allIn(home)).toEqual(all);
  });

  it('fixtures that are there, unless they are to be replaced', async () => {
    const folder = join(home, 'there');
    await exportFixtures(folder, chosen(1));
    await expect(exportFixtures(folder, chosen(2))).rejects.toThrow('it has fixtures already; --replace puts');
    expect(await seedOf(folder)).toBe(1);
    expect(unfinished()).toEqual([]);
  });

  it('a place where no folder can be made', () => {
    const makeFolder = (): never => {
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    };
    const open = () => openFolder(join(home, 'there'), { name: 'v1-small-json', files: { ...disk, makeFolder } });
    expect(open).toThrow('no folder can be made there (ENOENT); give one in another place');
  });

  // root may write everywhere
  it.skipIf(process.getuid?.() === 0)('a folder that may not be written', async () => {
    chmodSync(home, 0o555);
    await expect(exportFixtures(join(home, 'there'), chosen(1))).rejects.toThrow('you may not write there (EACCES)');
    chmodSync(home, 0o755);
    expect(allIn(home)).toEqual([]);
  });

  it.each([
    ['EROFS', 'the file system can only be read (EROFS); give a folder on one that can be written'],
    ['EACCES', 'you may not write there (EACCES); give a folder that you may write, or change its permissions'],
    ['EDQUOT', 'your quota of the disk is used up (EDQUOT); free some of it, or give a folder on another disk'],
  ])('%s', (code, message) => {
    const files: Files = {
      ...disk,
      makeFolder: () => {
        throw Object.assign(new Error(code), { code });
      },
    };
    const open = () => openFolder(join(home, 'there'), { name: 'v1-small-json', files });
    expect(open).toThrow(message);
    expect(allIn(home)).toEqual([]);
  });
});

describe('what another export is writing', () => {
  const other = (pid: number, host = thisProcess.host): string =>
    join(home, 'there', `.v1-small-json.part-${host}-${pid}-0a0b0c0d`);
  const export3 = () => exportFixtures(join(home, 'there'), chosen(3), { replace: true });
  /** Not this process, and running. */
  const running = process.ppid;

  it.each([
    ['a process that runs', () => other(running), `process ${running} is writing fixtures into it; wait`],
    ['one of another machine', () => other(4, 'abcdef'), 'process 4 of another machine is writing fixtures into it'],
  ])('is left to %s', async (_, make, message) => {
    mkdirSync(make(), { recursive: true });
    await expect(export3()).rejects.toThrow(message);
    expect(existsSync(make())).toBe(true);
  });

  it.each([
    ['whose number we have', () => other(process.pid), 0],
    ['of another machine, since a quarter of an hour', () => other(4, 'abcdef'), 15 * 60],
    ['whose number somebody else has, since two days', () => other(running), 48 * 60 * 60],
  ])('goes where it is dead: one %s', async (_, make, age) => {
    mkdirSync(make(), { recursive: true });
    const then = Date.now() / 1000 - age;
    utimesSync(make(), then, then);
    await export3();
    expect(unfinished()).toEqual([]);
    expect(await seedOf(join(home, 'there'))).toBe(3);
  });
});

describe('two exports into one folder', () => {
  const taken = 'another export was writing there at the same time, and was first; run it again';
  let folder = '';
  /** Exports one that was made before, all at once. */
  let other: (owner: Owner) => void;
  /** They run, on one machine; or the one that comes between takes the first for dead. */
  const first: Owner = { ...thisProcess, pid: NOBODY, isAlive: () => true };
  const second: Owner = { ...thisProcess, pid: NOBODY - 1, isAlive: () => true };
  const hasty: Owner = { ...thisProcess, pid: NOBODY - 1, isAlive: () => false };

  beforeEach(async () => {
    folder = join(home, 'there');
    const made = join(home, 'made');
    await exportFixtures(made, chosen(5));
    const content = join(made, 'v1-small-json');
    const files = allIn(content).map((name) => [name, readFileSync(join(content, name))] as const);
    const manifest = readFileSync(join(made, 'manifest.json'), 'utf8');
    other = (owner) => {
      const writer = openFolder(folder, { name: 'v1-small-json', replace: true, owner });
      for (const [name, bytes] of files) writer.add(name, bytes);
      writer.commit((name) => manifest.replace('"v1-small-json"', `"${name}"`));
    };
  });

  /** A disk before whose n-th operation of a kind somebody else comes. */
  function disturbed(kind: keyof Files, n: number, come: () => void): Files {
    let done = 0;
    const step = (name: keyof Files, run: () => void): void => {
      if (name === kind && ++done === n) come();
      run();
    };
    return {
      makeFolder: (path) => step('makeFolder', () => disk.makeFolder(path)),
      writeFile: (path, bytes) => step('writeFile', () => disk.writeFile(path, bytes)),
      syncFolder: (path) => step('syncFolder', () => disk.syncFolder(path)),
      rename: (from, to) => step('rename', () => disk.rename(from, to)),
      removeFile: (path) => step('removeFile', () => disk.removeFile(path)),
      removeFolder: (path) => step('removeFolder', () => disk.removeFolder(path)),
    };
  }

  it.each([
    ['fixtures', true],
    ['an empty folder', false],
  ])('one that comes and goes before the first has its part, over %s, is replaced', async (_, isFull) => {
    if (isFull) await exportFixtures(folder, chosen(1));
    else mkdirSync(folder);
    const files = disturbed('makeFolder', 1, () => other(second));
    let before = 0;
    await exportFixtures(folder, chosen(2), {
      replace: true,
      files,
      owner: first,
      onOpen: () => {
        before = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')).seed;
        expect(allIn(folder).filter((path) => path.endsWith('.float32.json'))).toHaveLength(NAMES.length);
      },
    });
    expect(before).toBe(5);
    expect(await seedOf(folder)).toBe(2);
  });

  it('is not replaced unasked', async () => {
    mkdirSync(folder);
    const files = disturbed('makeFolder', 1, () => other(second));
    await expect(exportFixtures(folder, chosen(2), { files, owner: first })).rejects.toThrow('it has fixtures already');
    expect(await seedOf(folder)).toBe(5);
    expect(unfinished()).toEqual([]);
  });

  it('one that is first where nothing was', async () => {
    const files = disturbed('rename', 1, () => other(second));
    const run = exportFixtures(folder, chosen(2), { replace: true, files, owner: first });
    await expect(run).rejects.toThrow(taken);
    expect(await seedOf(folder)).toBe(5);
    expect(unfinished()).toEqual([]);
  });

  it('one that takes the first for dead, at any step until the old ones go: what is listed is there', async () => {
    const seen = new Set<number>();
    for (const kind of ['makeFolder', 'writeFile', 'syncFolder', 'rename'] as const) {
      for (let n = 1, isReached = true; isReached; n++) {
        rmSync(folder, { recursive: true, force: true });
        await exportFixtures(folder, chosen(1));
        isReached = false;
        const files = disturbed(kind, n, () => {
          isReached = true;
          // each process knows of its own alone
          const own = [...building];
          building.clear();
          other(hasty);
          for (const name of own) building.add(name);
        });
        const run = exportFixtures(folder, chosen(2), {
          replace: true,
          files,
          owner: { ...first, isAlive: () => false },
        });
        await run.catch((error) => expect(error).toBeInstanceOf(FolderError));
        seen.add(await seedOf(folder));
      }
    }
    expect([...seen].sort()).toEqual([2, 5]);
  });

  it('of one process: one gives way', async () => {
    await exportFixtures(folder, chosen(1));
    const runs = [2, 3].map((seed) => exportFixtures(folder, chosen(seed), { replace: true }));
    const [one, two] = await Promise.allSettled(runs);
    expect(one.status).toBe('fulfilled');
    expect(two).toMatchObject({ reason: { message: expect.stringContaining('is writing fixtures into it') } });
    expect(await seedOf(folder)).toBe(2);
  });
});
