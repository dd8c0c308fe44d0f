/**
 * A program of somebody else, spoken to as docs/protocol.md says: started once, asked one thing at a time, and replaced by a fresh process
 * after it failed. Whatever it does ends in an answer or in a ProgramFailure within its time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { DenseTensor } from '../../reference/tensor.ts';
import { type FailureKind, ProgramFailure } from './failure.ts';
import { programMessages } from './schemas.ts';
import { byteLength, decode, type TensorHeader } from './wire.ts';

export const VERSION = 1;

export interface ProgramOptions {
  /** Command and arguments. */
  command: readonly string[];
  /** Milliseconds for a case, and for the description. */
  timeout: number;
  startTimeout: number;
}

/** A message of the program, its tensors read. */
export interface Message {
  type: string;
  fields: Record<string, unknown>;
  tensors: Map<string, DenseTensor>;
}

const LONGEST_LINE = 2 ** 20;
/** What is kept of a program's own prints. */
const KEPT = 4000;
/** Milliseconds between the end of a program that was asked to end, and the end that it does not choose. */
const GRACE = 2000;
/** Milliseconds in which a program that closed its pipe may end. */
const SETTLE = 500;
/** More bytes than any answer has. */
const MOST_BYTES = 2 ** 31;

const utf8 = new TextDecoder('utf-8', { fatal: true });

const ajv = new Ajv2020({ allErrors: false, strict: true });
const validators = new Map<string, ValidateFunction>(
  Object.entries(programMessages).map(([type, schema]) => [type, ajv.compile(schema)]),
);

/** What is wrong with a message, or null. */
export function faultOf(fields: unknown): string | null {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return 'a line that is no JSON object';
  const { type } = fields as { type?: unknown };
  const validate = typeof type === 'string' ? validators.get(type) : undefined;
  if (!validate)
    return `type ${JSON.stringify(type)?.slice(0, 100)}, where ${[...validators.keys()].join(', ')} are known`;
  if (validate(fields)) return null;
  const [{ instancePath, message, params }] = validate.errors ?? [
    { instancePath: '', message: 'it is wrong', params: {} },
  ];
  const where = instancePath === '' ? '' : `at ${instancePath} `;
  return `message ${type}: ${where}${message} ${JSON.stringify(params).slice(0, 300)}`;
}

/** Takes lines, and numbers of bytes, off a stream that comes in pieces. */
class Reader {
  #pieces: Buffer[] = [];
  #size = 0;
  #wake: (() => void) | null = null;
  #ended = false;
  /** Called when there is less than is wanted. */
  onHungry: () => void = () => {};

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#size += piece.length;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  get waiting(): number {
    return this.#size;
  }

  get isHungry(): boolean {
    return this.#wake !== null;
  }

  #take(count: number): Buffer {
    const all = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces, this.#size);
    this.#size -= count;
    this.#pieces = this.#size > 0 ? [all.subarray(count)] : [];
    return all.subarray(0, count);
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.onHungry();
    });
    this.#wake = null;
    return true;
  }

  /** The bytes before the next line feed; null at the end, or when a line has no end in sight. */
  async line(): Promise<Buffer | 'too long' | null> {
    for (let searched = 0; ; ) {
      if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces, this.#size)];
      const at = this.#pieces[0]?.indexOf(10, searched) ?? -1;
      if (at >= 0) return at > LONGEST_LINE ? 'too long' : this.#take(at + 1).subarray(0, at);
      if (this.#size > LONGEST_LINE) return 'too long';
      searched = this.#size;
      if (!(await this.#more())) return null;
    }
  }

  async bytes(count: number): Promise<Buffer | null> {
    while (this.#size < count) if (!(await this.#more())) return null;
    return this.#take(count);
  }
}

/** Kills a process and all of its group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

/** Processes that are alive, so that none outlives this one. */
const alive = new Set<ChildProcess>();
process.on('exit', () => alive.forEach(killGroup));

/** One process of the program. */
class Session {
  readonly #child: ChildProcess;
  readonly #reader = new Reader();
  readonly #to: Writable;
  #printed = '';
  #ending: string | null = null;
  readonly #ended: Promise<void>;

  constructor([command, ...args]: readonly string[]) {
    this.#child = spawn(command, args, {
      // a group of its own, so that its children end with it
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    alive.add(this.#child);
    const [, out, err, to, from] = this.#child.stdio as [null, Readable, Readable, Duplex, Duplex];
    this.#to = to;
    const keep = (chunk: Buffer): void => {
      this.#printed = (this.#printed + chunk.toString('utf8')).slice(-KEPT);
    };
    for (const stream of [out, err]) stream.on('data', keep).on('error', () => {});
    to.on('error', () => {});
    to.resume?.();
    from.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      // what nobody wants yet stays in the pipe, however much a program writes
      if (!this.#reader.isHungry) from.pause();
    });
    this.#reader.onHungry = () => from.resume();
    from.on('error', () => {}).on('close', () => this.#reader.end());
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#ending ??= how;
        alive.delete(this.#child);
        this.#reader.end();
        resolve();
      };
      this.#child.on('error', (error) => end(`it cannot be run (${error.message})`));
      this.#child.on('exit', (code, signal) =>
        end(signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`),
      );
    });
  }

  #failure(kind: FailureKind, what: string): ProgramFailure {
    return new ProgramFailure(kind, what, this.#printed.trimEnd().split('\n').slice(-8).join('\n'));
  }

  /** Waits for the end of the process, but not longer. */
  async #endedWithin(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.#ended, late]);
    clearTimeout(timer);
  }

  async #gone(): Promise<ProgramFailure> {
    // what it printed last, and how it ended, come a little after the end of its pipe
    await this.#endedWithin(SETTLE);
    await new Promise((resolve) => setImmediate(resolve));
    return this.#failure('crashed', this.#ending ?? 'it closed its pipe and did not end');
  }

  async #receive(): Promise<Message> {
    const line = await this.#reader.line();
    if (line === null) throw await this.#gone();
    const wrong = (what: string): ProgramFailure => this.#failure('broke-protocol', what);
    if (line === 'too long') throw wrong(`a line of more than ${LONGEST_LINE} bytes`);
    let fields: unknown;
    try {
      fields = JSON.parse(utf8.decode(line));
    } catch {
      throw wrong(`a line that is no JSON: ${JSON.stringify(line.subarray(0, 80).toString('latin1'))}`);
    }
    const fault = faultOf(fields);
    if (fault !== null) throw wrong(fault);
    const { type, tensors: headers = [], ...rest } = fields as Record<string, unknown> & { tensors?: TensorHeader[] };
    const tensors = new Map<string, DenseTensor>();
    const size = headers.reduce((sum, header) => sum + byteLength(header), 0);
    if (size > MOST_BYTES) throw wrong(`tensors of ${size} bytes`);
    for (const header of headers) {
      if (tensors.has(header.name)) throw wrong(`tensor ${header.name} twice`);
      const bytes = await this.#reader.bytes(byteLength(header));
      if (bytes === null) throw await this.#gone();
      tensors.set(header.name, decode(header, bytes));
    }
    return { type: type as string, fields: rest, tensors };
  }

  /** Sends a message and waits for the one that answers it. */
  async ask(line: object, payload: readonly Buffer[], milliseconds: number, what: string): Promise<Message> {
    if (this.#reader.waiting > 0) throw this.#failure('broke-protocol', 'it wrote what nobody asked for');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(this.#failure('timed-out', `no ${what} within ${milliseconds / 1000} s`));
      timer = setTimeout(fail, milliseconds);
    });
    try {
      this.#to.write(Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), ...payload]));
      return await Promise.race([this.#receive(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process and its group; politely where it may still listen. */
  async close(isPolite: boolean): Promise<void> {
    if (isPolite && this.#ending === null) {
      this.#to.end(`${JSON.stringify({ type: 'bye' })}\n`);
      await this.#endedWithin(GRACE);
    }
    killGroup(this.#child);
    await this.#endedWithin(GRACE);
    for (const stream of this.#child.stdio) stream?.destroy();
    alive.delete(this.#child);
  }
}

/** The program behind the gate, in whatever process it lives. */
export class Program {
  readonly options: ProgramOptions;
  #session: Session | null = null;
  #description: Message | null = null;
  /** How often it had to be started. */
  starts = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ProgramOptions) {
    this.options = options;
  }

  /** A process that has described itself. */
  async #start(): Promise<Session> {
    const { command, startTimeout } = this.options;
    let session: Session;
    try {
      session = new Session(command);
    } catch (error) {
      throw new ProgramFailure('did-not-start', `it cannot be run (${(error as Error).message})`);
    }
    this.starts++;
    try {
      const message = await session.ask({ type: 'describe', versions: [VERSION] }, [], startTimeout, 'description');
      if (message.type !== 'description' || message.fields.version !== VERSION) {
        const given = message.type === 'description' ? `version ${message.fields.version}` : message.type;
        throw new ProgramFailure('broke-protocol', `${given}, where a description of version ${VERSION} is wanted`);
      }
      this.#description = message;
      return session;
    } catch (error) {
      await session.close(false);
      if (!(error instanceof ProgramFailure) || error.kind !== 'crashed') throw error;
      throw new ProgramFailure('did-not-start', error.message.replace(/^crashed: /, ''));
    }
  }

  /** What it says of itself. @throws ProgramFailure */
  async describe(): Promise<Record<string, unknown>> {
    this.#session ??= await this.#start();
    return (this.#description as Message).fields;
  }

  /** Asks for the answer to a case; one at a time, whoever asks. @throws ProgramFailure, and a fresh process is started for the next */
  ask(line: object, payload: readonly Buffer[]): Promise<Message> {
    const answer = this.#turn.then(async () => {
      this.#session ??= await this.#start();
      try {
        return await this.#session.ask(line, payload, this.options.timeout, 'answer');
      } catch (error) {
        await this.abandon();
        throw error;
      }
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Ends the process as it is; the next case meets a fresh one. */
  async abandon(): Promise<void> {
    await this.#session?.close(false);
    this.#session = null;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#session?.close(true);
    this.#session = null;
  }
}
