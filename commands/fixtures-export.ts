/** `lla fixtures export`: fixtures as a folder; and whether today's code still makes the same. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { latestVersion, listCases, type SetName } from '../fixtures/catalogue.ts';
import { compareFolder } from '../fixtures/compare-folder.ts';
import {
  type CheckOptions,
  checkFixtures,
  EXPORT_FORMATS,
  ExportError,
  type ExportFormat,
  exportFixtures,
  NoHashes,
} from '../fixtures/export.ts';
import { FolderError } from '../fixtures/folder-error.ts';
import { BadFixture } from '../fixtures/formats/error.ts';
import { BadHashes } from '../fixtures/hashes.ts';
import type { Manifest } from '../fixtures/manifest.ts';
import { createProgress } from '../gate/progress.ts';
import { collect, fail, integer } from './common.ts';
import { EXIT } from './exit.ts';
import { addFixtureOptions, choose, type FixtureFlags, givenFolder, isFiltered } from './fixture-options.ts';
import { endOnSignals } from './signals.ts';

/** Version of what `--json` prints. */
const VERSION = 1;
/** So few are made before threads have started. */
const FEW = 300;

interface ExportFlags extends FixtureFlags {
  format?: string[];
  seed: number;
  replace?: boolean;
  jobs?: number;
  check?: boolean;
  json?: boolean;
}

export const megabytes = (bytes: number): string =>
  bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** The formats that were asked for, each once, in our order. */
function pickFormats(
  names: string[] | undefined,
  standard: readonly ExportFormat[] = ['json'],
): readonly ExportFormat[] {
  if (names === undefined) return standard;
  const unknown = names.find((name) => name !== 'all' && !EXPORT_FORMATS.includes(name as ExportFormat));
  if (unknown !== undefined) fail(`unknown format '${unknown}'. There are: ${EXPORT_FORMATS.join(', ')}, all`);
  return EXPORT_FORMATS.filter((name) => names.includes(name) || names.includes('all'));
}

const jobsFor = (count: number, { jobs }: ExportFlags): number => jobs ?? (count <= FEW ? 1 : availableParallelism());

const say = (json: boolean | undefined, value: object, lines: readonly string[]): void =>
  void process.stdout.write(json ? `${JSON.stringify({ version: VERSION, ...value })}\n` : `${lines.join('\n')}\n`);

/** A fault that has a sentence; anything else is ours. */
function explain(error: unknown): never {
  if (error instanceof ExportError || error instanceof BadHashes) return fail(error.message, EXIT.doesNot);
  if (error instanceof FolderError || error instanceof NoHashes || error instanceof BadFixture)
    return fail(error.message);
  throw error;
}

async function write(folder: string, flags: ExportFlags): Promise<void> {
  const { entries, set, version } = choose(flags);
  const formats = pickFormats(flags.format);
  const progress = createProgress('fixtures');
  const { seed, replace, json, dtype } = flags;
  let abandon = (): void => {};
  endOnSignals(() => {
    progress.stop();
    abandon();
  });
  try {
    const chosen = {
      ...{ entries, set, version, seed, formats, jobs: jobsFor(entries.length, flags) },
      ...(dtype ? { dtypes: [...new Set(dtype)] } : {}),
      onMade: ({ entry }: { entry: { name: string } }) => progress.next(entry.name),
    };
    const { folder: content, ...exported } = await exportFixtures(folder, chosen, {
      replace,
      onOpen: (writer) => {
        abandon = writer.abandon;
        progress.start(entries.length);
      },
    });
    progress.stop();
    const { cases, bytes, left } = exported;
    for (const what of left)
      process.stderr.write(`${folder}: ${what} of the export before is left: it cannot be removed\n`);
    const are = counted(cases, set, version);
    say(json, { folder, content, ...exported, set, catalogue: version, seed, formats }, [
      `${join(folder, content)}: ${are.count}, ${megabytes(bytes)} (${are.about}, seed ${seed})`,
      `judge answers to them:  lla fixtures verify ${folder} ANSWERS   or   lla fixtures verify ${folder} -- PROGRAM`,
    ]);
  } catch (error) {
    progress.stop();
    explain(error);
  }
}

/** What the manifest of a folder asks to be made again. */
function askedBy({ catalogue: version, set, seed, dtypes, formats, extras, cases }: Manifest) {
  const names = new Set(cases.map(({ name }) => name));
  const all = listCases({ version, set: 'full' });
  const known = new Set(all.map(({ name }) => name));
  return {
    chosen: {
      ...{ version, set, seed },
      ...(dtypes ? { dtypes } : {}),
      entries: all.filter(({ name }) => names.has(name)),
      formats: [...formats, ...(extras ? (['c'] as const) : [])],
    },
    unknown: [...names].filter((name) => !known.has(name)),
  };
}

/** Whether these are all of the set. */
const isWholeSet = (count: number, set: SetName, version: number): boolean =>
  count === listCases({ set, version }).length;

/** How many of what they are. */
const counted = (count: number, set: SetName, version: number): { count: string; about: string } =>
  isWholeSet(count, set, version)
    ? { count: `${count} fixtures`, about: `${set} set, version ${version}` }
    : { count: `${count} of the ${set} set`, about: `version ${version}` };

/** Compares what is made now with the hashes, and with a folder. */
async function check(folder: string | undefined, flags: ExportFlags): Promise<void> {
  if (flags.replace) fail('--check writes nothing; leave out --replace');
  if (folder !== undefined && (flags.set || isFiltered(flags) || flags.format || flags.fixturesVersion)) {
    fail('what is checked is what the manifest of the folder lists; leave out the other options, or the folder');
  }
  if (flags.seed !== 0) fail('hashes are those of seed 0; leave out --seed');
  const progress = createProgress('check');
  endOnSignals(progress.stop);
  try {
    const comparison = folder === undefined ? null : compareFolder(givenFolder(folder));
    const made = comparison?.manifest.catalogue ?? 1;
    if (made > latestVersion()) {
      fail(
        `${folder}: its fixtures are of version ${made}, and ${latestVersion()} is the latest here; nothing was checked`,
      );
    }
    const asked = comparison && askedBy(comparison.manifest);
    const chosen = asked?.chosen ?? { ...choose(flags), seed: 0, formats: pickFormats(flags.format) };
    const options: CheckOptions = {
      ...chosen,
      jobs: jobsFor(chosen.entries.length, flags),
      isWhole: !isFiltered(flags) && isWholeSet(chosen.entries.length, chosen.set, chosen.version),
      onMade: (made, at) => {
        comparison?.take(made, at);
        progress.next(made.entry.name);
      },
    };
    progress.start(chosen.entries.length);
    const { cases, differing, listed } = await checkFixtures(options);
    progress.stop();
    const faults = [
      ...(asked?.unknown ?? []).map((name) => `${name}: there is no such fixture in version ${chosen.version}`),
      ...(comparison?.end(chosen, listed) ?? []),
    ];
    process.exitCode = differing.length + faults.length > 0 ? EXIT.doesNot : EXIT.conforms;
    const { set, version } = chosen;
    const are = counted(cases, set, version);
    const what = `${are.count} (${are.about})`;
    const where = folder === undefined ? '' : ` and ${folder}`;
    say(
      flags.json,
      { cases, set, catalogue: version, differing, ...(folder === undefined ? {} : { folder, faults }) },
      [
        ...differing.map(({ name, why }) => `${name}: ${why}`),
        ...faults.map((fault) => `${folder}: ${fault}`),
        differing.length + faults.length === 0
          ? `${what}: all as released${where === '' ? '' : `, and ${folder} has their bytes`}`
          : `${what}: ${differing.length} differ from version ${version}${where === '' ? '' : `, ${faults.length} faults in ${folder}`}`,
      ],
    );
  } catch (error) {
    progress.stop();
    explain(error);
  }
}

async function run(folder: string | undefined, flags: ExportFlags): Promise<void> {
  if (flags.check) return check(folder, flags);
  if (folder === undefined) return fail('the folder that is to be made is missing: lla fixtures export FOLDER');
  return write(folder, flags);
}

export const exportCommand = (): Command =>
  addFixtureOptions(
    new Command('export')
      .description('write fixtures into a folder, whole or not at all: docs/fixtures.md')
      .argument('[folder]', 'is made; with --check: one that is compared, byte for byte')
      .option(
        '--format <names>',
        `${EXPORT_FORMATS.join(', ')} or all; json by default. c is one header, beside JSON`,
        collect,
      )
      .option('--replace', 'put them in place of fixtures that are there')
      .option('--check', 'write nothing: say which fixtures are made otherwise than they were released')
      .option('--json', 'print what was written, or what differs, as JSON'),
  )
    .addOption(
      new Option('--seed <integer>', 'other numbers in the same shapes; 0 is what is released')
        .default(0)
        .argParser(integer(-(2 ** 31), 'an integer from -2^31 to 2^31 - 1')),
    )
    .addOption(
      new Option('--jobs <count>', `worker threads; for more than ${FEW} fixtures one a core by default`).argParser(
        integer(1, 'a positive integer'),
      ),
    )
    .action(run);
