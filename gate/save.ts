/** Failing cases as files that `lla compute`, `lla explain` and other tools read. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GateVerdict } from './judge.ts';

/**
 * Writes the shrunk case of each failure into a folder, whole or not at all; a case of the same law, system and implementation is
 * replaced.
 * @returns the paths
 * @throws what the file system throws
 */
export function saveFailures(folder: string, verdicts: readonly GateVerdict[]): string[] {
  const failures = verdicts.filter(({ drawn }) => drawn !== undefined);
  if (failures.length > 0) mkdirSync(folder, { recursive: true });
  return failures.map(({ law, system, implementation, drawn }) => {
    const name = `${law}-${system}-${implementation}`.replace(/[^\w.-]+/g, '-');
    const path = join(folder, `${name}.json`);
    writeFileSync(`${path}.part`, `${drawn?.[0]}\n`);
    renameSync(`${path}.part`, path);
    return path;
  });
}
