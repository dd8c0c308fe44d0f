/** How time grows with T: chunked against masked, and the exponent of the chunked form. */
import type { Case, FormName } from '../reference/case.ts';
import { compute } from '../reference/operator.ts';
import { mustAgree, randomCase } from './cases.ts';
import { best, cpuSeconds, exponent, say } from './timing.ts';

export const CHUNK_SIZE = 64;
export const AT_LENGTH = { T: 4096, H: 1, K: 64, V: 64 };

/** Seconds of processor time of both forms at T = 4096. */
export function chunkedAgainstMasked(): { masked: number; chunked: number } {
  const c = { ...randomCase('log-linear-mamba2', AT_LENGTH), chunkSize: CHUNK_SIZE };
  const run = (form: FormName) => () => compute({ ...c, form });
  say(`chunked against masked, T = ${AT_LENGTH.T}`);
  mustAgree('chunked and masked form', c, run('chunked')().o, run('masked')().o);
  return { masked: best(5, run('masked'), cpuSeconds), chunked: best(30, run('chunked'), cpuSeconds) };
}

export const LENGTHS = [1, 2, 4, 8, 16, 32, 64].map((k) => k * 1024);
const SMALL = { H: 1, K: 16, V: 16 };
/** The masked form is drawn beside the chunked one as far as this. */
const MASKED_UP_TO = 8192;
const ROUNDS = { masked: 2, recurrent: 2, chunked: 4 };

export interface Curve {
  system: string;
  form: FormName;
  T: number[];
  seconds: number[];
  /** Fitted: time ~ T^exponent. */
  exponent: number;
}

/** Processor time of each length. Rounds over all lengths, so that a busy minute of the machine does not fall on one length alone. */
function curve(system: string, form: FormName, cases: Case[]): Curve {
  const T = cases.map((c) => (c.inputs.q?.shape[1] ?? 0) as number);
  const times = T.map(() => Number.POSITIVE_INFINITY);
  const rounds = ROUNDS[form];
  for (let round = 1; round <= rounds; round++) {
    say(`${form} form of ${system}, T = ${T[0]} … ${T.at(-1)}, round ${round} of ${rounds}`);
    cases.forEach((c, i) => {
      for (let call = 0; call < Math.max(1, 8192 / T[i]); call++) {
        times[i] = Math.min(
          times[i],
          cpuSeconds(() => compute({ ...c, form })),
        );
      }
    });
  }
  return { system, form, T, seconds: times, exponent: exponent(T, times) };
}

/** The chunked form at every length, checked against the recurrent form; for the first system also the masked form. */
export function growth(): Curve[] {
  return ['log-linear-mamba2', 'log-linear-gated-deltanet'].flatMap((system, i) => {
    const cases = LENGTHS.map((T) => ({ ...randomCase(system, { T, ...SMALL }), chunkSize: CHUNK_SIZE }));
    for (const [j, c] of cases.entries()) {
      say(`checking ${system}, T = ${LENGTHS[j]}`);
      mustAgree(
        `${system}, T = ${LENGTHS[j]}`,
        c,
        compute({ ...c, form: 'chunked' }).o,
        compute({ ...c, form: 'recurrent' }).o,
      );
    }
    const short = cases.filter((_, j) => LENGTHS[j] <= MASKED_UP_TO);
    const masked = i === 0 ? [curve(system, 'masked', short)] : [];
    return [...masked, curve(system, 'chunked', cases)];
  });
}
