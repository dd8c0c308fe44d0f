/** JSON Schema (2020-12) of what `lla debug --json` prints. docs/schemas/debug-report.json has it as a file; a test keeps the two alike. */
import { DEBUG_REPORT_VERSION } from './report.ts';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const count = { type: 'integer', minimum: 0 };
const counts = { type: 'array', items: count };
/** As in a case: what JSON has no number for is a string. */
const number = { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] };
const numbers = { type: 'array', items: number };
const flag = { type: 'boolean' };

const optional = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] });

/** An object that has all of these fields, and those of `may`. Others may come with later versions. */
const object = (fields: Record<string, object>, may: Record<string, object> = {}): object => ({
  type: 'object',
  properties: { ...fields, ...may },
  required: Object.keys(fields),
});

const list = (items: object): object => ({ type: 'array', items });

const outputs = list(
  object(
    { name: text, axes: text, shape: counts, wrong: count },
    { expected: numbers, actual: numbers, bound: numbers, ratio: numbers },
  ),
);

const located = object({
  name: text,
  axes: text,
  shape: counts,
  wrong: count,
  total: count,
  nonFinite: count,
  worst: optional(
    object({ index: { type: 'object' }, actual: number, expected: number, bound: number, ratio: number }),
  ),
  first: optional(count),
  set: optional(object({ parts: texts, words: text, also: texts, recall: number, precision: number })),
  relation: optional(text),
  profile: object({ byPosition: numbers, chunkEdges: counts, levelBoundaries: counts }),
  sentence: text,
});

const finding = object({ kind: text, sentence: text });
const square = list(numbers);

const probed = object({
  premises: list(object({ name: text, holds: optional(flag), worst: number, sentence: text })),
  isReliable: flag,
  P: optional(
    object({
      row: count,
      head: count,
      truth: square,
      actual: square,
      bound: square,
      levels: square,
      wrong: count,
      sentences: texts,
    }),
  ),
  levelMap: optional(object({ row: count, head: count, truth: square, actual: square, rule: optional(text) })),
  decay: optional(finding),
  scale: optional(finding),
  gradients: list(finding),
  jacobians: list(
    object({
      name: text,
      row: count,
      head: count,
      queries: counts,
      truth: square,
      actual: square,
      bound: square,
      wrong: count,
      set: optional(text),
      relation: optional(text),
      sentences: texts,
    }),
  ),
  further: list(finding),
  sentences: texts,
  calls: count,
});

const causes = list(
  object(
    {
      names: texts,
      isPair: flag,
      bug: text,
      line: text,
      agrees: count,
      of: count,
      telling: count,
      toldBy: count,
      differsOn: texts,
      onFailing: flag,
      distance: number,
    },
    { gradients: { enum: ['follow', 'differ'] } },
  ),
);

const diagnosis = object({
  cases: count,
  wrong: count,
  causes,
  pairs: causes,
  forward: causes,
  nearest: causes,
  unanswered: list(object({ case: text, reason: text })),
  cutShort: optional(text),
  failing: { enum: ['wrong', 'right', 'right the second time', 'too large', 'misshapen'] },
  triedPairs: flag,
  text: texts,
});

const minimised = object({
  case: { type: 'object', description: 'as lla compute reads it' },
  outputs,
  questions: count,
  seconds: number,
  isMinimal: flag,
  tried: list(object({ step: text, questions: count, kept: count })),
});

export const debugReportSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'what lla debug --json prints',
  ...object({
    version: { const: DEBUG_REPORT_VERSION },
    implementation: text,
    source: text,
    precision: text,
    isRight: flag,
    faults: texts,
    case: { type: 'object', description: 'as lla compute reads it' },
    outputs,
    localisation: object({ outputs: list(located), faults: texts, sentences: texts }),
    probed: optional(probed),
    diagnosis: optional(diagnosis),
    intermediates: texts,
    minimised: optional(minimised),
    tests: optional(object({ torch: text, numpy: text, typescript: text })),
    notes: texts,
    replay: text,
    seconds: number,
  }),
};
