/** Programs that break their promises: each ends in a named failure, within its time, and leaves nothing behind. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type FailureKind, ProgramFailure } from '../../gate/external/failure.ts';
import { type External, openProgram } from '../../gate/external/implementation.ts';
import { checkLaw } from '../../properties/check-law.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import type { Case } from '../../reference/case.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from '../unit/good-case.ts';

const SCRIPT = new URL('./hostile.mjs', import.meta.url).pathname;
const late = [
  'hangs',
  'ignores SIGTERM',
  'half a tensor',
  'closes what it reads',
  'stops itself',
  'one byte after another',
  'prints without end, and never answers',
  'leaves a daemon, and hangs',
];
/** Where time runs out it is short; elsewhere it is long enough for the busiest machine. */
const options = (way: string) => ({
  command: [process.execPath, SCRIPT, way],
  timeout: late.includes(way) ? 1000 : 30_000,
  startTimeout: way === 'hangs at the start' ? 2000 : 30_000,
});

const sizes = { T: 3, G: 2, H: 2, L: 1 };
const c: Case = goodCase('linear', sizes);
const withGradients = withCotangents(c, sizes);
delete withGradients.cotangents?.finalState;

// what a program starts has this in its environment
process.env.LLA_TEST = String(process.pid);
const all: External[] = [];
afterAll(() => Promise.all(all.map(({ close }) => close())));

/** The program in that way. */
async function open(way: string): Promise<External> {
  const external = await openProgram(options(way));
  all.push(external);
  return external;
}

/** Processes of this test that still run the script in that way: another test file has such ones too. */
const running = (way: string): string[] => {
  try {
    return execFileSync('pgrep', ['-P', String(process.pid), '-f', `hostile.mjs ${way}$`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  } catch {
    return [];
  }
};

/** A process that has ended may still have an entry that nobody has read. */
const isAlive = (pid: string): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

async function failureOf(work: Promise<unknown>): Promise<ProgramFailure> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ProgramFailure);
  return error as ProgramFailure;
}

describe('at the start', () => {
  const ways: [string, FailureKind, string][] = [
    ['ends at once', 'did-not-start', 'exit code 7'],
    ['hangs at the start', 'timed-out', 'no description within 2 s'],
    ['no JSON at the start', 'broke-protocol', 'a line that is no JSON: "hello"'],
    ['bytes that are no text', 'broke-protocol', 'a line that is no JSON'],
    ['a list at the start', 'broke-protocol', 'no JSON object'],
    ['another type at the start', 'broke-protocol', 'type "hello", where description, answer, error are known'],
    ['an answer at the start', 'broke-protocol', 'answer, where a description of version 1 is wanted'],
    ['a field of its own', 'broke-protocol', '{"additionalProperty":"color"}'],
    ['a system of its own', 'broke-protocol', 'at /systems/1 must be equal to one of'],
    ['no dtypes', 'broke-protocol', "must have required property 'dtypes'"],
    ['another version', 'broke-protocol', 'version 2, where a description of version 1 is wanted'],
    ['a chunk size that is no power of two', 'broke-protocol', 'at /chunkSize'],
    ['a limit that is none', 'broke-protocol', 'at /limits/K'],
    ['nested without end', 'broke-protocol', 'type a value that is nested too deeply'],
  ];
  it.concurrent.each(ways)('%s: %s', async (way, kind, message) => {
    const failure = await failureOf(openProgram(options(way)));
    expect(failure.message).toContain(message);
    expect(failure.kind).toBe(kind);
    expect(running(way)).toEqual([]);
  });

  it.concurrent('a command that is not there', async () => {
    const failure = await failureOf(openProgram({ ...options(''), command: ['no-such-program'] }));
    expect(failure.kind).toBe('did-not-start');
    expect(failure.message).toContain('it cannot be run (spawn no-such-program ENOENT)');
  });
});

describe('at a case', () => {
  const ways: [string, FailureKind, string][] = [
    ['crashes', 'crashed', 'it ended with exit code 1\n  it printed:\n    about to divide by zero'],
    ['is killed', 'crashed', 'it was ended by SIGSEGV'],
    ['aborts', 'crashed', 'it was ended by SIGABRT'],
    ['hangs', 'timed-out', 'no answer within 1 s'],
    ['ignores SIGTERM', 'timed-out', 'no answer'],
    ['no JSON', 'broke-protocol', 'a line that is no JSON: "oops"'],
    ['stops itself', 'timed-out', 'no answer within 1 s'],
    ['one byte after another', 'timed-out', 'bytes of a line came, and no line feed'],
    ['prints without end, and never answers', 'timed-out', 'no answer within 1 s'],
    ['half a message', 'crashed', 'exit code 0: 13 bytes of a line came, and no line feed'],
    ['half a tensor', 'timed-out', 'no answer within 1 s: 9 of 96 bytes of tensor o came'],
    ['half a tensor, and ends', 'crashed', 'exit code 0: 9 of 96 bytes of tensor o came'],
    ['another shape', 'broke-protocol', 'tensor o of shape [1,3,2,2,1], where [1,3,2,2] is wanted'],
    ['an unknown dtype', 'broke-protocol', 'at /tensors/0/dtype'],
    ['a negative size', 'broke-protocol', 'at /tensors/0/shape/0'],
    ['a tensor of half a number', 'broke-protocol', 'must be integer'],
    ['a tensor larger than memory', 'broke-protocol', 'tensors of 8796093022208 bytes'],
    ['a tensor of a gibibyte', 'broke-protocol', 'tensor o of shape [134217728], where [1,3,2,2] is wanted'],
    ['no output', 'broke-protocol', 'no tensor o, where one of shape [1,3,2,2] is wanted'],
    ['a tensor too many', 'broke-protocol', 'tensor dq, which nobody asked for'],
    ['a tensor twice', 'broke-protocol', 'tensor o twice'],
    ['no gradient of k', 'broke-protocol', 'no tensor gradients.k'],
    ['another id', 'broke-protocol', 'the answer to case 1, where that to 0 is wanted'],
    ['a line without end', 'broke-protocol', 'a line of more than 1048576 bytes'],
    ['closes its pipe', 'crashed', 'it closed its pipe and did not end'],
    ['leaves a child behind', 'crashed', 'exit code 1'],
    ['leaves a child that holds the pipe', 'crashed', 'exit code 1'],
    ['leaves a daemon behind', 'crashed', 'exit code 1'],
    ['leaves a daemon that holds the pipe', 'crashed', 'exit code 1'],
    ['leaves a daemon, and hangs', 'timed-out', 'no answer within 1 s'],
    ['says that it cannot', 'refused', 'K is too large for my tiles'],
    ['an error without a word', 'broke-protocol', "required property 'message'"],
  ];
  it.concurrent.each(ways)('%s: %s', async (way, kind, message) => {
    const opened = await open(way);
    const [{ run }] = opened.implementations;
    const failure = await failureOf(Promise.resolve(run(withGradients)));
    expect(failure.message).toContain(message);
    expect(failure.kind).toBe(kind);
    // the next case meets a program that is there
    await failureOf(Promise.resolve(run(withGradients)));
    expect(opened.programs[0].starts).toBe(kind === 'refused' ? 1 : 2);
    await opened.programs[0].close();
    expect(running(way)).toEqual([]);
    const children = [...failure.printed.matchAll(/child (\d+)/g)];
    if (way.startsWith('leaves')) expect(children).toHaveLength(1);
    for (const [, pid] of children) await vi.waitFor(() => expect(isAlive(pid), `child ${pid}`).toBe(false));
  });

  it.concurrent.each(['two descriptions', 'an answer too many', 'more and more answers'])(
    '%s: found by the next question',
    async (way) => {
      const opened = await open(way);
      const [{ run }] = opened.implementations;
      const asked: Promise<unknown>[] = [];
      for (let i = 0; i < 2; i++) {
        asked.push(Promise.resolve(run(withGradients)));
        // what it wrote too much has to arrive
        await Promise.allSettled(asked);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const failed = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected');
      expect(failed.length).toBeGreaterThan(0);
      for (const each of failed) expect((each as PromiseRejectedResult).reason.kind).toBe('broke-protocol');
    },
  );

  it.concurrent('closes what it reads: the next case fails, and a fresh process is started', async () => {
    const opened = await open('closes what it reads');
    const [{ run }] = opened.implementations;
    await run(c);
    expect(['crashed', 'timed-out']).toContain((await failureOf(Promise.resolve(run(c)))).kind);
    await run(c);
    expect(opened.programs[0].starts).toBe(2);
  });

  it.concurrent.each(['prints without end', 'starts slowly', 'does as it is told'])('%s: is right', async (way) => {
    const opened = await open(way);
    const [{ run }] = opened.implementations;
    for (let i = 0; i < 3; i++) {
      const answer = await run(withGradients);
      expect(toDense(answer.o)).toEqual(new Float64Array(12));
      expect(Object.keys(answer.gradients ?? {})).toEqual(['q', 'k', 'v']);
    }
    expect(opened.programs[0].starts).toBe(1);
  });

  it.concurrent('ends right after a large answer: all of it is there, and the next case meets its end', async () => {
    const large = goodCase('linear', { T: 3, G: 2, H: 2, L: 1, V: 50_000 });
    const opened = await open('ends right after its answer');
    const [{ run }] = opened.implementations;
    expect(toDense((await run(large)).o)).toEqual(new Float64Array(300_000));
    const failure = await failureOf(Promise.resolve(run(large)));
    expect(failure.message).toContain('it ended with exit code 0');
    await run(large);
    expect(opened.programs[0].starts).toBe(2);
  });

  it.concurrent('describes itself otherwise when it is started again', async () => {
    const opened = await open('has another name each time');
    const [{ run }] = opened.implementations;
    expect((await failureOf(Promise.resolve(run(c)))).kind).toBe('crashed');
    const failure = await failureOf(Promise.resolve(run(c)));
    expect(failure.kind).toBe('broke-protocol');
    expect(failure.message).toMatch(
      /a fresh process describes itself otherwise: name is "hostile \d+", and was "hostile \d+"/,
    );
  });

  it.concurrent('leaves daemons, and answers: they end with it', async () => {
    const { close, implementations } = await open('leaves daemons, and answers');
    for (let i = 0; i < 2; i++) await implementations[0].run(c);
    const marked = (): string[] =>
      execFileSync('pgrep', ['-f', '^sleep 1000$'], { encoding: 'utf8' }).trim().split('\n').filter(isOurs);
    const isOurs = (pid: string): boolean => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`LLA_TEST=${process.pid}`);
      } catch {
        return false;
      }
    };
    const daemons = marked();
    expect(daemons.length).toBeGreaterThanOrEqual(2);
    await close();
    for (const pid of daemons) await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it.concurrent('answers NaN: the law is broken, and the run goes on', async () => {
    const { implementations } = await open('answers NaN');
    const judged = (law: string) =>
      checkLaw(findLaw(law) as Law, implementations[0], findSystem('linear') as System, { seed: 1, runs: 1 });
    const { status, worst } = await judged('forward-within-its-bound');
    expect(status).toBe('failed');
    expect(worst?.worst).toMatchObject({ actual: Number.NaN, ratio: Number.POSITIVE_INFINITY });
    expect((await judged('forward-equals-masked')).status).toBe('failed');
  });
});

describe('memory', () => {
  const allocate = 'kept = bytearray(2**30)';
  const command = ['python3', '-c', allocate];
  const hasPython = spawnSync('python3', ['--version']).status === 0;

  it.skipIf(!hasPython)('of a program that fills it is limited by --memory', async () => {
    const failure = await failureOf(openProgram({ ...options(''), command, memory: 300 }));
    expect(failure.kind).toBe('did-not-start');
    expect(failure.message).toContain('it ended with exit code 1 (--memory 300)');
    expect(failure.message).toContain('MemoryError');
  });

  it('a limit does not hide a command that is not there', async () => {
    const failure = await failureOf(openProgram({ ...options(''), command: ['no-such-program'], memory: 300 }));
    expect(failure.kind).toBe('did-not-start');
    expect(failure.message).toContain('not found');
  });

  it('a case that has to be replayed names its limits', async () => {
    const command = [process.execPath, SCRIPT, 'does as it is told'];
    const { close, implementations } = await openProgram({ command, timeout: 7000, startTimeout: 30_000 });
    await close();
    expect(implementations[0].chosenBy?.options).toBe('--dtype float64 --timeout 7');
  });
});
