#!/usr/bin/env node
/** The command line: arguments, printing, exit codes. 0 conforms, 1 does not, 2 usage or bad input, 3 a program broke the protocol. */
import { constants } from 'node:buffer';
import { createReadStream, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { initCommand } from './gate/commands/init.ts';
import { computeLines, invalid, respondOn, textOf } from './gate/compute-lines.ts';
import { explain } from './gate/explain.ts';
import { explanationText } from './gate/explain-text.ts';
import { ProgramFailure } from './gate/external/failure.ts';
import { type External, openProgram } from './gate/external/implementation.ts';
import type { GateVerdict } from './gate/judge.ts';
import { type Profile, profileNames, profiles } from './gate/profiles.ts';
import { createProgress } from './gate/progress.ts';
import { executionText, explainFailure, reportToJson, summaryText, verdictTable } from './gate/report.ts';
import { runGate } from './gate/run.ts';
import { saveFailures } from './gate/save.ts';
import { table } from './gate/table.ts';
import { BACKENDS, BackendUnavailable } from './gpu/device.ts';
import { examineBackends } from './gpu/doctor.ts';
import {
  closeDevices,
  DEFAULT_BACKEND,
  gpuForms,
  gpuName,
  gpuSystems,
  type NodeBackend,
  sharedDevice,
} from './gpu/implementations.ts';
import { builtIn } from './properties/implementations.ts';
import { GROUPS, type Implementation } from './properties/law.ts';
import { laws } from './properties/laws/all.ts';
import { type Precision, precisions } from './properties/precision.ts';
import { jsonText, parseAnswer, parseCase } from './reference/case-json.ts';
import { InvalidInput } from './reference/errors.ts';
import { systems } from './reference/systems/registry.ts';

const EXIT = { conforms: 0, doesNot: 1, usage: 2, protocol: 3, hungUp: 129, interrupted: 130, ended: 143 } as const;
const DEFAULT_SEED = 1;
const PRECISIONS = precisions.map(({ name }) => name).join(', ');
const DEFAULT_PROFILE: Profile = 'standard';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const integer =
  (least: number, what: string) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value > 2 ** 31 - 1 || value < least) {
      throw new InvalidArgumentError(`${text} given, ${what} wanted.`);
    }
    return value;
  };

function indices(text: string): number[] {
  if (/^\d{1,9}(,\d{1,9})*$/.test(text)) return text.split(',').map(Number);
  throw new InvalidArgumentError(`${text} given, integers of 0 or more, separated by commas, wanted.`);
}

/** A day is longer than any case, and timers end at 24 days. */
const LONGEST_SECONDS = 86_400;

function seconds(text: string): number {
  const value = integer(1, 'a positive integer')(text);
  if (value <= LONGEST_SECONDS) return value;
  throw new InvalidArgumentError(`${text} given, at most ${LONGEST_SECONDS} seconds wanted.`);
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), ...value.split(',')];

/** The entries with those names; a usage error for a name that is not there. */
function pick<T extends { name: string }>(
  what: string,
  all: readonly T[],
  names: string[] | undefined,
  also?: (entry: T) => string,
): T[] {
  if (names === undefined) return [...all];
  for (const name of names) {
    if (all.some((entry) => entry.name === name || also?.(entry) === name)) continue;
    const groups = also ? `${[...new Set(all.map(also))].join(', ')}; ` : '';
    program.error(
      `error: unknown ${what} '${name}'. There are: ${groups}${all.map((entry) => entry.name).join(', ')}`,
      {
        exitCode: EXIT.usage,
      },
    );
  }
  return all.filter((entry) => names.includes(entry.name) || (also !== undefined && names.includes(also(entry))));
}

const GPU = 'gpu';

/** The GPU form of a backend, under the name that the command line has for it. */
const gpuForm = (backend: NodeBackend): Implementation =>
  gpuForms.find(({ name }) => name === gpuName(backend)) as Implementation;

/** The forms that were asked for. A backend alone asks for the GPU form; nothing asks for those in float64. */
function pickForms(form: string[] | undefined, backend: NodeBackend | undefined): Implementation[] {
  const names = form ?? (backend === undefined ? builtIn.map(({ name }) => name) : [GPU]);
  if (backend !== undefined && !names.includes(GPU)) {
    program.error(`error: --backend ${backend} is for the form gpu, which --form leaves out`, { exitCode: EXIT.usage });
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

/** A backend that is not there is no failure of a law: it is said once, before anything is judged. */
async function openOrExit(backend: NodeBackend): Promise<void> {
  try {
    await sharedDevice(backend);
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    program.error(`error: ${error.message}`, { exitCode: EXIT.usage });
  }
}

interface GateFlags {
  system?: string[];
  form?: string[];
  backend?: NodeBackend;
  law?: string[];
  seed: number;
  profile: Profile;
  runs?: number;
  path?: string;
  jobs: number;
  json?: boolean;
  dtype?: string[];
  timeout: number;
  startTimeout: number;
  save?: string;
}

/** Somebody's program, started; a program that does not say what it can do is exit code 3. */
async function openOrExplain(command: readonly string[], flags: GateFlags): Promise<External> {
  if (flags.form !== undefined || flags.backend !== undefined) {
    program.error('error: --form and --backend choose forms of ours; leave them out where a program is judged', {
      exitCode: EXIT.usage,
    });
  }
  const second = 1000;
  const options = { command, timeout: flags.timeout * second, startTimeout: flags.startTimeout * second };
  try {
    return await openProgram(options);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    const remedy = 'docs/protocol.md says what a program has to answer';
    return program.error(`error: ${command.join(' ')}: ${error.message}\n(${remedy})`, { exitCode: EXIT.protocol });
  }
}

async function gate(command: readonly string[], flags: GateFlags): Promise<void> {
  const progress = createProgress('gate');
  const leave = (code: number) => () => {
    progress.stop();
    process.exit(code);
  };
  process.once('SIGINT', leave(EXIT.interrupted)).once('SIGTERM', leave(EXIT.ended)).once('SIGHUP', leave(EXIT.hungUp));
  if (command.length === 0 && flags.dtype !== undefined) {
    program.error('error: --dtype chooses dtypes of a program, which is given after --', { exitCode: EXIT.usage });
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
    // a program answers one case at a time
    jobs: external ? 1 : flags.jobs,
  };
  if (flags.path !== undefined) {
    const isOne = options.implementations.length === 1 && options.systems.length === 1 && options.laws.length === 1;
    if (!isOne || !/^\d+(:\d+)*$/.test(flags.path)) {
      program.error('error: --path replays one case: give it as printed, with one --law, one --system and one --form', {
        exitCode: EXIT.usage,
      });
    }
  }
  const applies = options.laws.some((law) => options.systems.some((system) => law.appliesTo(system)));
  if (!applies) program.error('error: none of these laws speaks about any of these systems', { exitCode: EXIT.usage });
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
    program.error(`error: ${forms} has none of these systems; lla systems --json lists the forms of each`, {
      exitCode: EXIT.usage,
    });
  }
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
  if (flags.json) {
    process.stdout.write(`${reportToJson(report)}\n`);
  } else {
    const failures = report.verdicts.filter(({ status }) => status === 'failed' || status === 'error');
    const parts = [
      verdictTable(report, pc),
      ...failures.map((verdict) => explainFailure(verdict, pc)),
      executionText(report),
      saved.map((path) => `saved ${path}`).join('\n'),
      summaryText(report, pc),
    ].filter((part) => part !== '');
    process.stdout.write(`${parts.join('\n\n')}\n`);
  }
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

const precisionNamed = (name: string): Precision => pick('precision', precisions, [name])[0];

interface ComputeFlags {
  bounds?: string;
  backend: NodeBackend;
}

async function compute(file: string | undefined, flags: ComputeFlags): Promise<void> {
  const respond = respondOn(flags.backend, flags.bounds === undefined ? undefined : precisionNamed(flags.bounds));
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
  try {
    const { bad } = await computeLines(input, process.stdout, respond);
    process.exitCode = bad > 0 ? EXIT.usage : EXIT.conforms;
    await closeDevices();
  } catch (error) {
    if (error instanceof BackendUnavailable)
      program.error(`error: compute: ${error.message}`, { exitCode: EXIT.usage });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    program.error(`error: compute: ${file}: ${message}`, { exitCode: EXIT.usage });
  }
}

/** All of a file, or of standard input, as text. */
async function readText(argument: string, file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await buffer(file === '-' ? process.stdin : createReadStream(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const remedy = 'give the path of a file, or - for standard input';
    throw new InvalidInput('explain', argument, `${file} (${message})`, 'a file that can be read', remedy);
  }
  const isTooLong = bytes.length > constants.MAX_STRING_LENGTH;
  return textOf(isTooLong ? null : bytes, 'explain', argument, 'a file');
}

interface ExplainFlags {
  precision: string;
  output?: string;
  index?: number[];
  answer?: string;
  json?: boolean;
}

async function explainCase(file = '-', flags: ExplainFlags): Promise<void> {
  const precision = precisionNamed(flags.precision);
  try {
    if (file === '-' && flags.answer === '-') {
      throw new InvalidInput('explain', '--answer', '- for the case and the answer', 'one of them in a file');
    }
    const { form, ...rest } = parseCase(await readText('case', file), 'explain');
    // bounds are of the case, not of a form, and the GPU form is none of the oracle's
    const c = (form as string | undefined) === GPU ? rest : { ...rest, form };
    const answer =
      flags.answer === undefined ? undefined : parseAnswer(await readText('--answer', flags.answer), 'explain');
    const explanation = explain(c, precision, { output: flags.output, index: flags.index, answer });
    // picocolors alone would colour a pipe too where CI is set
    const colors = process.stdout.isTTY ? pc : pc.createColors(false);
    process.stdout.write(`${flags.json ? jsonText(explanation) : explanationText(explanation, colors)}\n`);
    process.exitCode = explanation.conforms === false ? EXIT.doesNot : EXIT.conforms;
  } catch (error) {
    process.stderr.write(`error: ${invalid(error, 'explain').message}\n`);
    process.exitCode = EXIT.usage;
  }
}

function listLaws(flags: { json?: boolean }): void {
  const rows = laws.map(({ name, group, statement, citation, prerequisites }) => ({
    name,
    group,
    statement,
    citation,
    prerequisites,
  }));
  if (flags.json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const lines = rows.map(({ name, group, statement, citation }) => [name, group, `${statement} (${citation})`]);
  process.stdout.write(`${table(['law', 'group', 'statement'], lines, [36, 13, 74])}\n`);
}

function listSystems(flags: { json?: boolean }): void {
  const rows = systems.map(({ name, title, citation, recurrence, required }) => ({
    name,
    title,
    transition: recurrence?.formula ?? null,
    inputs: required,
    forms: [
      ...builtIn.filter(({ abilities }) => abilities.systems.includes(name)).map((form) => form.name),
      ...(gpuSystems.includes(name) ? [GPU] : []),
    ],
    citation,
  }));
  if (flags.json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const lines = rows.map(({ name, transition, inputs, citation }) => [
    name,
    transition ?? '–',
    inputs.join(' '),
    citation,
  ]);
  process.stdout.write(`${table(['system', 'F_t(S)', 'inputs', 'source'], lines, [27, 36, 28, 36])}\n`);
}

async function doctor(flags: { json?: boolean }): Promise<void> {
  const findings = await examineBackends();
  await closeDevices();
  const works = findings.some(({ backend, works }) => backend === DEFAULT_BACKEND && works);
  process.exitCode = works ? EXIT.conforms : EXIT.doesNot;
  if (flags.json) return void process.stdout.write(`${JSON.stringify(findings)}\n`);
  const lines = findings.map(({ backend, works, adapter, reason, remedy }) => [
    backend + (backend === DEFAULT_BACKEND ? ' (default)' : ''),
    works ? 'works' : 'no',
    [adapter, reason, remedy].filter((part) => part !== null).join('; '),
  ]);
  process.stdout.write(`${table(['backend', '', 'on what, or why not and what to install'], lines, [20, 9, 90])}\n`);
}

const PROFILES = profileNames.map((name) => `${name} ${profiles[name]}`).join(', ');

const program = new Command('lla')
  .description(
    'Conformance suite for log-linear attention (arXiv 2506.04761): a float64 oracle in three forms,\nlaws that judge an implementation, and the gate that runs them.',
  )
  .version(version)
  .showHelpAfterError('(lla --help lists commands and options)')
  .exitOverride(({ exitCode }) =>
    process.exit(exitCode === EXIT.conforms || exitCode === EXIT.protocol ? exitCode : EXIT.usage),
  )
  .addHelpText(
    'after',
    `
Examples:
  lla gate                                         every law on every form and system
  lla gate --system log-linear-mamba2 --law causality --runs 200
  lla gate -- python3 my_adapter.py                the laws on a program of yours: docs/protocol.md
  lla gate --json > verdicts.json                  progress goes to stderr
  lla gate --backend webgpu                        the laws on the GPU form, on that backend; see lla doctor
  lla compute cases.jsonl > answers.jsonl          one JSON case a line, one answer a line
  lla compute --bounds bfloat16 < cases.jsonl      the same, and how far a bfloat16 kernel may be from each number
  lla explain case.json --precision bfloat16 --output gradients.k --index 0,3,0,1
  lla explain case.json --precision bfloat16 --answer mine.json
  lla laws --json | jq -r '.[].statement'

Exit codes: 0 conforms, 1 does not, 2 usage or bad input, 3 a program broke the protocol. NO_COLOR is honoured.`,
  );

program
  .command('gate')
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
  .option('--json', 'print the verdicts as JSON')
  .action(gate);

program
  .command('compute')
  .description('answer JSON cases, one a line, by the oracle; bad cases answer their error')
  .argument('[file]', 'file of cases; standard input if left out or -')
  .option('--bounds <precision>', `with each answer how far a correct implementation may be from it: ${PRECISIONS}`)
  .addOption(
    new Option('--backend <name>', 'where cases of the form gpu are answered')
      .choices(BACKENDS)
      .default(DEFAULT_BACKEND),
  )
  .action(compute);

program
  .command('explain')
  .description('say for one element of a JSON case where its bound comes from; judge an answer by its bounds')
  .argument('[file]', 'the case; standard input if left out or -')
  .option('--precision <name>', PRECISIONS, precisions[0].name)
  .option('--output <name>', 'o, finalState, gradients.k, …')
  .addOption(
    new Option(
      '--index <indices>',
      'the element, like 0,3,0,1; left out, that with the largest bound for its size',
    ).argParser(indices),
  )
  .option(
    '--answer <file>',
    "somebody's answer as JSON: lists the worst element of each output; exit code 1 if one is wrong",
  )
  .option('--json', 'print as JSON')
  .action(explainCase);

program.addCommand(initCommand().copyInheritedSettings(program));
program.command('laws').description('list the laws').option('--json', 'print as JSON').action(listLaws);
program.command('systems').description('list the systems').option('--json', 'print as JSON').action(listSystems);
program
  .command('doctor')
  .description('say which backends of the form gpu work here, on what, and what is missing for the others')
  .option('--json', 'print as JSON')
  .action(doctor);

/** A reader that has seen enough (| head) is no fault; anything else that keeps us from printing is. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`error: cannot write the output: ${error.message}\n`);
  process.exit(EXIT.usage);
});

await program.parseAsync();
