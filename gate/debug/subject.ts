/** Who is debugged: a program, one of our forms, or nobody but an answer in a file. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type GivenAnswer, readAnswer } from '../../fixtures/formats/answers.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { DEFAULT_BACKEND, gpuForms, gpuName, type NodeBackend } from '../../gpu/implementations.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import type { Answer } from '../../reference/case.ts';
import type { External } from '../external/implementation.ts';

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

/**
 * The answer in a file, json, npz or safetensors.
 * @throws BadFixture at whatever is wrong with it, a refusal in place of an answer too
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
  const given = await readAnswer(bytes, file, extname(file).slice(1));
  if ('error' in given) throw new BadFixture(file, 'it refuses the case, and has no answer to debug');
  const { position = [], ...answer }: GivenAnswer = given;
  return { position, ...answer };
}
