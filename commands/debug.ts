/** `lla debug`: from a failing case to where it is wrong, what is computed instead, the smallest case, and what is likely the cause. */
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { clockOf } from '../debug/budget.ts';
import { type Failure, failureOf, isWrong, type Subject } from '../debug/failure.ts';
import { debugJson } from '../debug/report/json.ts';
import { type DebugReport, isFaulty, testsOf } from '../debug/report/report.ts';
import { debugText } from '../debug/report/text.ts';
import { BadFixture } from '../fixtures/formats/error.ts';
import { invalid } from '../gate/compute-lines.ts';
import { ProgramFailure, visible } from '../gate/external/failure.ts';
import { type External, openProgram } from '../gate/external/implementation.ts';
import { quoted } from '../gate/report.ts';
import { checkTarget, writeWhole } from '../gate/reports/files.ts';
import { BACKENDS } from '../gpu/device.ts';
import { closeDevices, type NodeBackend } from '../gpu/implementations.ts';
import { positionsAfter } from '../properties/edit.ts';
import { type Implementation, OutsideAbilities } from '../properties/law.ts';
import { findPrecision, type Precision, precisions } from '../properties/precision.ts';
import type { Answer, Case } from '../reference/case.ts';
import { InvalidInput } from '../reference/errors.ts';
import { DEFAULT_CHUNK_SIZE } from '../reference/shapes.ts';
import { fail, integer, openOrExit, PRECISIONS, precisionNamed, seconds } from './common.ts';
import { wrongElsewhere } from './debug/elsewhere.ts';
import { type DebugInput, type Prepared, prepare, readInput } from './debug/input.ts';
import { answerIn, formNamed, inDtype } from './debug/subject.ts';
import { startTimeoutOption } from './draw-options.ts';
import { EXIT } from './exit.ts';
import { endOnSignals } from './signals.ts';

interface DebugFlags {
  answer?: string;
  form?: string;
  backend?: NodeBackend;
  precision?: string;
  dtype?: string;
  html?: string;
  json?: boolean;
  python?: string;
  numpy?: string;
  typescript?: string;
  minimise: boolean;
  probe: boolean;
  diagnose: boolean;
  seconds: number;
  timeout: number;
  startTimeout: number;
  memory?: number;
}

const FILES = ['html', 'python', 'numpy', 'typescript'] as const;

/** Paths that cannot be written end the run before anything is asked. */
function checkFiles(flags: DebugFlags): void {
  const before = new Map<string, string>();
  for (const format of FILES) {
    const file = flags[format];
    if (file === undefined) continue;
    try {
      const path = checkTarget(file);
      const other = before.get(path);
      if (other !== undefined) fail(`--${format} and --${other} are both ${file}; give each a file of its own`);
      before.set(path, format);
    } catch (error) {
      fail(`--${format} ${file}: ${(error as Error).message}; give a file that can be written`);
    }
  }
}

/** An answer in a file may say which positions it has reached. */
function positionFaults(c: Case, { position }: Answer): string[] {
  const right = positionsAfter(c);
  if (position.length === 0 || position.join() === right.join()) return [];
  return [`position is [${position}], where [${right}] is wanted`];
}

/** What changes the report, by its option; files that are written too are not part of it. */
const REPLAYED = {
  answer: '--answer',
  form: '--form',
  backend: '--backend',
  precision: '--precision',
  dtype: '--dtype',
  seconds: '--seconds',
  timeout: '--timeout',
  startTimeout: '--start-timeout',
  memory: '--memory',
} as const;
const LEFT_OUT = { probe: '--no-probe', diagnose: '--no-diagnose', minimise: '--no-minimise' } as const;

/** Everything that was chosen otherwise than by default, as a command. */
function replayOf(file: string, words: readonly string[], flags: DebugFlags, command: Command): string {
  const isChosen = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  const options = (Object.keys(REPLAYED) as (keyof typeof REPLAYED)[])
    .filter((name) => isChosen(name))
    .map((name) => `${REPLAYED[name]} ${quoted(String(flags[name]))}`);
  const without = (Object.keys(LEFT_OUT) as (keyof typeof LEFT_OUT)[])
    .filter((name) => !flags[name])
    .map((name) => LEFT_OUT[name]);
  const program = words.length > 0 ? [`-- ${words.map(quoted).join(' ')}`] : [];
  return ['npx lla debug', quoted(file), ...options, ...without, ...program].join(' ');
}

function checkChoice(command: readonly string[], { answer, form, backend, dtype, precision }: DebugFlags): void {
  const chosen = [command.length > 0, answer !== undefined, form !== undefined || backend !== undefined];
  if (chosen.filter(Boolean).length !== 1) {
    fail(
      'say who is debugged, and one alone: a program after --, its answer with --answer FILE, or a form of ours with --form',
    );
  }
  if (precision !== undefined && dtype !== undefined) fail('--precision and --dtype say the same; give one of them');
}

/** Something to ask, or an answer, in a precision. */
interface Asked {
  subject: (Implementation & NonNullable<Subject>) | null;
  name: string;
  precision: Precision;
  prepared: Prepared;
  answer: Answer;
}

async function askFile(input: DebugInput, file: string, wanted: string | undefined): Promise<Asked> {
  const precision = precisionNamed(wanted ?? input.dtype ?? precisions[0].name);
  const answer = await answerIn(file);
  const gradients = answer.gradients !== undefined;
  return { subject: null, name: file, precision, answer, prepared: prepare(input, precision, { gradients }) };
}

async function askLive(input: DebugInput, given: Implementation): Promise<Asked> {
  const { name, precision, abilities } = given;
  // one that says nothing of its chunks may heed those of the case
  const isSaid = given.chunkSize !== undefined && given.chunkSize !== DEFAULT_CHUNK_SIZE;
  const ownSize = isSaid ? given.chunkSize : (input.c.chunkSize ?? given.chunkSize);
  const subject: Implementation = abilities.chunkSizes ? given : { ...given, chunkSize: ownSize };
  const chunkSize = abilities.chunkSizes ? undefined : ownSize;
  const prepared = prepare(input, precision, { gradients: abilities.gradients, chunkSize });
  return { subject, name, precision, prepared, answer: await subject.run(prepared.c) };
}

async function openProgramNamed(command: readonly string[], flags: DebugFlags): Promise<External> {
  const { timeout, startTimeout, memory } = flags;
  return await openProgram({ command, timeout: 1000 * timeout, startTimeout: 1000 * startTimeout, memory });
}

function programIn(external: External, input: DebugInput, wanted: string | undefined): Implementation {
  const found = inDtype(external, wanted, input.dtype);
  if (found) return found;
  const dtypes = external.implementations.map(({ precision }) => precision.name).join(', ');
  return fail(`the program does not compute in ${wanted}; it has ${dtypes}`);
}

async function ask(
  input: DebugInput,
  external: External | null,
  { answer, form = 'gpu', backend, precision, dtype }: DebugFlags,
): Promise<Asked> {
  const wanted = dtype ?? precision;
  if (answer !== undefined) return await askFile(input, answer, wanted);
  if (external) return await askLive(input, programIn(external, input, wanted));
  const subject = formNamed(form, backend);
  if (!subject) return fail(`unknown form '${form}'. There are: masked, recurrent, chunked, gpu`);
  if (backend !== undefined || form === 'gpu')
    await openOrExit(backend ?? (subject.name.replace('gpu-', '') as NodeBackend));
  if (wanted !== undefined && wanted !== subject.precision.name) {
    fail(`${subject.name} computes in ${subject.precision.name} alone`);
  }
  return await askLive(input, subject);
}

/** Where nothing is wrong there are other places to look. */
const SUGGESTIONS = [
  'every output is within its bounds on this case. Where it fails elsewhere:',
  '  a law may compare two answers: run the command that lla gate printed behind "again"',
  '  another dtype has other bounds: --dtype NAME, --precision NAME',
  '  lla gate --save FOLDER -- COMMAND looks for a case on which it is wrong',
];

async function writeFiles(flags: DebugFlags, report: DebugReport): Promise<void> {
  const tests = isWrong(report.failure) ? testsOf(report) : null;
  const texts: Record<(typeof FILES)[number], () => string | Promise<string> | undefined> = {
    // the plots' library is loaded by who wants plots
    html: async () => (await import('../debug/report/html.ts')).debugHtml(report),
    python: () => tests?.torch,
    numpy: () => tests?.numpy,
    typescript: () => tests?.typescript,
  };
  for (const format of FILES) {
    const file = flags[format];
    if (file === undefined) continue;
    const text = await texts[format]();
    if (text === undefined) {
      const why = isWrong(report.failure)
        ? 'the case is too large for a test'
        : 'nothing is wrong that a test would show';
      process.stderr.write(`--${format} ${file} is not written: ${why}\n`);
      continue;
    }
    try {
      writeWhole(file, text);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      process.stderr.write(
        `error: --${format} ${file}: ${(error as Error).message}; give a file that can be written\n`,
      );
      process.exitCode = EXIT.usage;
    }
  }
}

function print(report: DebugReport, { json }: DebugFlags): void {
  if (json) return void process.stdout.write(`${debugJson(report)}\n`);
  const colors = process.stdout.isTTY ? pc : pc.createColors(false);
  const text = debugText(report, colors, process.stdout.isTTY ? process.stdout.columns : undefined);
  process.stdout.write(isFaulty(report) ? `${text}\n` : `${text}\n\n${SUGGESTIONS.join('\n')}\n`);
}

/** A program that cannot be spoken with is exit code 3; one that gives no answer to the case is wrong. */
function leave(error: unknown, file: string): never {
  if (error instanceof ProgramFailure) {
    const isProtocol = error.kind === 'did-not-start' || error.kind === 'broke-protocol';
    const remedy = isProtocol
      ? 'docs/protocol.md says what a program has to answer; lla gate --check-protocol says more'
      : 'there is no answer to debug: first it has to give one';
    process.stderr.write(`error: ${error.message}\n(${remedy})\n`);
    process.exit(isProtocol ? EXIT.protocol : EXIT.doesNot);
  }
  if (error instanceof OutsideAbilities) fail(`it takes no such case: ${error.message}`);
  if (error instanceof BadFixture) fail(error.message);
  if (error instanceof InvalidInput) fail(error.message);
  return fail(`${file}: ${invalid(error, 'debug').message}`);
}

async function debugCase(file: string, command: readonly string[], flags: DebugFlags, self: Command): Promise<void> {
  const started = performance.now();
  const clock = clockOf(flags.seconds);
  checkChoice(command, flags);
  checkFiles(flags);
  if (flags.precision !== undefined) precisionNamed(flags.precision);
  if (flags.dtype !== undefined && !findPrecision(flags.dtype)) precisionNamed(flags.dtype);
  const onStage = (stage: string): void => void process.stderr.write(`debug: ${stage}\n`);
  let external: External | null = null;
  try {
    const input = await readInput(file);
    onStage(flags.answer === undefined ? 'asking' : 'reading');
    if (command.length > 0) external = await openProgramNamed(command, flags);
    endOnSignals(() => void external?.close());
    const asked = await ask(input, external, flags);
    const { subject, name, precision, prepared } = asked;
    let failure: Failure = failureOf(prepared.c, precision, asked.answer, prepared.expected);
    let { answer } = asked;
    if (!subject) failure.faults.push(...positionFaults(prepared.c, asked.answer));
    if (subject && !isWrong(failure)) {
      const found = await wrongElsewhere(subject, prepared, input.origin, onStage);
      if (found) {
        ({ failure, answer } = found);
        prepared.notes.push(found.why);
      }
    }
    // a law may ask for what no bound says, such as how far NaN reaches
    const isWorth = isWrong(failure) || (subject !== null && input.origin.law !== undefined);
    // the dictionary of bugs is loaded by who has one
    const { findOut } = await import('./debug/stages.ts');
    const found = await findOut({
      subject,
      failure,
      probes: flags.probe && isWorth,
      diagnoses: flags.diagnose && isWorth,
      minimises: flags.minimise && isWrong(failure),
      answer,
      clock,
      onStage,
    });
    const report: DebugReport = {
      implementation: visible(name).replace(/\s+/g, ' '),
      source: visible(file).replace(/\s+/g, ' '),
      failure,
      ...found,
      notes: [...prepared.notes, ...found.notes],
      replay: visible(replayOf(file, command, flags, self)),
      seconds: (performance.now() - started) / 1000,
    };
    process.exitCode = isFaulty(report) ? EXIT.doesNot : EXIT.conforms;
    print(report, flags);
    await writeFiles(flags, report);
  } catch (error) {
    await external?.close();
    leave(error, file);
  }
  await external?.close();
  await closeDevices();
}

export const debugCommand = (): Command =>
  new Command('debug')
    .description('say of a failing case where it is wrong, what is computed instead, and which smaller case shows it')
    .argument('<file>', 'a JSON case, a file of lla gate --save or --kept, or a fixture; - for standard input')
    .argument('[command...]', 'after --: a program that speaks docs/protocol.md, with its arguments')
    .option('--answer <file>', 'no program: its answer to the case, as json, npz or safetensors')
    .option('--form <name>', 'a form of ours: masked, recurrent, chunked, gpu')
    .addOption(new Option('--backend <name>', 'where the form gpu runs').choices(BACKENDS))
    .option('--precision <name>', `what the bounds are for: ${PRECISIONS}; by default what the file says, else float64`)
    .option('--dtype <name>', 'the dtype of the program; by default that of the file, else its first')
    .option('--html <file>', 'write everything as one HTML page')
    .option('--json', 'print as JSON: docs/schemas/debug-report.json')
    .option('--python <file>', 'write the smallest case as a test in Python, with torch')
    .option('--numpy <file>', 'the same with numpy')
    .option('--typescript <file>', 'the same in TypeScript')
    .option('--no-probe', 'do not ask what it computes instead')
    .option('--no-diagnose', 'do not compare with known bugs')
    .option('--no-minimise', 'do not look for a smaller case')
    .addOption(
      new Option('--seconds <count>', 'what asking and comparing may take, about').default(180).argParser(seconds),
    )
    .addOption(new Option('--timeout <seconds>', 'what the program has for a case').default(30).argParser(seconds))
    .addOption(startTimeoutOption())
    .addOption(
      new Option('--memory <MiB>', 'address space that the program may have; any by default').argParser(
        integer(1, 'a positive integer'),
      ),
    )
    .action(debugCase);
