/** Who is debugged: a program, one of our forms, or nobody but an answer in a file. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';

import { type GivenAnswer, readAnswer } from '../../fixtures/formats/answers.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { textOf } from '../../fixtures/formats/text.ts';
import type { External } from '../../gate/external/implementation.ts';
import { DEFAULT_BACKEND, gpuForms, gpuName, type NodeBackend } from '../../gpu/implementations.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import type { Answer } from '../../reference/case.ts';
import { jsonText, parseTensor } from '../../reference/case-json.ts';
import { INTERMEDIATES } from '../../reference/intermediates.ts';

/** One of our forms by its name on the command line; undefined where there is none. */
export const formNamed = (name: string, backend: NodeBackend = DEFAULT_BACKEND): Implementation | undefined =>
  name === 'gpu' ? gpuForms.find((form) => form.name === gpuName(backend)) : builtIn.find((form) => form.name === name);

/** The implementation of a program in a dtype; by default that of the case, else its first. */
export function inDtype(
  { implementations }: Pick<External, 'implementations'>,
  asked: string | undefined,
  ofCase: string | undefined,
): Implementation | undefined {
  const named = (name: string | undefined): Implementation | undefined =>
    implementations.find(({ precision }) => precision.name === name);
  return asked === undefined ? (named(ofCase) ?? implementations[0]) : named(asked);
}

const MOST_STEP_AXES = Math.max(...INTERMEDIATES.map(({ axes }) => axes.length));

/** Steps that a JSON answer shows beside itself, taken out of it. */
function takeSteps(bytes: Buffer, file: string): { bytes: Buffer; intermediates?: Answer['intermediates'] } {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(textOf(bytes, file).replace(/^\uFEFF/, ''));
  } catch {
    // what is wrong with it is said by whoever reads the answer
    return { bytes };
  }
  if (typeof fields !== 'object' || fields === null || !('intermediates' in fields)) return { bytes };
  const { intermediates: given, ...answer } = fields;
  const names: string[] = INTERMEDIATES.map(({ name }) => name);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new BadFixture(file, `intermediates that are no object; ${names.join(', ')} are known`);
  }
  const entries = Object.entries(given).map(([name, value]) => {
    if (names.includes(name)) return [name, parseTensor(file, `intermediates.${name}`, value, MOST_STEP_AXES)];
    throw new BadFixture(file, `intermediates.${name}, where ${names.join(', ')} are known`);
  });
  return { bytes: Buffer.from(jsonText(answer)), intermediates: Object.fromEntries(entries) };
}

/**
 * The answer in a file, json, npz or safetensors; in json with `intermediates` beside it, tensors by the names of steps.
 * @throws BadFixture at whatever is wrong with it, a refusal in place of an answer too; InvalidInput at a step that is no tensor
 */
export async function answerIn(file: string): Promise<Answer> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new BadFixture(file, `${message}; give a file that can be read`);
  }
  const extension = extname(file).slice(1);
  const { intermediates, ...rest } = extension === 'json' ? takeSteps(bytes, file) : { bytes };
  const given = await readAnswer(rest.bytes, file, extension);
  if ('error' in given) throw new BadFixture(file, 'it refuses the case, and has no answer to debug');
  if ('notCovered' in given) throw new BadFixture(file, 'it says that it cannot answer: there is nothing to debug');
  const { position = [], ...answer }: GivenAnswer = given;
  return { position, ...answer, ...(intermediates ? { intermediates } : {}) };
}
