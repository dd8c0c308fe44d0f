/**
 * A program of somebody else, spoken to as docs/protocol.md says: started once, asked one thing at a time, and replaced by a fresh process
 * after it failed. Whatever it does ends in an answer or in a ProgramFailure within its time.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Fault, ProgramFailure } from './failure.ts';
import { rules } from './rules.ts';
import { type Message, type Question, Session } from './session.ts';
import { type Announced, brief } from './validate.ts';

export const VERSION = 1;

export interface ProgramOptions {
  /** Command and arguments. */
  command: readonly string[];
  /** Milliseconds for a case, and for the description. */
  timeout: number;
  startTimeout: number;
  /** MiB of address space for each of its processes; left out: any. */
  memory?: number;
}

/** Milliseconds for a case where nothing else is said. */
export const TIMEOUT = 30_000;

function faultOfDescription({ type, fields }: Announced): Fault | null {
  const isOne = type === 'description';
  if (isOne && fields.version === VERSION) return null;
  const given = isOne ? `version ${fields.version}` : type;
  const what = `${given}, where a description of version ${VERSION} is wanted`;
  const wanted = isOne ? String(VERSION) : 'description';
  return {
    what,
    rule: isOne ? rules.version : rules.type,
    pointer: isOne ? '/version' : '/type',
    given: isOne ? String(fields.version) : type,
    wanted,
  };
}

/** The question that opens a conversation. */
export const describing = (startTimeout: number): Question => ({
  line: { type: 'describe', versions: [VERSION] } as Question['line'],
  within: startTimeout,
  wants: 'description',
  accept: faultOfDescription,
});

/** What a fresh process says otherwise than the first one did. */
function faultOfChange(first: Record<string, unknown>, now: Record<string, unknown>): Fault | null {
  const names = [...new Set([...Object.keys(first), ...Object.keys(now)])];
  const name = names.find((each) => !isDeepStrictEqual(first[each], now[each]));
  if (name === undefined) return null;
  const [given, wanted] = [brief(now[name], 100), brief(first[name], 100)];
  const what = `a fresh process describes itself otherwise: ${name} is ${given}, and was ${wanted}`;
  return { what, rule: rules.again, pointer: `/${name}`, given, wanted };
}

/** A process; a command that cannot be run ends at the first question, or here. */
export function startSession({ command, memory }: ProgramOptions): Session {
  try {
    return new Session(command, memory);
  } catch (error) {
    throw new ProgramFailure('did-not-start', `it cannot be run (${(error as Error).message})`);
  }
}

/** The program behind the gate, in whatever process it lives. */
export class Program {
  readonly options: ProgramOptions;
  #session: Session | null = null;
  #description: Record<string, unknown> | null = null;
  /** How often it had to be started. */
  starts = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ProgramOptions) {
    this.options = options;
  }

  /** A process that has described itself. */
  async #start(): Promise<Session> {
    const session = startSession(this.options);
    this.starts++;
    try {
      const { fields } = await session.ask(describing(this.options.startTimeout));
      const change = this.#description && faultOfChange(this.#description, fields);
      if (change) throw new ProgramFailure('broke-protocol', change.what, '', change);
      this.#description = fields;
      return session;
    } catch (error) {
      await session.close(false);
      if (!(error instanceof ProgramFailure) || error.kind !== 'crashed') throw error;
      throw new ProgramFailure('did-not-start', error.message.replace(/^crashed: /, ''), '', error.fault);
    }
  }

  /** What it says of itself. @throws ProgramFailure */
  async describe(): Promise<Record<string, unknown>> {
    this.#session ??= await this.#start();
    return this.#description as Record<string, unknown>;
  }

  /** Asks for the answer to a case; one at a time, whoever asks. @throws ProgramFailure, and a fresh process is started for the next */
  ask(question: Omit<Question, 'within' | 'wants'>): Promise<Message> {
    const answer = this.#turn.then(async () => {
      this.#session ??= await this.#start();
      try {
        return await this.#session.ask({ ...question, within: this.options.timeout, wants: 'answer' });
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
