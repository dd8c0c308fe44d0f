/** `lla bundle` and `lla verdict`: the gate for machines without Node. */
import { Command } from 'commander';
import { BadBundle, readWhole } from '../gate/bundle/files.ts';
import { makeBundle, occupied } from '../gate/bundle/make.ts';
import { judgeBundle } from '../gate/bundle/verdict.ts';
import { readExpectations } from '../gate/expectations.ts';
import { ProgramFailure } from '../gate/external/failure.ts';
import { abilitiesOf, type Description } from '../gate/external/implementation.ts';
import { Program, VERSION } from '../gate/external/program.ts';
import { faultOf } from '../gate/external/validate.ts';
import { type Profile, profiles } from '../gate/profiles.ts';
import { createProgress } from '../gate/progress.ts';
import { saveFailures } from '../gate/save.ts';
import { GROUPS } from '../properties/law.ts';
import { everyLaw } from '../properties/laws/all.ts';
import type { Precision } from '../properties/precision.ts';
import { precisions } from '../properties/precision.ts';
import { InvalidInput } from '../reference/errors.ts';
import { systems } from '../reference/systems/registry.ts';
import { collect, fail, pick } from './common.ts';
import { profileOption, runsOption, seedOption, startTimeoutOption } from './draw-options.ts';
import { EXIT } from './exit.ts';
import { addReportOptions, checkReports, printReport, type ReportFlags, writeReports } from './report-options.ts';
import { endOnSignals } from './signals.ts';

/** A description is a line of the protocol. */
const LONGEST = 2 ** 20;

interface BundleFlags {
  describe?: string;
  force?: boolean;
  expected: boolean;
  system?: string[];
  law?: string[];
  dtype?: string[];
  seed: number;
  profile: Profile;
  runs?: number;
  startTimeout: number;
}

/** What the program says of itself, asked here or on the machine that has it. */
async function describe(
  command: readonly string[],
  { describe: file, startTimeout }: BundleFlags,
): Promise<Description> {
  if (command.length > 0 === (file !== undefined)) {
    fail('what the program can do has to be known: give the program after --, or --describe FILE; not both');
  }
  if (file !== undefined) {
    try {
      const fields = JSON.parse(readWhole(file, LONGEST));
      const fault = faultOf(fields);
      if (fault !== null) return fail(`--describe ${file}: ${fault.what}`);
      if (fields.type !== 'description' || fields.version !== VERSION) {
        return fail(`--describe ${file}: no description of version ${VERSION}; docs/protocol.md has its fields`);
      }
      const { type: _, version: __, ...description } = fields;
      return description;
    } catch (error) {
      if (error instanceof SyntaxError) return fail(`--describe ${file}: no JSON`);
      if (error instanceof BadBundle) return fail(`--describe: ${error.message}`);
      throw error;
    }
  }
  const milliseconds = startTimeout * 1000;
  const program = new Program({ command, timeout: milliseconds, startTimeout: milliseconds });
  try {
    const { version: _, ...description } = await program.describe();
    return description as unknown as Description;
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    return fail(`${command.join(' ')}: ${error.message}`, EXIT.protocol);
  } finally {
    await program.close();
  }
}

/** A fault of the file system is the user's to mend. */
function explainError(folder: string, error: unknown): never {
  if (error instanceof BadBundle) return fail(`${folder}: ${error.message}`);
  if (error instanceof InvalidInput) return fail(error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') throw error;
  return fail(`${folder}: ${message}`);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function bundle(folder: string, command: readonly string[], flags: BundleFlags): Promise<void> {
  const progress = createProgress('bundle');
  endOnSignals(progress.stop);
  try {
    const why = occupied(folder, flags.force);
    if (why !== null) fail(`${folder}: ${why}`);
    const description = await describe(command, flags);
    const named = precisions.filter(({ name }) => description.dtypes.includes(name));
    const dtypes = pick<Precision>('dtype', named, flags.dtype).map(({ name }) => name);
    const chosen = {
      systems: pick('system', systems, flags.system ?? [...abilitiesOf(description).systems]),
      laws: pick('law', everyLaw, flags.law, (law) => law.group),
    };
    if (!chosen.systems.some(({ name }) => description.systems.includes(name))) {
      fail(`${description.name} has none of these systems`);
    }
    if (!chosen.laws.some((law) => chosen.systems.some((system) => law.appliesTo(system)))) {
      fail('none of these laws speaks about any of these systems');
    }
    const { rounds } = await makeBundle({
      ...chosen,
      folder,
      description,
      command: command.length > 0 ? command : undefined,
      // in the program's own order, which is that of the verdicts
      dtypes: description.dtypes.filter((name) => dtypes.includes(name)),
      seed: flags.seed,
      runs: flags.runs ?? profiles[flags.profile],
      force: flags.force,
      expected: flags.expected,
      onStart: progress.start,
      onVerdict: ({ law, system, implementation }) => progress.next(`${law} · ${system} · ${implementation}`),
    });
    progress.stop();
    const [{ cases, expected }] = rounds;
    const program = command.length > 0 ? command.join(' ') : 'python3 my_adapter.py';
    process.stdout.write(
      [
        `${folder}: ${cases.messages} cases, ${megabytes(cases.bytes)}, and ${megabytes(expected.bytes)} of expected answers`,
        `there  python3 ${folder}/run.py -- ${program}`,
        `here   npx lla verdict ${folder}`,
        '',
      ].join('\n'),
    );
  } catch (error) {
    progress.stop();
    explainError(folder, error);
  }
}

interface VerdictFlags extends ReportFlags {
  save?: string;
  expectFailures?: string;
  enforceRecommended?: boolean;
}

async function verdict(folder: string, flags: VerdictFlags): Promise<void> {
  checkReports(flags);
  const progress = createProgress('verdict');
  endOnSignals(progress.stop);
  try {
    const judged = await judgeBundle(folder, {
      enforceRecommended: flags.enforceRecommended,
      ...(flags.expectFailures === undefined ? {} : { expectations: readExpectations(flags.expectFailures) }),
      onStart: progress.start,
      onVerdict: ({ law, system, implementation }) => progress.next(`${law} · ${system} · ${implementation}`),
    });
    progress.stop();
    if ('report' in judged) {
      const { report } = judged;
      process.exitCode = report.conforms ? EXIT.conforms : EXIT.doesNot;
      const saved = flags.save === undefined ? [] : saveFailures(flags.save, report.verdicts);
      writeReports(flags, report);
      printReport(flags, report, saved);
      if (!flags.json && report.summary.failed + report.summary.errors > 0) {
        process.stdout.write(
          'These cases are as they were drawn; the commands after "again" shrink them, where the program runs.\n',
        );
      }
      return;
    }
    process.exitCode = EXIT.unanswered;
    const { round, cases, state } = judged;
    const what = {
      new: `${cases} cases of another round are needed: they follow from answers`,
      unasked: `round ${round} (${cases} cases) has no answers yet`,
      unfinished: `round ${round} (${cases} cases) has not all of its answers yet`,
    }[state];
    const text = `${what}. Run ${folder}/run.py again, where the program is, then lla verdict ${folder}`;
    process.stdout.write(`${flags.json ? JSON.stringify({ version: 1, unanswered: judged }) : text}\n`);
  } catch (error) {
    progress.stop();
    explainError(folder, error);
  }
}

export const bundleCommand = (): Command =>
  new Command('bundle')
    .description('write cases as a folder, for a program on a machine without Node: docs/bundles.md')
    .argument('<folder>', 'is made')
    .argument('[command...]', 'after --: the program, asked here what it can do')
    .option('--describe <file>', 'what the program can do, as python3 my_adapter.py --describe prints it')
    .option('--force', 'replace a bundle that is there, and its answers')
    .option('--no-expected', "leave out the oracle's answers, for a folder of a third: the script then gives no hints")
    .option('--dtype <names>', 'only these dtypes of the program', collect)
    .option('--system <names>', 'only these systems (repeat, or separate by commas); see lla systems', collect)
    .option('--law <names>', `only these laws or groups (${GROUPS.join(', ')}); see lla laws`, collect)
    .addOption(seedOption())
    .addOption(profileOption('dtype'))
    .addOption(runsOption())
    .addOption(startTimeoutOption())
    .action(bundle);

export const verdictCommand = (): Command =>
  addReportOptions(
    new Command('verdict')
      .description('judge the answers in a folder of lla bundle: the verdicts of lla gate')
      .argument('<folder>', 'with the answers that run.py wrote'),
  )
    .option('--save <folder>', 'write the case of each failure there, as JSON')
    .option('--expect-failures <file>', 'JSON list of laws that are known to fail, as for lla gate')
    .option('--enforce-recommended', 'broken recommended laws count too')
    .action(verdict);
