/** Time against T: the masked form in float64 on the processor, and the chunked form on the device, on the same cases. */
import { randomCase } from '../bench/cases.ts';
import { compare } from '../properties/compare.ts';
import { roundCase } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Answer } from '../reference/case.ts';
import { compute } from '../reference/operator.ts';
import type { Requests, TimesRow } from './messages.ts';
import { breathe, SINGLE, subjectOn } from './subject.ts';
import type { Task } from './worker.ts';

export const SIZES = { H: 1, K: 32, V: 32 };
export const CHUNK_SIZE = 64;
/** A length is measured until this much time has gone by, in milliseconds, in so many calls. */
const ENOUGH = 250;
const FEWEST_CALLS = 2;
const MOST_CALLS = 20;

/** The shortest of some calls, in milliseconds; the first one, which may compile, does not count. */
async function shortest(call: () => Answer | Promise<Answer>): Promise<{ answer: Answer; time: number }> {
  const answer = await call();
  let time = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let calls = 0; calls < FEWEST_CALLS || (calls < MOST_CALLS && spent < ENOUGH); calls++) {
    await breathe();
    const before = performance.now();
    await call();
    const each = performance.now() - before;
    time = Math.min(time, each);
    spent += each;
  }
  return { answer, time };
}

export async function measureTimes(
  { system, lengths }: Requests['times']['input'],
  { device, report, signal }: Task<'times'>,
): Promise<null> {
  const subject = subjectOn(device);
  for (const T of lengths) {
    const c = { ...roundCase(randomCase(system, { T, ...SIZES }), SINGLE), chunkSize: CHUNK_SIZE };
    const chunked = await shortest(() => subject.run(c));
    await breathe();
    if (signal.aborted) return null;
    const masked = await shortest(() => compute({ ...c, form: 'masked' }));
    const { ratio } = compare('o', chunked.answer.o, masked.answer.o, boundsOf(c, SINGLE).o);
    report({ T, masked: masked.time, chunked: chunked.time, ratio } satisfies TimesRow);
    await breathe();
    if (signal.aborted) return null;
  }
  return null;
}
