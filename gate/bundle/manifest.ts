/** manifest.json of a bundle: what was asked for, and what its files hold. docs/bundles.md. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findLaw } from '../../properties/laws/all.ts';
import type { Description } from '../external/implementation.ts';
import { BadBundle, type FileEntry, readWhole, replaceFile } from './files.ts';
import { bundleSchemas, faultBy } from './schemas.ts';

export const MANIFEST = 'manifest.json';
/** More bytes than a manifest has. */
export const LARGEST = 2 ** 26;

/** Cases in a row that one law asked about one system in one dtype. */
export interface Section {
  law: string;
  system: string;
  dtype: string;
  /** Its first case. */
  first: number;
  cases: number;
}

export interface Round {
  cases: FileEntry;
  expected: FileEntry;
  sections: Section[];
}

export interface Manifest {
  format: 'lla-bundle';
  version: 1;
  /** Name and version of this package: another version may draw other cases. */
  madeBy: string;
  seed: number;
  runs: number;
  laws: string[];
  systems: string[];
  dtypes: string[];
  /** What the program says of itself. */
  description: Description & { type: 'description'; version: number };
  /** The program that was described, where it was run here. */
  command?: string[];
  rounds: Round[];
}

/** What this package calls itself: from the folder of package.json, whether this file is built or not. */
export function packageFile(path: string): string {
  for (const up of ['../..', '../../..']) {
    try {
      return readFileSync(new URL(`${up}/${path}`, import.meta.url), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`this package lacks its ${path}`);
}

export function madeBy(): string {
  const { name, version } = JSON.parse(packageFile('package.json')) as { name: string; version: string };
  return `${name} ${version}`;
}

/** Names of files are never taken from a manifest: they follow from the round, counted from 1. */
export const roundFile = (round: number, what: 'cases' | 'expected' | 'answers'): string => `round-${round}.${what}`;

export const casesBefore = (rounds: readonly Round[]): number =>
  rounds.reduce((sum, { cases }) => sum + cases.messages, 0);

const digestOf = (manifest: object): string => createHash('sha256').update(JSON.stringify(manifest)).digest('hex');

export function writeManifest(folder: string, manifest: Manifest): void {
  const whole = { ...manifest, sha256: digestOf(manifest) };
  replaceFile(join(folder, MANIFEST), `${JSON.stringify(whole, null, 1)}\n`);
}

/** @throws BadBundle */
export function readManifest(folder: string): Manifest {
  const text = readWhole(join(folder, MANIFEST), LARGEST);
  const bad = (what: string): BadBundle => new BadBundle(MANIFEST, what);
  let parsed: { format?: unknown; version?: unknown } & Record<string, unknown>;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw bad('no JSON');
  }
  if (parsed?.format !== 'lla-bundle') throw bad('not the manifest of a bundle');
  if (parsed.version !== 1) throw bad(`version ${JSON.stringify(parsed.version)} of the format, where 1 is known`);
  const fault = faultBy(bundleSchemas.manifest, parsed);
  if (fault !== null) throw bad(fault);
  const { sha256, ...rest } = parsed;
  const manifest = rest as unknown as Manifest;
  if (digestOf(manifest) !== sha256) throw bad('it was edited: its sha256 is that of other contents; bundle again');
  if (manifest.madeBy !== madeBy()) {
    throw bad(`made by ${manifest.madeBy}, this is ${madeBy()}: another version may draw other cases; bundle again`);
  }
  const unknown = manifest.laws.find((law) => findLaw(law) === undefined);
  if (unknown !== undefined) throw bad(`unknown law ${JSON.stringify(unknown)}`);
  checkRounds(manifest, bad);
  return manifest;
}

function checkRounds({ rounds, laws, systems, dtypes }: Manifest, bad: (what: string) => BadBundle): void {
  let next = 0;
  rounds.forEach(({ cases, expected, sections }, i) => {
    for (const [entry, wanted] of [
      [cases, roundFile(i + 1, 'cases')],
      [expected, roundFile(i + 1, 'expected')],
    ] as const) {
      if (entry.file !== wanted) throw bad(`file ${entry.file}, where ${wanted} is wanted`);
    }
    const end = next + cases.messages;
    for (const { law, system, dtype, first, cases } of sections) {
      const isKnown = laws.includes(law) && systems.includes(system) && dtypes.includes(dtype);
      if (!isKnown || first !== next) throw bad(`section ${law}, ${system}, ${dtype} is out of place`);
      next += cases;
    }
    if (next !== end) throw bad(`sections of round ${i + 1} have other cases than its file`);
  });
}
