/**
 * JSON Schemas (2020-12) of what a bundle has beside the protocol's own messages. docs/schemas/ has them as files; a test keeps the two
 * alike.
 */
import { precisions } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';
import { programMessages } from '../external/schemas.ts';

export { faultBy } from '../../fixtures/schema-fault.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const count = { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 } as const;
const size = { type: 'integer', minimum: 0, maximum: 2 ** 50 } as const;
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const name = { type: 'string', minLength: 1, maxLength: 100 } as const;
const words = { type: 'array', items: { type: 'string', maxLength: 10_000 }, maxItems: 1000 } as const;

const closed = (title: string, properties: object, optional: string[] = []): object => ({
  $schema: DRAFT,
  title,
  ...inner(properties, optional),
});

const inner = (properties: object, optional: string[] = []): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  additionalProperties: false,
});

const system = { enum: systems.map((each) => each.name) } as const;
const dtype = { enum: precisions.map((each) => each.name) } as const;
const names = (items: object): object => ({ type: 'array', items, minItems: 1, maxItems: 1000, uniqueItems: true });

const file = (extension: string): object =>
  inner({
    // no other file is ever opened, whatever a manifest says
    file: { type: 'string', pattern: `^round-[1-9][0-9]{0,2}\\.${extension}$` },
    bytes: size,
    sha256,
    messages: count,
  });

const { $schema: _, title: __, ...description } = programMessages.description as Record<string, unknown>;

export const bundleSchemas = {
  manifest: closed(
    'manifest of a bundle',
    {
      format: { const: 'lla-bundle' },
      version: { const: 1 },
      madeBy: name,
      seed: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
      runs: { ...count, minimum: 1 },
      laws: names(name),
      systems: names(system),
      dtypes: names(dtype),
      description,
      command: words,
      rounds: {
        type: 'array',
        minItems: 1,
        maxItems: 999,
        items: inner({
          cases: file('cases'),
          expected: file('expected'),
          sections: { type: 'array', items: inner({ law: name, system, dtype, first: count, cases: count }) },
        }),
      },
      sha256,
    },
    ['command'],
  ),
  /** First line of a file of answers. */
  answers: closed('answers of a bundle', {
    type: { const: 'answers' },
    version: { const: 1 },
    round: { ...count, minimum: 1 },
    cases: sha256,
    program: words,
    fingerprint: sha256,
  }),
  /** Stands for an answer where the program gave none, written by the script. */
  failure: closed('failure', {
    type: { const: 'failure' },
    id: count,
    kind: { enum: ['crashed', 'timed-out', 'broke-protocol', 'did-not-start'] },
    message: { type: 'string', maxLength: 65536 },
  }),
  /** Last line of a file of answers. */
  end: closed('end', { type: { const: 'end' }, answers: count, sha256 }),
  /** The oracle's answer and its bounds, in the format of an answer. */
  expected: closed('expected', {
    type: { const: 'expected' },
    id: count,
    tensors: (programMessages.answer as { properties: { tensors: object } }).properties.tensors,
  }),
};
