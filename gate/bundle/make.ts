/** `lla bundle`: a folder of cases for a program that cannot be asked from here. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Law } from '../../properties/law.ts';
import type { System } from '../../reference/systems/registry.ts';
import type { Description } from '../external/implementation.ts';
import type { GateVerdict } from '../judge.ts';
import { runGate } from '../run.ts';
import { walk } from './ask.ts';
import { readWhole } from './files.ts';
import { LARGEST, MANIFEST, type Manifest, madeBy, packageFile, writeManifest } from './manifest.ts';
import { writeRound } from './round.ts';

export interface BundleOptions {
  folder: string;
  description: Description;
  /** The program that was described, if it was run here. */
  command?: readonly string[];
  laws: readonly Law[];
  systems: readonly System[];
  dtypes: readonly string[];
  seed: number;
  runs: number;
  /** Whether a bundle of that name may be replaced, its answers too. */
  force?: boolean;
  /** Whether the script gets the oracle's answers, for its hints. Default true. */
  expected?: boolean;
  onStart?: (total: number) => void;
  onVerdict?: (verdict: GateVerdict) => void;
}

/** Why the folder may not be written; null where it may. */
export function occupied(folder: string, force = false): string | null {
  if (!existsSync(folder)) return null;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    return (error as Error).message;
  }
  if (names.length === 0) return null;
  if (!names.includes(MANIFEST)) return 'it is not empty, and no bundle';
  const manifest = /"format": "lla-bundle"/.exec(readWhole(join(folder, MANIFEST), LARGEST));
  if (manifest === null) return `its ${MANIFEST} is not that of a bundle`;
  return force ? null : 'it has a bundle, whose answers would be lost; --force replaces it';
}

export function readme(folder: string): string {
  const name = /^[\w.-]+$/.test(basename(folder)) ? basename(folder) : 'THIS_FOLDER';
  return [
    'Cases of a conformance suite for log-linear attention, for a machine without Node; Python 3.8 is enough to ask them.',
    '1. Copy this folder to the machine that has your program.',
    `2. There: python3 ${name}/run.py -- python3 my_adapter.py      (or any program that lla gate can start)`,
    '3. It writes round-1.answers into the folder; a job that was killed goes on where it stopped when it is run again.',
    `4. Copy the folder back: npx lla verdict ${name}      (should it ask for another round, go on at 1)`,
    '',
  ].join('\n');
}

/**
 * Writes a bundle, whole or not at all.
 * @returns its manifest
 * @throws what the file system throws
 */
export async function makeBundle(options: BundleOptions): Promise<Manifest> {
  const { folder, description, laws, systems, dtypes, seed, runs } = options;
  const part = `${folder.replace(/\/+$/, '')}.part-${process.pid}`;
  const clean = (): void => rmSync(part, { recursive: true, force: true });
  clean();
  mkdirSync(part, { recursive: true });
  // an interrupted run leaves nothing behind either
  process.on('exit', clean);
  try {
    const round = writeRound(part, 1, 0);
    const { implementations, laws: walked } = walk(description, dtypes, laws, null, round, [], options.expected);
    const { onStart, onVerdict } = options;
    await runGate({ implementations, systems, laws: walked, seed, runs, onStart, onVerdict });
    const manifest: Manifest = {
      format: 'lla-bundle',
      version: 1,
      madeBy: madeBy(),
      seed,
      runs,
      laws: laws.map(({ name }) => name),
      systems: systems.map(({ name }) => name),
      dtypes: [...dtypes],
      description: { type: 'description', version: 1, ...description },
      ...(options.command ? { command: [...options.command] } : {}),
      rounds: [round.finish()],
    };
    writeManifest(part, manifest);
    writeFileSync(join(part, 'run.py'), packageFile('adapters/python/lla_bundle.py'));
    writeFileSync(join(part, 'README.txt'), readme(folder));
    const old = `${part}.old`;
    const isThere = existsSync(folder) && readdirSync(folder).length > 0;
    if (isThere) renameSync(folder, old);
    renameSync(part, folder);
    rmSync(old, { recursive: true, force: true });
    return manifest;
  } finally {
    clean();
    process.off('exit', clean);
  }
}
