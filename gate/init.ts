/** Starters: the files of adapters/ that somebody needs to put a kernel under the gate, written into a folder of theirs. */
import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Starter {
  /** Files of adapters/, and the names that they get. */
  files: readonly (readonly [from: string, to: string])[];
  /** How the gate is started on it, from the folder with that path. */
  command(folder: string): string;
}

export const starters = {
  python: {
    files: [
      ['python/lla_adapter.py', 'lla_adapter.py'],
      ['python/starter.py', 'my_kernel.py'],
      ['python/starter.md', 'CONFORMANCE.md'],
    ],
    command: (folder) => `npx lla gate -- python3 ${quoted(join(folder, 'my_kernel.py'))}`,
  },
  node: {
    files: [
      ['node/lla-adapter.mjs', 'lla-adapter.mjs'],
      ['node/starter.mjs', 'my-kernel.mjs'],
      ['node/starter.md', 'CONFORMANCE.md'],
    ],
    command: (folder) => `npx lla gate -- node ${quoted(join(folder, 'my-kernel.mjs'))}`,
  },
  c: {
    files: [
      ['c/lla_adapter.h', 'lla_adapter.h'],
      ['c/starter.c', 'my_kernel.c'],
      ['c/starter.md', 'CONFORMANCE.md'],
    ],
    command(folder) {
      const program = join(folder, 'my_kernel');
      // a name without a slash would be looked for in PATH
      const path = program.includes('/') ? program : `./${program}`;
      return `cc -O2 -o ${quoted(program)} ${quoted(`${program}.c`)} -lm && npx lla gate -- ${quoted(path)}`;
    },
  },
} as const satisfies Record<string, Starter>;

export type Language = keyof typeof starters;
export const languages = Object.keys(starters) as Language[];

/** For a shell, where it has to be. */
const quoted = (text: string): string =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The folder adapters/ of this package: two folders up from dist/gate/, one from gate/. */
function adapters(): string {
  const places = ['../../adapters/', '../adapters/'].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = places.find((place) => existsSync(join(place, 'python/lla_adapter.py')));
  if (found === undefined) throw new Error(`the package has lost its adapters: there are none in ${places.join(', ')}`);
  return found;
}

/** What keeps the files from being written, in words for whoever asked for them. */
export class CannotWrite extends Error {}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Puts a whole file where none is: its name appears when all of it is there. */
function place(path: string, text: Buffer): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, text, { flag: 'wx' });
  try {
    linkSync(part, path);
  } catch (error) {
    // file systems without links
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    copyFileSync(part, path, constants.COPYFILE_EXCL);
  } finally {
    rmSync(part, { force: true });
  }
}

/**
 * Makes a folder and what is missing above it, and appends what was made. (mkdir's `recursive` never ends in /proc, in Node 20.)
 */
function makeFolder(folder: string, made: string[]): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder), made);
  mkdirSync(folder);
  made.push(folder);
}

function undo(written: readonly string[], made: readonly string[]): void {
  for (const path of written) rmSync(path, { force: true });
  try {
    for (const path of [...made].reverse()) rmdirSync(path);
  } catch {
    // somebody else has put something there
  }
}

/**
 * Writes the starter of a language into a folder, which is made where it is not there: all of its files or none, and none over another.
 * @returns the paths
 * @throws CannotWrite
 */
export function writeStarter(language: Language, folder: string): string[] {
  const from = adapters();
  const files = starters[language].files.map(([source, name]) => ({
    path: join(folder, name),
    text: readFileSync(join(from, source)),
  }));
  const written: string[] = [];
  const made: string[] = [];
  try {
    const taken = files.filter(({ path }) => isThere(path)).map(({ path }) => path);
    if (taken.length > 0) {
      const them = taken.length > 1 ? 'them' : 'it';
      throw new CannotWrite(
        `${taken.join(', ')}: already there; nothing was written. Move ${them} away, or give another folder`,
      );
    }
    makeFolder(resolve(folder), made);
    for (const { path, text } of files) {
      place(path, text);
      written.push(path);
    }
  } catch (error) {
    undo(written, made);
    if (error instanceof CannotWrite) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CannotWrite(`${folder}: ${message}; nothing was written. Give a folder that can be written`);
  }
  return written;
}
