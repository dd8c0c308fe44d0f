/** JSON Schemas (2020-12) of the protocol's messages. docs/schemas/ has them as files; a test keeps the two alike. */

import { precisions } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';
import { WIRE_TYPES } from './wire.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const flag = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 } as const;

const limit = {
  type: 'object',
  properties: { min: count, max: count, multipleOf: { ...count, minimum: 1 }, powerOfTwo: flag },
  additionalProperties: false,
} as const;

const tensors = {
  type: 'array',
  maxItems: 32,
  items: {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 100 },
      dtype: { enum: WIRE_TYPES },
      shape: { type: 'array', items: count, maxItems: 8 },
    },
    required: ['name', 'dtype', 'shape'],
    additionalProperties: false,
  },
} as const;

const message = (type: string, properties: object, required: string[], more: object = {}): object => ({
  $schema: DRAFT,
  title: type,
  type: 'object',
  properties: { type: { const: type }, ...properties },
  required: ['type', ...required],
  ...more,
});

/** What the gate sends: fields may be added in later releases. */
export const gateMessages = {
  describe: message('describe', { versions: { type: 'array', items: count, minItems: 1 } }, ['versions']),
  case: message(
    'case',
    {
      id: count,
      dtype: { enum: precisions.map(({ name }) => name) },
      case: {
        type: 'object',
        properties: {
          system: { enum: systems.map(({ name }) => name) },
          scale: { type: 'number' },
          structure: { type: 'object' },
          position: { type: 'array', items: { type: 'integer', minimum: 0 } },
          cuSeqlens: { type: 'array', items: count },
          chunkSize: count,
        },
        required: ['system'],
      },
      tensors,
    },
    ['id', 'dtype', 'case', 'tensors'],
  ),
  bye: message('bye', {}, []),
};

/** What a program sends: these fields and no others. */
export const programMessages = {
  description: message(
    'description',
    {
      version: count,
      name: { type: 'string', minLength: 1, maxLength: 100 },
      systems: { type: 'array', items: { enum: systems.map(({ name }) => name) }, minItems: 1, uniqueItems: true },
      dtypes: { type: 'array', items: { enum: precisions.map(({ name }) => name) }, minItems: 1, uniqueItems: true },
      gradients: flag,
      state: flag,
      packed: flag,
      groups: flag,
      structures: flag,
      resets: flag,
      growth: flag,
      strongBeta: flag,
      chunkSize: { enum: Array.from({ length: 16 }, (_, i) => 2 ** i) },
      limits: {
        type: 'object',
        properties: Object.fromEntries([...'BTHGKV'].map((letter) => [letter, limit])),
        additionalProperties: false,
      },
    },
    ['version', 'name', 'systems', 'dtypes'],
    { additionalProperties: false },
  ),
  answer: message('answer', { id: count, tensors }, ['id', 'tensors'], { additionalProperties: false }),
  error: message('error', { id: count, message: { type: 'string', maxLength: 65536 } }, ['id', 'message'], {
    additionalProperties: false,
  }),
};
