/** What commands share: exit codes, arguments that are checked, names that are looked up, usage errors. */

import { InvalidArgumentError } from 'commander';
import { visible } from '../gate/external/failure.ts';
import { BackendUnavailable } from '../gpu/device.ts';
import { type NodeBackend, sharedDevice } from '../gpu/implementations.ts';
import { type Precision, precisions } from '../properties/precision.ts';
import { EXIT } from './exit.ts';

/** The name of the GPU form on the command line. */
export const GPU = 'gpu';
export const PRECISIONS = precisions.map(({ name }) => name).join(', ');

/** Ends with a message; nothing has been written then. */
export function fail(message: string, code: number = EXIT.usage): never {
  process.stderr.write(`error: ${visible(message)}\n(lla --help lists commands and options)\n`);
  process.exit(code);
}

export const integer =
  (least: number, what: string) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value > 2 ** 31 - 1 || value < least) {
      throw new InvalidArgumentError(`${text} given, ${what} wanted.`);
    }
    return value;
  };

export function indices(text: string): number[] {
  if (/^\d{1,9}(,\d{1,9})*$/.test(text)) return text.split(',').map(Number);
  throw new InvalidArgumentError(`${text} given, integers of 0 or more, separated by commas, wanted.`);
}

/** A day is longer than any case, and timers end at 24 days. */
const LONGEST_SECONDS = 86_400;

export function seconds(text: string): number {
  const value = integer(1, 'a positive integer')(text);
  if (value <= LONGEST_SECONDS) return value;
  throw new InvalidArgumentError(`${text} given, at most ${LONGEST_SECONDS} seconds wanted.`);
}

export const collect = (value: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...value.split(','),
];

/** The entries with those names; a usage error for a name that is not there. */
export function pick<T extends { name: string }>(
  what: string,
  all: readonly T[],
  names: string[] | undefined,
  also?: (entry: T) => string,
): T[] {
  if (names === undefined) return [...all];
  for (const name of names) {
    if (all.some((entry) => entry.name === name || also?.(entry) === name)) continue;
    const groups = also ? `${[...new Set(all.map(also))].join(', ')}; ` : '';
    fail(`unknown ${what} '${name}'. There are: ${groups}${all.map((entry) => entry.name).join(', ')}`);
  }
  return all.filter((entry) => names.includes(entry.name) || (also !== undefined && names.includes(also(entry))));
}

export const precisionNamed = (name: string): Precision => pick('precision', precisions, [name])[0];

/** A backend that is not there is no failure of a law: it is said once, before anything is judged. */
export async function openOrExit(backend: NodeBackend): Promise<void> {
  try {
    await sharedDevice(backend);
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    fail(error.message);
  }
}
