/** What is debugged: a case from any of the files that have one, and what is right for it. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { expectedFromFixture, expectedOf } from '../../debug/expected.ts';
import type { Expected } from '../../debug/failure.ts';
import type { Fixture } from '../../fixtures/fixture.ts';
import { FORMAT_NAMES, type FormatName, formats } from '../../fixtures/formats/all.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { textOf } from '../../fixtures/formats/text.ts';
import { caseOf } from '../../fixtures/load.ts';
import { parseKept } from '../../gate/kept.ts';
import { withoutCotangents } from '../../properties/edit.ts';
import type { Precision } from '../../properties/precision.ts';
import { roundCase } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText, parseCase } from '../../reference/case-json.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { checkCase } from '../../reference/shapes.ts';
import type { Origin } from './elsewhere.ts';

/** A case, and what the file says of it beside that. */
export interface DebugInput {
  c: Case;
  /** Where the gate found it. */
  origin: Origin;
  /** The precision that the file is for; undefined where it does not say. */
  dtype?: string;
  /** What the file says is right. */
  fixture?: Fixture;
}

const WHERE = 'debug';

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const remedy = 'give the path of a file, or - for standard input';
    throw new InvalidInput(WHERE, 'case', `${file} (${message})`, 'a file that can be read', remedy);
  }
}

/** JSON data where it is an object, else nothing: whoever parses the text in earnest says what is wrong with it. */
function peek(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function fromFixture(bytes: Buffer, file: string, format: FormatName): Promise<DebugInput> {
  const fixture = await formats[format].read(bytes, file);
  const { dtype, error } = fixture.header;
  if (error) {
    const given = `a fixture that has to be refused, for ${error.argument}`;
    throw new InvalidInput(WHERE, file, given, 'one with an answer', 'lla fixtures verify judges refusals');
  }
  return { c: caseOf(fixture), origin: {}, dtype, fixture };
}

/**
 * The case in a file: a JSON case, a file of `lla gate --save` or `--kept`, or a fixture in any of its formats.
 * @throws InvalidInput, BadFixture
 */
export async function readInput(file: string): Promise<DebugInput> {
  const bytes = bytesOf(file);
  const extension = extname(file).slice(1);
  if (extension !== 'json' && FORMAT_NAMES.includes(extension as FormatName)) {
    return await fromFixture(bytes, file, extension as FormatName);
  }
  const text = textOf(bytes, file);
  const fields = peek(text);
  if ('expected' in fields) return await fromFixture(bytes, file, 'json');
  if ('case' in fields && 'extras' in fields) {
    const { law, draw, dtype } = parseKept(text, file);
    return { c: draw.c, origin: { law, draw }, dtype };
  }
  const { form, ...rest } = parseCase(text, WHERE);
  // which of our forms answers is for --form to say
  void form;
  const { law, seed, path } = rest;
  return { c: rest, origin: { law, seed, path } };
}

/** The case as an implementation sees it, and what of it that is not: in words. */
export interface Prepared {
  c: Case;
  expected: Expected;
  notes: string[];
}

/**
 * @param gradients whether the implementation has any
 * @param chunkSize of the implementation, where it does not heed the case's
 * @throws InvalidInput where the case has no answer
 */
export function prepare(
  { c: given, fixture, dtype }: DebugInput,
  precision: Precision,
  { gradients = true, chunkSize }: { gradients?: boolean; chunkSize?: number } = {},
): Prepared {
  const notes: string[] = [];
  checkCase(WHERE, given);
  const rounded = roundCase(given, precision);
  // what is said of chunks is said of its own
  let c = chunkSize === undefined ? rounded : { ...rounded, chunkSize };
  if (jsonText(caseToJson(c).inputs) !== jsonText(caseToJson(given).inputs)) {
    notes.push(`the case is rounded to ${precision.name}`);
  }
  if (c.cotangents && !gradients) {
    c = withoutCotangents(c);
    notes.push('it has no gradients: they are not asked for');
  }
  // a fixture's own answer and bounds are what it is judged by elsewhere
  if (fixture && dtype === precision.name) return { c, expected: withoutGradients(fixture, gradients), notes };
  return { c, expected: expectedOf(c, precision), notes };
}

function withoutGradients(fixture: Fixture, gradients: boolean): Expected {
  const { tensors } = expectedFromFixture(fixture);
  return { tensors: new Map([...tensors].filter(([name]) => gradients || !name.startsWith('gradients.'))) };
}

export { BadFixture };
