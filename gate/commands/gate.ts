/** `lla gate`: the laws on somebody's program, or on our own forms. */
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { BACKENDS } from '../../gpu/device.ts';
import { closeDevices, DEFAULT_BACKEND, gpuForms, gpuName, type NodeBackend } from '../../gpu/implementations.ts';
import { builtIn } from '../../properties/implementations.ts';
import { GROUPS, type Implementation } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';
import { ProgramFailure } from '../external/failure.ts';
import { type External, openProgram } from '../external/implementation.ts';
import type { GateVerdict } from '../judge.ts';
import { type Profile, profileNames, profiles } from '../profiles.ts';
import { createProgress } from '../progress.ts';
import { runGate, triplesOf } from '../run.ts';
import { saveFailures } from '../save.ts';
import type { Shard } from '../shard.ts';
import { collect, EXIT, fail, GPU, integer, openOrExit, pick, seconds } from './common.ts';
import { addReportOptions, checkReports, printReport, type ReportFlags, writeReports } from './report-options.ts';
import { checkShard, shardOption } from './shard-option.ts';

const DEFAULT_SEED = 1;
const DEFAULT_PROFILE: Profile = 'standard';
const PROFILES = profileNames.map((name) => `${name} ${profiles[name]}`).join(', ');

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
  jobs: number;
  shard?: Shard;
  dtype?: string[];
  timeout: number;
  startTimeout: number;
  save?: string;
}

/** Somebody's program, started; a program that does not say what it can do is exit code 3. */
async function openOrExplain(command: readonly string[], flags: GateFlags): Promise<External> {
  if (flags.form !== undefined || flags.backend !== undefined) {
    fail('--form and --backend choose forms of ours; leave them out where a program is judged');
  }
  const second = 1000;
  const options = { command, timeout: flags.timeout * second, startTimeout: flags.startTimeout * second };
  try {
    return await openProgram(options);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    const remedy = 'docs/protocol.md says what a program has to answer';
    return fail(`${command.join(' ')}: ${error.message}\n(${remedy})`, EXIT.protocol);
  }
}

async function gate(command: readonly string[], flags: GateFlags): Promise<void> {
  checkReports(flags);
  const progress = createProgress('gate');
  const leave = (code: number) => () => {
    progress.stop();
    process.exit(code);
  };
  process.once('SIGINT', leave(EXIT.interrupted)).once('SIGTERM', leave(EXIT.ended)).once('SIGHUP', leave(EXIT.hungUp));
  if (command.length === 0 && flags.dtype !== undefined) {
    fail('--dtype chooses dtypes of a program, which is given after --');
  }
  const external = command.length > 0 ? await openOrExplain(command, flags) : null;
  const has = external?.implementations[0].abilities.systems;
  const options = {
    implementations: external
      ? pickDtypes(external.implementations, flags.dtype)
      : pickForms(flags.form, flags.backend),
    systems: pick('system', systems, flags.system ?? (has && [...has])),
    laws: pick('law', laws, flags.law, (law) => law.group),
    seed: flags.seed,
    runs: flags.runs ?? profiles[flags.profile],
    path: flags.path,
    command: external ? command : undefined,
    shard: flags.shard,
    // a program answers one case at a time
    jobs: external ? 1 : flags.jobs,
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
  checkShard(flags.shard, triplesOf(options));
  const report = await runGate({
    ...options,
    onStart: progress.start,
    onVerdict: ({ law, system, implementation }) => progress.next(`${law} · ${system} · ${implementation}`),
  });
  progress.stop();
  await closeDevices();
  await external?.program.close();
  process.exitCode = report.conforms ? EXIT.conforms : EXIT.doesNot;
  const saved = flags.save === undefined ? [] : saveOrExplain(flags.save, report.verdicts);
  writeReports(flags, report);
  printReport(flags, report, saved);
}

function saveOrExplain(folder: string, verdicts: readonly GateVerdict[]): string[] {
  try {
    return saveFailures(folder, verdicts);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    process.stderr.write(`error: --save ${folder}: ${message}; give a folder that can be written\n`);
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
    .addOption(
      new Option('--start-timeout <seconds>', 'what the program has to start and say what it can do')
        .default(60)
        .argParser(seconds),
    )
    .option('--save <folder>', 'write the shrunk case of each failure there, as JSON')
    .option('--system <names>', 'only these systems (repeat, or separate by commas); see lla systems', collect)
    .option('--form <names>', `only these forms: ${builtIn.map(({ name }) => name).join(', ')}, ${GPU}`, collect)
    .addOption(
      new Option(
        '--backend <name>',
        `where the form gpu runs, ${DEFAULT_BACKEND} by default; alone it means --form gpu`,
      ).choices(BACKENDS),
    )
    .option('--law <names>', `only these laws or groups (${GROUPS.join(', ')}); see lla laws`, collect)
    .addOption(
      new Option('--seed <integer>', 'everything that is drawn follows from it')
        .default(DEFAULT_SEED)
        .argParser(integer(-(2 ** 31), 'an integer from -2^31 to 2^31 - 1')),
    )
    .addOption(
      new Option('--profile <name>', `cases for each law, system and form: ${PROFILES}`)
        .choices(profileNames)
        .default(DEFAULT_PROFILE),
    )
    .addOption(
      new Option('--runs <count>', 'so many cases instead, whatever the profile').argParser(
        integer(1, 'a positive integer'),
      ),
    )
    .addOption(
      new Option('--jobs <count>', 'worker threads')
        .default(availableParallelism(), 'one a core')
        .argParser(integer(1, 'a positive integer')),
    )
    .option('--path <path>', 'replay one shrunk case, with the seed and path that a failure printed')
    .addOption(shardOption())
    .action(gate);
