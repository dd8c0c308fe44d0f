/** JSON Schema (2020-12) of the report that `lla gate --json` writes. docs/schemas/report.json has it as a file; a test keeps the two alike. */
import { precisions } from '../../properties/precision.ts';
import { REPORT_VERSION } from '../report.ts';

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const integer = { type: 'integer' } as const;
const index = { type: 'integer', minimum: 1 } as const;
const flag = { type: 'boolean' } as const;
/** JSON has no name for three of the numbers. */
const number = { type: ['number', 'string'], pattern: '^(NaN|-?Infinity)$' } as const;
const texts = { type: 'array', items: text } as const;
const dtype = { enum: precisions.map(({ name }) => name) };

/** These fields and no others; those that end in ? may be left out. */
function object(fields: Record<string, unknown>): { type: string; [keyword: string]: unknown } {
  const isOptional = (name: string): boolean => name.endsWith('?');
  const entries = Object.entries(fields).map(([name, schema]) => [name.replace(/\?$/, ''), schema]);
  return {
    type: 'object',
    properties: Object.fromEntries(entries),
    required: Object.keys(fields).filter((name) => !isOptional(name)),
    additionalProperties: false,
  };
}

/** By its types and not by `anyOf`, so that an error says what is wrong inside. */
const orNull = (schema: { type?: string }): object => ({ ...schema, type: [schema.type, 'null'] });

const worst = object({
  name: text,
  index: { type: 'array', items: count },
  actual: number,
  expected: number,
  bound: number,
  ratio: number,
});
const term = object({ cause: text, value: number, because: text });

const verdict = object({
  law: text,
  system: text,
  implementation: text,
  status: { enum: ['passed', 'failed', 'blocked', 'not-covered', 'error'] },
  level: { enum: ['required', 'recommended'] },
  dtype,
  cases: count,
  worst: orNull(worst),
  seed: integer,
  'path?': text,
  'note?': text,
  'terms?': object({ precision: dtype, largest: { type: 'array', items: term } }),
  'waits?': flag,
  'reason?': text,
  'failure?': { enum: ['did-not-start', 'crashed', 'timed-out', 'broke-protocol', 'refused'] },
  'expected?': object({ kind: { enum: ['failure', 'flaky'] }, reason: text }),
  'from?': text,
  'kept?': text,
  'execution?': object({ backend: text, adapter: text, executorKind: text, fallbackReason: orNull(text) }),
  'chosenBy?': object({ options: text, command: texts }),
  'drawn?': texts,
  'extras?': text,
  'fixtures?': object({
    folder: text,
    failed: { type: 'array', items: object({ name: text, probes: text, why: text }) },
  }),
  replay: orNull(text),
});

export const reportSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'report',
  ...object({
    version: { const: REPORT_VERSION },
    seed: integer,
    runs: count,
    'command?': texts,
    'fixtures?': text,
    enforceRecommended: flag,
    'shard?': object({ index, of: index }),
    'unusedExpectations?': texts,
    'bailed?': flag,
    conforms: flag,
    summary: object({
      passed: count,
      failed: count,
      blocked: count,
      notCovered: count,
      'waiting?': count,
      errors: count,
      expected: count,
      flaky: count,
      recommended: count,
      fixed: count,
      cases: count,
      seconds: { type: 'number', minimum: 0 },
    }),
    verdicts: { type: 'array', items: verdict },
  }),
};
