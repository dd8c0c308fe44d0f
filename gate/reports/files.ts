/** Files that are there whole or not at all. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** The file behind links; itself where it is not there yet. */
function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return resolve(file);
  }
}

const besideOf = (path: string): string => join(dirname(path), `.${basename(path)}.${process.pid}.part`);

/** A device, a pipe: nothing takes its place, it is written to. */
function isSpecial(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new Error('it is a folder');
  return found !== undefined && !found.isFile();
}

/** One by one: Node's own recursion never ends where a folder is there and takes no others, as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // made by somebody else meanwhile
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Makes the folders of a file, and tries whether it can be written.
 * @returns the file's own path
 * @throws what the file system throws
 */
export function checkTarget(file: string): string {
  if (file === '' || /[/\\]$/.test(file)) throw new Error('it names no file');
  makeFolder(dirname(resolve(file)));
  const path = targetOf(file);
  if (isSpecial(path)) {
    accessSync(path, constants.W_OK);
    return path;
  }
  const beside = besideOf(path);
  writeFileSync(beside, '');
  rmSync(beside);
  return path;
}

/** Replaces a file, or makes it: a reader sees the old one or all of the new one. @throws what the file system throws */
export function writeWhole(file: string, text: string): void {
  const path = targetOf(file);
  if (isSpecial(path)) {
    writeFileSync(path, text);
    return;
  }
  const beside = besideOf(path);
  try {
    writeFileSync(beside, text);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
