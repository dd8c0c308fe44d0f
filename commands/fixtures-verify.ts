/** `lla fixtures verify`: whether a folder of fixtures is whole, and answers to them right. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { checkFolder } from '../fixtures/check-folder.ts';
import { BadFixture } from '../fixtures/formats/error.ts';
import { loadFixtures } from '../fixtures/load.ts';
import { ProgramFailure } from '../gate/external/failure.ts';
import { type External, openProgram } from '../gate/external/implementation.ts';
import { BadAnswers } from '../gate/fixtures/answers.ts';
import { chosenCases, type VerifyOptions, verifyAnswers, verifyProgram } from '../gate/fixtures/verify.ts';
import { createProgress } from '../gate/progress.ts';
import type { GateReport } from '../gate/run.ts';
import { precisions } from '../properties/precision.ts';
import { systems } from '../reference/systems/registry.ts';
import { fail, integer, pick, seconds } from './common.ts';
import { startTimeoutOption } from './draw-options.ts';
import { EXIT } from './exit.ts';
import { addFilters, type FixtureFlags, failUnknown, givenFolder, isFiltered } from './fixture-options.ts';
import { megabytes } from './fixtures-export.ts';
import { addReportOptions, checkReports, printReport, type ReportFlags, writeReports } from './report-options.ts';
import { endOnSignals } from './signals.ts';

/** Version of what `--json` prints of a folder alone. */
const VERSION = 1;

interface VerifyFlags extends ReportFlags, FixtureFlags {
  timeout: number;
  startTimeout: number;
  jobs: number;
  enforceRecommended?: boolean;
}

/** The folder alone. */
async function checkAlone(folder: string, flags: VerifyFlags): Promise<void> {
  const reports = ['report', 'junit', 'html', 'badge'] as const;
  const asked = reports.find((name) => flags[name] !== undefined);
  if (asked || isFiltered(flags)) {
    fail(
      `${asked ? `--${asked} reports` : 'these options choose'} what is judged: give a folder of answers, or a program after --`,
    );
  }
  const progress = createProgress('verify');
  endOnSignals(progress.stop);
  const { manifest, files, bytes, faults, strangers } = await checkFolder(folder, {
    onStart: progress.start,
    onChecked: progress.next,
  }).finally(progress.stop);
  process.exitCode = faults.length > 0 ? EXIT.doesNot : EXIT.conforms;
  const { set, catalogue, seed, cases, formats } = manifest;
  if (flags.json) {
    const found = { version: VERSION, folder, whole: faults.length === 0, set, catalogue, seed, cases: cases.length };
    return void process.stdout.write(`${JSON.stringify({ ...found, formats, files, bytes, faults, strangers })}\n`);
  }
  for (const name of strangers) process.stderr.write(`warning: ${folder}/${name}: not in the manifest\n`);
  const what = `${cases.length} fixtures in ${formats.join(', ')}, ${files} files, ${megabytes(bytes)}`;
  const about = `${set} set, version ${catalogue}, seed ${seed}`;
  const verdict = faults.length === 0 ? 'whole' : `${faults.length} faults`;
  process.stdout.write([...faults, `${folder}: ${what} (${about}): ${verdict}`, ''].join('\n'));
}

/** The filter, with names that are there. */
function filterOf(folder: string, { dtype, system, flag, name }: VerifyFlags): VerifyOptions['filter'] {
  const { manifest } = loadFixtures(folder);
  pick('dtype', precisions, dtype);
  pick('system', systems, system);
  const known = manifest.cases.map((each) => each.name);
  const flags = [...new Set(manifest.cases.flatMap((each) => each.flags))];
  for (const each of name ?? []) if (!known.includes(each)) failUnknown('fixture', each, known);
  for (const each of flag ?? []) if (!flags.includes(each)) failUnknown('flag', each, flags);
  const filter = { dtypes: dtype, systems: system, flags: flag, names: name };
  if (chosenCases(manifest, filter).length === 0) fail(`${folder}: no fixture has all of that`);
  return filter;
}

async function open(command: readonly string[], { timeout, startTimeout, jobs }: VerifyFlags): Promise<External> {
  const second = 1000;
  try {
    return await openProgram({ command, timeout: timeout * second, startTimeout: startTimeout * second }, jobs);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    const remedy = 'docs/protocol.md says what a program has to answer; lla gate --check-protocol says what is off';
    return fail(`${command.join(' ')}: ${error.message}\n(${remedy})`, EXIT.protocol);
  }
}

async function judge(
  folder: string,
  flags: VerifyFlags,
  run: (options: VerifyOptions) => Promise<GateReport>,
): Promise<void> {
  checkReports(flags);
  const filter = filterOf(folder, flags);
  const progress = createProgress('verify');
  endOnSignals(progress.stop);
  const report = await run({
    filter,
    enforceRecommended: flags.enforceRecommended,
    onStart: progress.start,
    onJudged: progress.next,
  }).finally(progress.stop);
  process.exitCode = report.conforms ? EXIT.conforms : EXIT.doesNot;
  writeReports(flags, report);
  printReport(flags, report);
}

/** What stands before -- and behind it: commander hands on both as one list. */
function splitArguments(others: readonly string[]): { answers: string | null; command: readonly string[] } {
  const at = process.argv.indexOf('--');
  const behind = at < 0 ? 0 : process.argv.length - at - 1;
  const before = others.slice(0, others.length - behind);
  if (before.length > 1) fail(`one folder of answers, where ${before.length} are given: ${before.join(', ')}`);
  if (at >= 0 && behind === 0) fail('the program is missing behind --');
  if (before.length > 0 && behind > 0) fail('give a folder of answers, or a program after --; not both');
  return { answers: before[0] ?? null, command: others.slice(others.length - behind) };
}

/** Whether the answers are the fixtures: their folder, or that of their files. */
function isOf(answers: string, folder: string): boolean {
  if (!existsSync(answers)) return false;
  const own = [folder, join(folder, loadFixtures(folder).manifest.folder)].filter((each) => existsSync(each));
  return own.some((each) => realpathSync(each) === realpathSync(answers));
}

async function verify(folder: string, others: readonly string[], flags: VerifyFlags): Promise<void> {
  const { answers, command } = splitArguments(others);
  givenFolder(folder);
  try {
    if (command.length > 0) {
      await judge(folder, flags, async (options) => {
        const external = await open(command, flags);
        return verifyProgram(folder, external, command, options).finally(external.close);
      });
    } else if (answers !== null) {
      if (isOf(answers, folder)) {
        fail(`${answers}: that is the folder of the fixtures itself; give one with the answers of an implementation`);
      }
      const name = basename(resolve(answers));
      await judge(folder, flags, (options) => verifyAnswers(folder, answers, name, options));
    } else await checkAlone(folder, flags);
  } catch (error) {
    if (error instanceof BadAnswers) fail(error.message);
    if (error instanceof BadFixture) fail(`${folder}: ${error.message}`);
    throw error;
  }
}

export const verifyCommand = (): Command =>
  addFilters(
    addReportOptions(
      new Command('verify')
        .description('check a folder of fixtures; judge answers to them, or a program that is asked here')
        .argument('<folder>', 'of lla fixtures export')
        .argument('[answers...]', 'a folder with NAME.json, NAME.npz or NAME.safetensors; or after --: a program'),
    ),
  )
    .option('--enforce-recommended', 'broken recommended laws count too')
    .addOption(new Option('--timeout <seconds>', 'what the program has for a case').default(30).argParser(seconds))
    .addOption(startTimeoutOption())
    .addOption(
      new Option('--jobs <count>', 'processes of the program').default(1).argParser(integer(1, 'a positive integer')),
    )
    .action(verify);
