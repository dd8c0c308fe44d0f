/** `lla gate`: the laws on somebody's program, or on our own forms. */
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import { readExpectations } from '../gate/expectations.ts';
import { ProgramFailure } from '../gate/external/failure.ts';
import { type External, openProgram } from '../gate/external/implementation.ts';
import type { ProgramOptions } from '../gate/external/program.ts';
import type { GateVerdict } from '../gate/judge.ts';
import { keepFailures, readKept } from '../gate/kept.ts';
import { createOraclePool } from '../gate/oracle-pool.ts';
import { type Profile, profiles } from '../gate/profiles.ts';
import { createProgress } from '../gate/progress.ts';
import { type About, aboutOf, type GateOptions, reportOf, runGate, triplesOf } from '../gate/run.ts';
import { saveFailures } from '../gate/save.ts';
import type { Shard } from '../gate/shard.ts';
import { quickRuns } from '../gate/turns.ts';
import { BACKENDS } from '../gpu/device.ts';
import { closeDevices, DEFAULT_BACKEND, gpuForms, gpuName, type NodeBackend } from '../gpu/implementations.ts';
import { builtIn } from '../properties/implementations.ts';
import { GROUPS, type Implementation } from '../properties/law.ts';
import { everyLaw } from '../properties/laws/all.ts';
import { InvalidInput } from '../reference/errors.ts';
import { systems } from '../reference/systems/registry.ts';
import { runCheckProtocol } from './check-protocol.ts';
import { collect, fail, GPU, integer, openOrExit, pick, seconds } from './common.ts';
import { profileOption, runsOption, seedOption, startTimeoutOption } from './draw-options.ts';
import { EXIT } from './exit.ts';
import { addReportOptions, checkReports, printReport, type ReportFlags, writeReports } from './report-options.ts';
import { checkShard, shardOption } from './shard-option.ts';
import { endOnSignals } from './signals.ts';

/** The GPU form of a backend, under the name that the command line has for it. */
const gpuForm = (backend: NodeBackend): Implementation =>
  gpuForms.find(({ name }) => name === gpuName(backend)) as Implementation;

/** The forms that were asked for. A backend alone asks for the GPU form; nothing asks for those in float64. */
function pickForms(form: string[] | undefined, backend: NodeBackend | undefined): Implementation[] {
  const names = form ?? (backend === undefined ? builtIn.map(({ name }) => name) : [GPU]);
  if (backend !== undefined && !names.includes(GPU)) {
    fail(`--backend ${backend} is for the form gpu, which --form leaves out`);
  }
  const chosen = pick('form', [...builtIn, { name: GPU }], names);
  return chosen.map((each) => ('run' in each ? each : gpuForm(backend ?? DEFAULT_BACKEND)));
}

/** A program's implementations in those dtypes. */
function pickDtypes(all: readonly Implementation[], dtypes: string[] | undefined): Implementation[] {
  const named = all.map((implementation) => ({ name: implementation.precision.name, implementation }));
  return pick('dtype', named, dtypes).map(({ implementation }) => implementation);
}

/** Backends that are one device for the whole process; the others run in any thread. */
const isOneDevice = (backend: NodeBackend): boolean => backend === 'webgpu' || backend === 'headlessgl';

interface GateFlags extends ReportFlags {
  system?: string[];
  form?: string[];
  backend?: NodeBackend;
  law?: string[];
  seed: number;
  profile: Profile;
  runs?: number;
  path?: string;
  jobs?: number;
  shard?: Shard;
  dtype?: string[];
  timeout: number;
  startTimeout: number;
  memory?: number;
  checkProtocol?: boolean;
  save?: string;
  expectFailures?: string;
  enforceRecommended?: boolean;
  kept?: string;
  bail?: boolean;
}

function programOptions(command: readonly string[], { timeout, startTimeout, memory }: GateFlags): ProgramOptions {
  const second = 1000;
  return { command, timeout: timeout * second, startTimeout: startTimeout * second, memory };
}

/** Somebody's program, started; a program that does not say what it can do is exit code 3. */
async function openOrExplain(command: readonly string[], flags: GateFlags): Promise<External> {
  if (flags.form !== undefined || flags.backend !== undefined) {
    fail('--form and --backend choose forms of ours; leave them out where a program is judged');
  }
  try {
    return await openProgram(programOptions(command, flags), flags.jobs);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    const remedy = 'docs/protocol.md says what a program has to answer; --check-protocol says more about what is off';
    return fail(`${command.join(' ')}: ${error.message}\n(${remedy})`, EXIT.protocol);
  }
}

async function gate(command: readonly string[], flags: GateFlags): Promise<void> {
  checkReports(flags);
  const progress = createProgress('gate');
  const judged: GateVerdict[] = [];
  let about: About | null = null;
  const started = performance.now();
  endOnSignals(() => {
    progress.stop();
    // what was found so far is not lost
    if (about && judged.length > 0) {
      writeReports(flags, reportOf({ ...about, bailed: true }, judged, (performance.now() - started) / 1000));
      for (const path of writeFound(flags, judged)) process.stderr.write(`saved ${path}\n`);
      process.stderr.write(`interrupted after ${judged.length} verdicts\n`);
    }
  });
  if (command.length === 0 && flags.dtype !== undefined) {
    fail('--dtype chooses dtypes of a program, which is given after --');
  }
  const inputs = readInputs(flags);
  if (flags.checkProtocol) {
    if (command.length === 0) fail('--check-protocol talks to a program, which is given after --');
    return runCheckProtocol(programOptions(command, flags), flags);
  }
  const external = command.length > 0 ? await openOrExplain(command, flags) : null;
  const has = external?.implementations[0].abilities.systems;
  const isQuick = flags.profile === 'quick';
  const chosen = {
    implementations: external
      ? pickDtypes(external.implementations, flags.dtype)
      : pickForms(flags.form, flags.backend),
    systems: pick('system', systems, flags.system ?? (has && [...has])),
    laws: pick('law', everyLaw, flags.law, (law) => law.group),
    seed: flags.seed,
    // what was named does not wait
    ...(isQuick && { turns: { dtypes: flags.dtype === undefined, large: flags.law === undefined } }),
    ...inputs,
  };
  const triples = triplesOf(chosen);
  const options = {
    ...chosen,
    runs: flags.runs ?? (isQuick ? quickRuns(triples) : profiles[flags.profile]),
    path: flags.path,
    // each process of a program answers one case at a time; our own forms run in threads
    jobs: external ? 1 : (flags.jobs ?? availableParallelism()),
    // one law more than processes: while they work on answers, this thread has one to judge. With --bail nothing is begun ahead
    concurrency: external ? (flags.jobs ?? 1) + (flags.bail ? 0 : 1) : 1,
    bail: flags.bail,
    enforceRecommended: flags.enforceRecommended,
    command: external ? command : undefined,
    shard: flags.shard,
  };
  if (flags.path !== undefined) {
    const isOne = options.implementations.length === 1 && options.systems.length === 1 && options.laws.length === 1;
    if (!isOne || !/^\d+(:\d+)*$/.test(flags.path)) {
      fail('--path replays one case: give it as printed, with one --law, one --system and one --form');
    }
  }
  const applies = options.laws.some((law) => options.systems.some((system) => law.appliesTo(system)));
  if (!applies) fail('none of these laws speaks about any of these systems');
  const backend = flags.backend ?? DEFAULT_BACKEND;
  if (options.implementations.includes(gpuForm(backend))) {
    await openOrExit(backend);
    if (isOneDevice(backend)) options.jobs = 1;
  }
  const isReached = options.implementations.some(({ abilities }) =>
    options.systems.some(({ name }) => abilities.systems.includes(name)),
  );
  if (!isReached) {
    const forms = options.implementations.map(({ name }) => name).join(', ');
    fail(`${forms} has none of these systems; lla systems --json lists the forms of each`);
  }
  checkShard(flags.shard, triples);
  about = aboutOf(options);
  const pool = external ? createOraclePool(availableParallelism()) : null;
  const report = await runGate({
    ...options,
    ...(pool ? { oracle: pool } : {}),
    onStart: progress.start,
    onVerdict: (verdict) => {
      judged.push(verdict);
      progress.next(`${verdict.law} · ${verdict.system} · ${verdict.implementation}`);
    },
  });
  progress.stop();
  await closeDevices();
  await external?.close();
  await pool?.close();
  process.exitCode = report.conforms ? EXIT.conforms : EXIT.doesNot;
  about = null;
  const saved = writeFound(flags, report.verdicts);
  writeReports(flags, report);
  printReport(flags, report, saved);
}

/** The files of what failed, where they were asked for. */
const writeFound = (flags: GateFlags, verdicts: readonly GateVerdict[]): string[] => [
  ...(flags.save === undefined ? [] : writeOrExplain('--save', flags.save, verdicts, saveFailures)),
  ...(flags.kept === undefined ? [] : writeOrExplain('--kept', folderOf(flags.kept), verdicts, keepFailures)),
];

/** Files that say what is known of the implementation; a bad one is a usage error, found before anything runs. */
function readInputs({ expectFailures, kept }: GateFlags): Pick<GateOptions, 'expectations' | 'kept'> {
  try {
    return {
      ...(expectFailures === undefined ? {} : { expectations: readExpectations(expectFailures) }),
      ...(kept === undefined ? {} : { kept: readKept(kept) }),
    };
  } catch (error) {
    if (error instanceof InvalidInput) fail(error.message);
    throw error;
  }
}

/** Where new counterexamples go: into the folder, or beside the file that was given. */
const folderOf = (kept: string): string => (kept.endsWith('.json') ? dirname(kept) : kept);

/** A run is not lost because its counterexamples cannot be written. */
function writeOrExplain(
  option: string,
  folder: string,
  verdicts: readonly GateVerdict[],
  write: (folder: string, verdicts: readonly GateVerdict[]) => string[],
): string[] {
  try {
    return write(folder, verdicts);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    process.stderr.write(`error: ${option} ${folder}: ${message}; give a folder that can be written\n`);
    process.exitCode = EXIT.usage;
    return [];
  }
}

export const gateCommand = (): Command =>
  addReportOptions(new Command('gate'))
    .description('run the laws on a program of yours, or on the built-in forms, and print the table of verdicts')
    .argument('[command...]', 'after --: a program that speaks docs/protocol.md, with its arguments')
    .option('--dtype <names>', 'only these dtypes of the program', collect)
    .addOption(new Option('--timeout <seconds>', 'what the program has for a case').default(30).argParser(seconds))
    .addOption(startTimeoutOption())
    .addOption(
      new Option('--memory <MiB>', 'address space that each process of the program may have; any by default').argParser(
        integer(1, 'a positive integer'),
      ),
    )
    .option('--check-protocol', 'no laws: one conversation with the program, and what is off in it')
    .option('--save <folder>', 'write the shrunk case of each failure there, as JSON')
    .option('--kept <folder>', 'counterexamples found earlier: judged first, and new ones are added; or one file of it')
    .option(
      '--expect-failures <file>',
      'JSON list of laws that are known to fail, each with a reason; one that passes fails the run',
    )
    .option('--enforce-recommended', 'broken recommended laws fail the run too')
    .option('--bail', 'stop at the first failure that counts')
    .option('--system <names>', 'only these systems (repeat, or separate by commas); see lla systems', collect)
    .option('--form <names>', `only these forms: ${builtIn.map(({ name }) => name).join(', ')}, ${GPU}`, collect)
    .addOption(
      new Option(
        '--backend <name>',
        `where the form gpu runs, ${DEFAULT_BACKEND} by default; alone it means --form gpu`,
      ).choices(BACKENDS),
    )
    .option('--law <names>', `only these laws or groups (${GROUPS.join(', ')}); see lla laws`, collect)
    .addOption(seedOption())
    .addOption(profileOption('form'))
    .addOption(runsOption())
    .addOption(
      new Option(
        '--jobs <count>',
        'worker threads for forms, one a core by default; processes of a program, 1 by default',
      ).argParser(integer(1, 'a positive integer')),
    )
    .option('--path <path>', 'replay one shrunk case, with the seed and path that a failure printed')
    .addOption(shardOption())
    .action(gate);
