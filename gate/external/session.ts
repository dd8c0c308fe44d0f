/** One process of a program: asked one thing at a time, and ended with all that it started. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { DenseTensor } from '../../reference/tensor.ts';
import { type FailureKind, type Fault, ProgramFailure } from './failure.ts';
import { type Started, start, stop } from './processes.ts';
import { LONGEST_LINE, Reader } from './reader.ts';
import { rules } from './rules.ts';
import { type Announced, faultOf } from './validate.ts';
import { byteLength, decode, type TensorHeader } from './wire.ts';

/** A message of the program, its tensors read. */
export interface Message {
  type: string;
  fields: Record<string, unknown>;
  tensors: Map<string, DenseTensor>;
}

export interface Question {
  line: { type: string };
  payload?: readonly Buffer[];
  /** Milliseconds that the answer may take, and what it is called. */
  within: number;
  wants: string;
  /** What is wrong with the answer, before its tensors are read: what is not wanted takes no memory. */
  accept: (announced: Announced) => Fault | null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What is kept of a program's own prints. */
const KEPT = 4000;
/** Milliseconds between the end of a program that was asked to end, and the end that it does not choose. */
const GRACE = 2000;
/** Milliseconds in which a program that closed its pipe may end, and in which what it wrote before its end arrives. */
const SETTLE = 500;
/** More bytes than any answer has. */
const MOST_BYTES = 2 ** 31;
/** So many bytes are shown of what is no message. */
const SHOWN = 64;

export class Session {
  readonly #started: Started;
  readonly #memory: number | undefined;
  readonly #reader = new Reader();
  readonly #to: Writable;
  #printed = '';
  #ending: string | null = null;
  readonly #ended: Promise<void>;
  #received = 0;
  /** What is being read, beside lines: the tensor, and how many bytes it has. */
  #reading: { name: string; bytes: number } | null = null;

  /** @throws where the command cannot be tried at all */
  constructor(command: readonly string[], memory?: number) {
    this.#started = start(command, memory);
    this.#memory = memory;
    const { child } = this.#started;
    const [, out, err, to, from] = child.stdio as [null, Readable, Readable, Duplex, Duplex];
    this.#to = to;
    const keep = (chunk: Buffer): void => {
      this.#printed = (this.#printed + chunk.toString('utf8')).slice(-KEPT);
    };
    for (const stream of [out, err]) stream.on('data', keep).on('error', () => {});
    to.on('error', () => {});
    to.resume?.();
    from.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
      this.#reader.push(chunk);
      // what nobody wants yet stays in the pipe, however much a program writes
      if (!this.#reader.isHungry) from.pause();
    });
    this.#reader.onHungry = () => from.resume();
    from.on('error', () => {}).on('close', () => this.#reader.end());
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#ending ??= how;
        // what it left behind holds the pipe
        stop(this.#started);
        resolve();
      };
      child.on('error', (error) => {
        end(`it cannot be run (${error.message})`);
        this.#reader.end();
      });
      child.on('exit', (code, signal) => {
        end(signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`);
        this.#settle();
      });
    });
  }

  /** After the end of the process: the end of what it wrote, which may still be under way. */
  #settle(): void {
    const before = this.#received;
    setTimeout(() => (this.#received === before ? this.#reader.end() : this.#settle()), SETTLE);
  }

  #failure(kind: FailureKind, what: string, fault?: Fault): ProgramFailure {
    return new ProgramFailure(kind, what, this.#printed.trimEnd().split('\n').slice(-8).join('\n'), fault);
  }

  /** A message that is off: what follows it is not read any more. */
  #breach(fault: Fault): ProgramFailure {
    return this.#failure('broke-protocol', fault.what, fault);
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

  /** How far an unfinished message has come, in words; nothing where none was begun. */
  #progress(): string {
    const came = this.#reader.waiting;
    if (this.#reading) return `${came} of ${this.#reading.bytes} bytes of tensor ${this.#reading.name} came`;
    return came > 0 ? `${came} bytes of a line came, and no line feed` : '';
  }

  /** What is wrong with an unfinished message. */
  #unfinished(what: string): Fault {
    const came = this.#progress();
    const bytes = this.#reader.waiting > 0 ? this.#reader.peek(SHOWN) : undefined;
    const reading = this.#reading;
    if (reading) {
      const share = this.#reader.waiting / reading.bytes;
      const hint =
        share === 0.5 ? 'half of the bytes: were the numbers written in a dtype of half the size?' : undefined;
      const [given, wanted] = [`${this.#reader.waiting} bytes`, `${reading.bytes} bytes`];
      return {
        what: `${what}: ${came}`,
        rule: rules.bytes,
        pointer: `/tensors (${reading.name})`,
        given,
        wanted,
        hint,
        bytes,
      };
    }
    if (came !== '') return { what: `${what}: ${came}`, rule: rules.flush, given: came, wanted: 'a line feed', bytes };
    const isPrinted = /"type"\s*:/.test(this.#printed);
    const hint = isPrinted
      ? 'a message was printed: messages go to file descriptor 4, not to standard output'
      : undefined;
    return { what, rule: rules.flush, given: 'nothing', wanted: 'a message on file descriptor 4', hint };
  }

  async #gone(): Promise<ProgramFailure> {
    // what it printed last, and how it ended, come a little after the end of its pipe
    await this.#endedWithin(SETTLE);
    await new Promise((resolve) => setImmediate(resolve));
    const came = this.#progress();
    const how = this.#ending ?? 'it closed its pipe and did not end';
    const limit = this.#memory === undefined ? '' : ` (--memory ${this.#memory})`;
    const what = `${how}${limit}${came === '' ? '' : `: ${came}`}`;
    const fault = came === '' ? { what, rule: rules.ends, given: how, wanted: 'an answer' } : this.#unfinished(how);
    return this.#failure('crashed', what, fault);
  }

  async #receive(accept: Question['accept']): Promise<Message> {
    this.#reading = null;
    const line = await this.#reader.line();
    if (line === null) throw await this.#gone();
    if (line === 'too long') {
      const bytes = this.#reader.peek(SHOWN);
      throw this.#breach({ what: `a line of more than ${LONGEST_LINE} bytes`, rule: rules.line, bytes });
    }
    let fields: unknown;
    try {
      fields = JSON.parse(utf8.decode(line));
    } catch (error) {
      const what = `a line that is no JSON: ${JSON.stringify(line.subarray(0, 80).toString('latin1'))}`;
      const bytes = Buffer.from(line.subarray(0, SHOWN));
      throw this.#breach({ what, rule: rules.line, given: (error as Error).message, wanted: 'JSON in UTF-8', bytes });
    }
    const fault = faultOf(fields);
    if (fault) throw this.#breach(fault);
    const { type, tensors: headers = [], ...rest } = fields as Record<string, unknown> & { tensors?: TensorHeader[] };
    const size = headers.reduce((sum, header) => sum + byteLength(header), 0);
    if (size > MOST_BYTES) {
      throw this.#breach({ what: `tensors of ${size} bytes`, rule: rules.tooLarge, pointer: '/tensors' });
    }
    const unwanted = accept({ type: type as string, fields: rest, headers });
    if (unwanted) throw this.#breach(unwanted);
    const tensors = new Map<string, DenseTensor>();
    for (const header of headers) {
      this.#reading = { name: header.name, bytes: byteLength(header) };
      const bytes = await this.#reader.bytes(this.#reading.bytes);
      if (bytes === null) throw await this.#gone();
      tensors.set(header.name, decode(header, bytes));
    }
    this.#reading = null;
    return { type: type as string, fields: rest, tensors };
  }

  #surplus(): ProgramFailure {
    const bytes = this.#reader.peek(SHOWN);
    const what = 'it wrote what nobody asked for';
    const given = `${this.#reader.waiting} bytes, and perhaps more`;
    const hints = new Map([
      [10, 'a line feed behind the tensors'],
      [123, 'another message'],
    ]);
    const hint = hints.get(bytes[0]) ?? 'a tensor has more numbers than its shape, or larger ones than its dtype';
    return this.#breach({ what, rule: rules.between, given, wanted: 'nothing before the next question', hint, bytes });
  }

  /** Sends a message and waits for the one that answers it. @throws ProgramFailure */
  async ask({ line, payload = [], within, wants, accept }: Question): Promise<Message> {
    if (this.#reader.waiting > 0) throw this.#surplus();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => {
        const fault = this.#unfinished(`no ${wants} within ${within / 1000} s`);
        reject(this.#failure('timed-out', fault.what, fault));
      };
      timer = setTimeout(fail, within);
    });
    try {
      this.#to.write(Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), ...payload]));
      return await Promise.race([this.#receive(accept), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits a little for what nobody asked for. @throws ProgramFailure where it comes */
  async beQuiet(milliseconds: number): Promise<void> {
    if (await this.#reader.anything(milliseconds)) throw this.#surplus();
  }

  /** Ends the process and all that it started; politely where it may still listen. Says how it ended by itself, or null. */
  async close(isPolite: boolean): Promise<string | null> {
    if (isPolite && this.#ending === null) {
      this.#to.end(`${JSON.stringify({ type: 'bye' })}\n`);
      await this.#endedWithin(GRACE);
    }
    const how = this.#ending;
    stop(this.#started);
    await this.#endedWithin(GRACE);
    for (const stream of this.#started.child.stdio) stream?.destroy();
    return how;
  }
}
