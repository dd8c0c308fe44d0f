/** `lla compute`: cases in, one a line, and an answer out for each, in order. A bad case answers its error, and the stream goes on. */
import { constants } from 'node:buffer';
import { computeShared, DEFAULT_BACKEND, type NodeBackend } from '../gpu/implementations.ts';
import type { Precision } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Answer, Case } from '../reference/case.ts';
import { answerToJson, errorToJson, jsonPieces, parseCase } from '../reference/case-json.ts';
import { InvalidInput } from '../reference/errors.ts';
import { compute } from '../reference/operator.ts';
import { boundsToJson } from './bounds-json.ts';

/** What is answered to a case, as JSON data. Throws InvalidInput where the case has no answer. */
export type Respond = (c: Case) => unknown;

const WHERE = 'compute';
const LINE_FEED = 10;
/** Where the other end of a pipe has gone, nothing is wrong here: `lla compute | head -1`. */
const GONE = ['EPIPE', 'EOF', 'ERR_STREAM_DESTROYED'];

/** A line may be as long as a string can be; null stands for a longer one. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = [];
  let size = 0;
  const add = (part: Buffer): void => {
    size += part.length;
    if (size > constants.MAX_STRING_LENGTH) parts = [];
    else parts.push(part);
  };
  const take = (): Buffer | null => {
    const line = size > constants.MAX_STRING_LENGTH ? null : Buffer.concat(parts, size);
    parts = [];
    size = 0;
    return line;
  };
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      add(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    add(bytes.subarray(start));
  }
  if (size > 0) yield take();
}

/** UTF-8 as text, without a byte order mark. null stands for more bytes than a string can have. */
export function textOf(bytes: Buffer | null, where = WHERE, argument = 'case', what = 'a line'): string {
  const refuse = (given: string, wanted: string): InvalidInput => new InvalidInput(where, argument, given, wanted);
  if (bytes === null) throw refuse(`${what} too long for a string`, `${constants.MAX_STRING_LENGTH} bytes or less`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(`${what} that is not UTF-8`, 'JSON text in UTF-8');
  }
}

/** The error to answer with: the case's own, or that a good case needs arrays which this process cannot have. Else thrown on. */
export function invalid(error: unknown, where = WHERE): InvalidInput {
  if (error instanceof InvalidInput) return error;
  if (error instanceof RangeError && /allocation failed|Invalid .*length/i.test(error.message)) {
    const remedy = 'fewer positions, smaller sizes, or a smaller chunkSize';
    return new InvalidInput(where, 'case', `a case too large for memory (${error.message})`, 'one that fits', remedy);
  }
  throw error;
}

/** The reference knows its own forms alone: the GPU form is answered beside it. */
const isGpu = ({ form }: Case): boolean => (form as string | undefined) === 'gpu';

/** The answer by the form that the case names: the oracle's, or the GPU form's on a backend. */
const answerOn = (backend: NodeBackend, c: Case): Answer | Promise<Answer> =>
  isGpu(c) ? computeShared(backend, c) : compute(c);

/** What is answered to a case: its answer; with a precision also how far a correct implementation in it may be from the exact one. */
export function respondOn(backend: NodeBackend = DEFAULT_BACKEND, p?: Precision): Respond {
  return async (c) => {
    const answer = await answerOn(backend, c);
    if (!p) return answerToJson(answer);
    const bounds = boundsToJson(boundsOf(isGpu(c) ? { ...c, form: undefined } : c, p), answer);
    return { ...answerToJson(answer), bounds };
  };
}

/** Writes one at a time, each when the output has taken the last. `gone` once nobody reads any more. */
interface Sink {
  write(text: string): Promise<void>;
  gone(): boolean;
  /** Waits until all is written; throws if the output failed otherwise than by going away. */
  finish(): Promise<void>;
}

function sinkTo(output: NodeJS.WritableStream, onGone: () => void): Sink {
  let isGone = false;
  let failure: NodeJS.ErrnoException | undefined;
  let resume = (): void => {};
  const stop = (error?: NodeJS.ErrnoException): void => {
    failure ??= error;
    if (!isGone) onGone();
    isGone = true;
    resume();
  };
  const wake = (): void => resume();
  const close = (): void => stop();
  output.on('drain', wake).on('close', close).on('error', stop);
  const send = (text: string, whenFlushed: boolean): Promise<void> =>
    new Promise((resolve) => {
      resume = resolve;
      const isTaken = output.write(text, (error) => {
        if (error) stop(error);
        else if (whenFlushed) resolve();
      });
      if (isTaken && !whenFlushed) resolve();
    });
  return {
    gone: () => isGone,
    async write(text) {
      if (!isGone) await send(text, false);
    },
    async finish() {
      if (!isGone) await send('', true);
      // an error is emitted just after the write that met it calls back
      await new Promise(setImmediate);
      output.off('drain', wake).off('close', close).off('error', stop);
      if (failure && !GONE.includes(failure.code ?? '')) throw failure;
    },
  };
}

/**
 * Answers each line of `input` with one line on `output`; blank lines are passed over. Stops quietly when nobody reads the output.
 * @param respond what to answer to a case; by default the oracle's answer in float64
 * @returns how many lines had a case, and how many of those were bad
 * @throws what the streams throw, and what `respond` throws other than InvalidInput
 */
export async function computeLines(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  respond: Respond = respondOn(),
): Promise<{ lines: number; bad: number }> {
  const counts = { lines: 0, bad: 0 };
  const sink = sinkTo(output, () => {
    if ('destroy' in input && typeof input.destroy === 'function') input.destroy();
  });
  try {
    for await (const line of linesOf(input)) {
      if (sink.gone()) break;
      let answer: unknown;
      try {
        const text = textOf(line);
        if (text.trim() === '') continue;
        answer = await respond(parseCase(text, WHERE));
      } catch (error) {
        answer = errorToJson(invalid(error));
        counts.bad++;
      }
      counts.lines++;
      let last = '';
      for (const piece of jsonPieces(answer)) {
        if (last !== '') await sink.write(last);
        last = piece;
      }
      await sink.write(`${last}\n`);
    }
  } catch (error) {
    // reading ends so when the input is destroyed because the output has gone
    if (!sink.gone()) throw error;
  } finally {
    await sink.finish();
  }
  return counts;
}
