/** The list of expected failures: what an implementation is known to break, with a reason each, and what fails now and then. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { everyLaw } from '../properties/laws/all.ts';
import { precisions } from '../properties/precision.ts';
import { InvalidInput } from '../reference/errors.ts';
import { systems } from '../reference/systems/registry.ts';

/** What an entry names: a law, of every system and dtype unless it names them. */
export interface Entry {
  law: string;
  system?: string;
  dtype?: string;
  reason: string;
}

export interface Expectations {
  /** Fail, and have to: one that passes fails the run. */
  failures: readonly Entry[];
  /** May pass or fail. */
  flaky: readonly Entry[];
}

export type Expected = { kind: 'failure' | 'flaky'; reason: string };

const entries = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      law: { enum: everyLaw.map(({ name }) => name) },
      system: { enum: systems.map(({ name }) => name) },
      dtype: { enum: precisions.map(({ name }) => name) },
      reason: { type: 'string', minLength: 1 },
    },
    required: ['law', 'reason'],
    additionalProperties: false,
  },
} as const;

/** JSON Schema of the file. docs/schemas/expected-failures.json is it; a test keeps the two alike. */
export const expectationsSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'expected failures',
  type: 'object',
  properties: { $schema: { type: 'string' }, failures: entries, flaky: entries },
  additionalProperties: false,
} as const;

const ajv = new Ajv2020({ allErrors: false });

const show = ({ law, system, dtype }: Entry): string => [law, system, dtype].filter(Boolean).join(' · ');

const overlaps = (a: Entry, b: Entry): boolean =>
  a.law === b.law &&
  (a.system === undefined || b.system === undefined || a.system === b.system) &&
  (a.dtype === undefined || b.dtype === undefined || a.dtype === b.dtype);

/**
 * Reads a list.
 * @param file path of a JSON file: `{"failures": [{"law", "system", "dtype", "reason"}], "flaky": […]}`, system and dtype optional
 * @throws InvalidInput where it cannot be read, names what there is not, or has two entries about the same verdict
 */
export function readExpectations(file: string): Expectations {
  const wrong = (given: string, wanted: string): InvalidInput => new InvalidInput('gate', file, given, wanted);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong((error as Error).message, 'a file that can be read');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong(`no JSON (${(error as Error).message})`, 'a JSON object with failures and flaky');
  }
  // compiled when it is needed first; most runs have no list
  const validate = ajv.compile(expectationsSchema);
  if (!validate(json)) {
    const [{ instancePath, message, params }] = validate.errors ?? [];
    const at = instancePath === '' ? 'the top' : instancePath;
    throw wrong(
      `${at} ${message} ${JSON.stringify(params)}`,
      'entries with law, reason, and system and dtype if need be',
    );
  }
  const { failures = [], flaky = [] } = json as Partial<Expectations>;
  const all = [...failures, ...flaky];
  all.forEach((entry, i) => {
    const other = all.slice(0, i).find((before) => overlaps(before, entry));
    if (other) throw wrong(`${show(entry)} and ${show(other)}`, 'one entry about a verdict');
  });
  return { failures, flaky };
}

const names = (entry: Entry, law: string, system: string, dtype: string): boolean =>
  entry.law === law && (entry.system ?? system) === system && (entry.dtype ?? dtype) === dtype;

/** What is expected of a verdict; undefined where nothing is. */
export function expectedOf(
  { failures, flaky }: Expectations,
  law: string,
  system: string,
  dtype: string,
): Expected | undefined {
  const find = (list: readonly Entry[]): Entry | undefined => list.find((entry) => names(entry, law, system, dtype));
  const failure = find(failures);
  if (failure) return { kind: 'failure', reason: failure.reason };
  const flake = find(flaky);
  return flake && { kind: 'flaky', reason: flake.reason };
}

/** Entries that no verdict is about: of laws and systems that the implementation does not have, or that were not asked for. */
export const unusedOf = (
  { failures, flaky }: Expectations,
  verdicts: readonly { law: string; system: string; dtype: string; status: string }[],
): string[] =>
  [...failures, ...flaky]
    .filter(
      (entry) =>
        !verdicts.some(
          ({ law, system, dtype, status }) => status !== 'not-covered' && names(entry, law, system, dtype),
        ),
    )
    .map(show);
