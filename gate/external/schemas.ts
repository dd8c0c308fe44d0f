/**
 * JSON Schemas (2020-12) of the protocol's messages. docs/schemas/ has them as files, and the tables of docs/protocol.md the same fields,
 * meanings and defaults; tests keep the three alike.
 */

import { precisions } from '../../properties/precision.ts';
import { INTERMEDIATES } from '../../reference/intermediates.ts';
import { systems } from '../../reference/systems/registry.ts';
import { WIRE_TYPES } from './wire.ts';

interface Schema extends Record<string, unknown> {
  properties: Record<string, { const?: string; description?: string; default?: unknown }>;
}

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const flag = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 } as const;

/** What a field means, in the words of docs/protocol.md; and what it is where it is left out. */
const meaning = (schema: object, description: string): object => ({ ...schema, description });
const ability = (description: string): object => ({ ...flag, description, default: false });

const limitOf = (letter: string): object => ({
  type: 'object',
  properties: {
    min: { ...count, default: letter === 'T' ? 0 : 1 },
    max: count,
    multipleOf: { ...count, minimum: 1, default: 1 },
    powerOfTwo: { ...flag, default: false },
  },
  additionalProperties: false,
});

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

const message = (type: string, properties: object, required: string[], more: object = {}): Schema => ({
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
          system: meaning({ enum: systems.map(({ name }) => name) }, "one of the description's"),
          scale: { type: 'number', description: 'multiplies q·k', default: 1 },
          structure: {
            type: 'object',
            properties: { kind: { enum: ['weak', 'strong'] }, base: { ...count, minimum: 2, default: 2 } },
            required: ['kind'],
            description:
              'how levels follow from positions: `kind` is `weak`, with a `base` of 2 or more (default 2), or `strong`',
            default: { kind: 'weak', base: 2 },
          },
          position: meaning(
            { type: 'array', items: { type: 'integer', minimum: 0 } },
            'positions already seen by each of the n sequences, integers',
          ),
          cuSeqlens: meaning(
            { type: 'array', items: count },
            'n + 1 integers from 0 to T: sequence i is the tokens from the i-th to before the next, in one row (B = 1); a sequence may be empty',
          ),
          chunkSize: meaning(count, 'how one of our own forms would be asked; a program need not heed it'),
        },
        required: ['system'],
      },
      intermediates: {
        type: 'array',
        items: { enum: INTERMEDIATES.map(({ name }) => name) },
        description: "steps of the description's that are wanted beside the answer",
      },
      tensors,
    },
    ['id', 'dtype', 'case', 'tensors'],
  ),
  bye: message('bye', {}, []),
};

/** What the description has for each field that it leaves out. */
export const descriptionDefaults = (): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(programMessages.description.properties).flatMap(([name, field]) =>
      field.default === undefined ? [] : [[name, field.default]],
    ),
  );

/** What a program sends: these fields and no others. */
export const programMessages = {
  description: message(
    'description',
    {
      version: meaning(count, "one of the gate's versions"),
      name: meaning(
        { type: 'string', minLength: 1, maxLength: 100 },
        'what verdicts call the implementation; 1 to 100 characters',
      ),
      systems: meaning(
        { type: 'array', items: { enum: systems.map(({ name }) => name) }, minItems: 1, uniqueItems: true },
        'names of systems, as `lla systems` lists them; at least one',
      ),
      dtypes: meaning(
        { type: 'array', items: { enum: precisions.map(({ name }) => name) }, minItems: 1, uniqueItems: true },
        'what it computes in, each judged on its own: `float64`, `float32`, `tf32` (float32 tensors, products in TF32), `bfloat16`, `float16`; at least one',
      ),
      gradients: ability('whether it answers cases with cotangents'),
      state: ability('initial and final states, and positions other than 0'),
      packed: ability('sequences packed into one row (`cuSeqlens`)'),
      groups: ability('fewer heads of q and k than of v (G < H)'),
      structures: ability('structures other than weak, base 2'),
      resets: ability('log decays of -Infinity, where a law has not put NaN or Infinity as well'),
      growth: ability('positive log decays'),
      strongBeta: ability('beta above 1'),
      large: {
        ...flag,
        description: 'cases of the sizes of real kernels; false where these take it too long',
        default: true,
      },
      intermediates: {
        type: 'array',
        items: { enum: INTERMEDIATES.map(({ name }) => name) },
        uniqueItems: true,
        description:
          'steps on the way that it can show to `lla debug`: names out of `chunkStates`, `states`, `levelOutputs`',
      },
      chunkSize: {
        enum: Array.from({ length: 16 }, (_, i) => 2 ** i),
        description: 'its own chunk size C, a power of two',
        default: 64,
      },
      limits: {
        type: 'object',
        properties: Object.fromEntries([...'BTHGKV'].map((letter) => [letter, limitOf(letter)])),
        additionalProperties: false,
        description: 'what sizes have to be, see below',
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
