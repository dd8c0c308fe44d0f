/** `lla fixtures list` and `lla fixtures show`: which fixtures there are, and what one of them holds. */
import { Command } from 'commander';
import pc from 'picocolors';
import { listCases } from '../fixtures/catalogue.ts';
import { describe, type Style, shownAs } from '../fixtures/describe.ts';
import type { Fixture } from '../fixtures/fixture.ts';
import { checkFixture } from '../fixtures/formats/check.ts';
import { BadFixture } from '../fixtures/formats/error.ts';
import { entrySizes, generateFixture } from '../fixtures/generate.ts';
import { loadFixtures } from '../fixtures/load.ts';
import { table } from '../gate/table.ts';
import { counted } from '../reference/tensor.ts';
import { fail } from './common.ts';
import { addFixtureOptions, choose, type FixtureFlags, failUnknown, givenFolder } from './fixture-options.ts';

function list(flags: FixtureFlags & { json?: boolean }): void {
  const { entries, set, version } = choose(flags);
  const rows = entries.map((entry) => {
    const { n, L, ...sizes } = entrySizes(entry);
    const { probe: _, ...rest } = entry;
    return { ...rest, sizes: { ...sizes, ...(entry.system.startsWith('log-linear-') ? { L } : {}) } };
  });
  if (flags.json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const lines = rows.map(({ name, sizes, flags: own, probes }) => [
    name,
    Object.entries(sizes)
      .map(([letter, size]) => `${letter}${size}`)
      .join(' '),
    own.join(', '),
    probes,
  ]);
  const widest = Math.max(...rows.map(({ name }) => name.length)) + 2;
  const count = (what: 'system' | 'dtype'): string => counted(new Set(rows.map((row) => row[what])).size, what);
  const counts = `${counted(rows.length, 'fixture')} (${set} set, version ${version}): ${count('system')}, ${count('dtype')}`;
  process.stdout.write(`${table(['fixture', 'sizes', 'flags', 'probes'], lines, [widest, 24, 22, 60])}\n${counts}\n`);
}

/** One colour a level, in turns. */
const COLORS = [pc.white, pc.cyan, pc.green, pc.yellow, pc.magenta, pc.blue, pc.red];
const style: Style = { bold: pc.bold, dim: pc.dim, level: (text, level) => COLORS[level % COLORS.length](text) };

async function find(name: string, folder: string | undefined): Promise<Fixture> {
  if (folder === undefined) {
    const all = listCases({ set: 'full' });
    const entry = all.find((each) => each.name === name);
    return entry
      ? checkFixture(generateFixture(entry, 0), name)
      : failUnknown(
          'fixture',
          name,
          all.map((each) => each.name),
        );
  }
  try {
    const { manifest, read } = loadFixtures(givenFolder(folder));
    const known = manifest.cases.map((each) => each.name);
    return known.includes(name) ? await read(name) : failUnknown('fixture', name, known);
  } catch (error) {
    if (error instanceof BadFixture) return fail(`${folder}: ${error.message}`);
    throw error;
  }
}

async function show(name: string, folder: string | undefined, flags: { json?: boolean }): Promise<void> {
  const fixture = await find(name, folder);
  process.stdout.write(flags.json ? `${JSON.stringify(shownAs(fixture))}\n` : describe(fixture, style));
}

export const fixtureLists = (): Command[] => [
  addFixtureOptions(new Command('list').description('list the fixtures, and what each of them probes'))
    .option('--json', 'print as JSON')
    .action(list),
  new Command('show')
    .description('what a fixture holds, and the mask of its case')
    .argument('<name>', 'as lla fixtures list prints it')
    .argument('[folder]', 'of lla fixtures export; made anew without it')
    .option('--json', 'print as JSON')
    .action(show),
];
