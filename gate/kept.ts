/** Counterexamples that were found earlier: kept in a folder, and judged before anything is drawn, so that no run is lucky. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Draw } from '../properties/law.ts';
import { findLaw } from '../properties/laws/all.ts';
import { findPrecision, type Precision, roundCase } from '../properties/precision.ts';
import { parseCase } from '../reference/case-json.ts';
import { InvalidInput } from '../reference/errors.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';
import type { GateVerdict } from './judge.ts';

export const KEPT_VERSION = 1;
const ENDING = '.kept.json';

/** One counterexample: the shrunk case, and whatever else the law drew with it. */
export interface Kept {
  path: string;
  law: string;
  system: string;
  /** In the formats of which the numbers are. */
  dtype: string;
  draw: Draw;
}

/** One of them. @throws InvalidInput for a file that is none */
export function readKeptFile(path: string): Kept {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidInput('gate', path, (error as Error).message, 'a counterexample that lla gate --kept wrote');
  }
  return parseKept(text, path);
}

/** The same of its text. @throws InvalidInput */
export function parseKept(text: string, path: string): Kept {
  const wrong = (given: string, wanted: string): InvalidInput => new InvalidInput('gate', path, given, wanted);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong((error as Error).message, 'a counterexample that lla gate --kept wrote');
  }
  const { version, law, dtype, extras, case: c } = json ?? {};
  if (version !== KEPT_VERSION) throw wrong(`version ${version}`, `version ${KEPT_VERSION}`);
  if (typeof law !== 'string' || !findLaw(law)) throw wrong(`law ${JSON.stringify(law)}`, 'one that lla laws lists');
  if (typeof dtype !== 'string' || !findPrecision(dtype)) throw wrong(`dtype ${JSON.stringify(dtype)}`, 'a dtype');
  if (typeof extras !== 'object' || extras === null || Array.isArray(extras)) throw wrong('no extras', 'an object');
  const { law: _, seed: __, path: ___, ...plain } = parseCase(c, path);
  return { path, law, system: plain.system, dtype, draw: { ...extras, c: plain } as Draw };
}

/**
 * The counterexamples of a folder, or of one file; none where the folder is not there yet.
 * @throws InvalidInput for a file that is none
 */
export function readKept(at: string): Kept[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(at).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !at.endsWith('.json')) return [];
    throw new InvalidInput('gate', '--kept', `${at} (${(error as Error).message})`, 'a folder, or a file of one');
  }
  if (!isFolder) return [readKeptFile(at)];
  const files = readdirSync(at).filter((name) => name.endsWith(ENDING));
  return files.sort().map((name) => readKeptFile(join(at, name)));
}

/** The draw, in the formats of another precision; null where that does not hold its numbers. */
export function keptIn({ draw }: Pick<Kept, 'draw'>, precision: Precision): Draw | null {
  const c = roundCase(draw.c, precision);
  const overflows = (Object.keys(c.inputs) as (keyof typeof c.inputs)[]).some((name) => {
    const [before, after] = [draw.c.inputs[name], c.inputs[name]].map((value) => toDense(value as Tensor));
    return after.some((value, i) => !Number.isFinite(value) && Number.isFinite(before[i]));
  });
  return overflows ? null : { ...draw, c };
}

/**
 * Adds the shrunk case of each new failure to a folder, each file whole or not at all; what is there already is left.
 * @returns the paths of the files that are new
 * @throws what the file system throws
 */
export function keepFailures(folder: string, verdicts: readonly GateVerdict[]): string[] {
  const fresh = verdicts.filter(({ drawn, kept }) => drawn !== undefined && kept === undefined);
  if (fresh.length > 0) mkdirSync(folder, { recursive: true });
  const there = new Set(fresh.length > 0 ? readdirSync(folder) : []);
  return fresh.flatMap(({ law, system, dtype, drawn = [], extras = '{}' }) => {
    const text = `{"version":${KEPT_VERSION},"law":"${law}","dtype":"${dtype}","extras":${extras},"case":${drawn[0]}}\n`;
    const name = `${law}-${system}-${dtype}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}${ENDING}`;
    if (there.has(name)) return [];
    const path = join(folder, name);
    writeFileSync(`${path}.part`, text);
    renameSync(`${path}.part`, path);
    return [path];
  });
}
