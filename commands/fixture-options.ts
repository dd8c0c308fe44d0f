/** Which fixtures a command is about: the same options for all of them. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type CaseEntry, latestVersion, listCases, type SetName } from '../fixtures/catalogue.ts';
import { MANIFEST } from '../fixtures/manifest.ts';
import { nearest } from '../fixtures/nearest.ts';
import { precisions } from '../properties/precision.ts';
import { systems } from '../reference/systems/registry.ts';
import { collect, fail, integer, PRECISIONS, pick } from './common.ts';

export interface FixtureFlags {
  set?: SetName;
  dtype?: string[];
  system?: string[];
  flag?: string[];
  name?: string[];
  fixturesVersion?: number;
}

/** Options that leave fixtures out. */
export const addFilters = (command: Command): Command =>
  command
    .option('--dtype <names>', `only these dtypes (${PRECISIONS}); repeat, or separate by commas`, collect)
    .option('--system <names>', 'only these systems; see lla systems', collect)
    .option('--flag <names>', 'only fixtures with all of these flags; lla fixtures list shows them', collect)
    .option('--name <names>', 'only these fixtures', collect);

export const addFixtureOptions = (command: Command): Command =>
  addFilters(
    command.addOption(
      new Option(
        '--set <name>',
        'small: each probe in one dtype; full: everything. Small by default, full where names are given',
      ).choices(['small', 'full']),
    ),
  ).addOption(
    new Option('--fixtures-version <number>', 'the fixtures of an earlier version; the latest by default').argParser(
      integer(1, 'a positive integer'),
    ),
  );

/** Ends with the names that were likely meant. */
export function failUnknown(what: string, name: string, known: readonly string[]): never {
  const likely = nearest(name, known);
  const hint = likely.length > 0 ? `Did you mean ${likely.join(', ')}?` : 'lla fixtures list shows what there is';
  return fail(`unknown ${what} '${name}'. ${hint}`);
}

/** The folder, if it can be one of fixtures; a usage error otherwise. */
export function givenFolder(folder: string): string {
  const remedy = 'give one that lla fixtures export wrote';
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) fail(`${folder || "''"}: there is no such folder; ${remedy}`);
  if (!found.isDirectory()) fail(`${folder}: it is a file, where a folder is wanted; ${remedy}`);
  if (!existsSync(join(folder, MANIFEST))) fail(`${folder}: there are no fixtures in it (no ${MANIFEST}); ${remedy}`);
  return folder;
}

/** Whether these leave anything of a set out. */
export const isFiltered = ({ dtype, system, flag, name }: FixtureFlags): boolean =>
  [dtype, system, flag, name].some((each) => each !== undefined);

/** The fixtures that were asked for; a usage error for names that are not there, and where nothing is left. */
export function choose(flags: FixtureFlags): { entries: CaseEntry[]; set: SetName; version: number } {
  const {
    dtype,
    system,
    flag,
    name,
    set = name ? 'full' : 'small',
    fixturesVersion: version = latestVersion(),
  } = flags;
  if (version > latestVersion()) fail(`--fixtures-version ${version}: the latest is ${latestVersion()}`);
  pick('dtype', precisions, dtype);
  pick('system', systems, system);
  const all = listCases({ set: 'full', version });
  const known = { flag: [...new Set(all.flatMap(({ flags }) => flags))], fixture: all.map(({ name }) => name) };
  for (const each of flag ?? []) if (!known.flag.includes(each)) failUnknown('flag', each, known.flag);
  for (const each of name ?? []) if (!known.fixture.includes(each)) failUnknown('fixture', each, known.fixture);
  const entries = listCases({ version, set, dtypes: dtype, systems: system, flags: flag, names: name });
  if (entries.length === 0) {
    const where = set === 'small' ? 'of the small set has all of that; --set full has more' : 'has all of that';
    fail(`no fixture ${where}`);
  }
  return { entries, set, version };
}
