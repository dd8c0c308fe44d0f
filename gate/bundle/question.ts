/** A question as a bundle holds it: the protocol's message, save that a tensor of an earlier answer is named instead of written. */
import { createHash, type Hash } from 'node:crypto';
import type { Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { caseMessage } from '../external/implementation.ts';
import type { TensorHeader } from '../external/wire.ts';

/** A tensor of the answer to a case. */
export interface Source {
  id: number;
  tensor: string;
}

/** Which tensors are those of answers. A law that feeds a final state back hands over the very tensor that it was given. */
export type Sources = WeakMap<object, Source>;

/** A tensor of a question: with `from` its numbers are those of an answer, in the question's dtype, and none follow the line. */
export type QuestionHeader = TensorHeader & { from?: Source };

export interface Question {
  /** The message without its id. */
  line: { type: string; dtype: string; case: object; tensors: QuestionHeader[] };
  body: Buffer[];
  /** Whether a tensor of an earlier answer is in it. */
  follows: boolean;
}

const tensorOf = ({ inputs, cotangents }: Case, name: string): Tensor | undefined => {
  if (name === 'cotangents.o') return cotangents?.o;
  return name === 'cotangents.finalState' ? cotangents?.finalState : inputs[name as InputName];
};

export function questionOf(c: Case, p: Precision, sources: Sources): Question {
  const { line, payload } = caseMessage(c, 0, p);
  const { id: _, ...message } = line as { id: number } & Question['line'];
  const body: Buffer[] = [];
  const tensors = message.tensors.map((header, i): QuestionHeader => {
    const from = sources.get(tensorOf(c, header.name) as Tensor);
    if (!from) body.push(payload[i]);
    return from ? { ...header, from } : header;
  });
  return { line: { ...message, tensors }, body, follows: tensors.some(({ from }) => from !== undefined) };
}

/** Remembers which answer the tensors are of. */
export function noteSources(sources: Sources, id: number, { o, finalState, gradients = {} }: Answer): void {
  sources.set(o, { id, tensor: 'o' });
  if (finalState) sources.set(finalState, { id, tensor: 'finalState' });
  for (const [name, value] of Object.entries(gradients)) sources.set(value, { id, tensor: `gradients.${name}` });
}

/** What a question is looked up by: the section that asks, and all bytes of the message but its id. Tensors are added one by one. */
export function beginKey(section: string, fields: Record<string, unknown>): Hash {
  const { id: _, ...rest } = fields;
  return createHash('sha256').update(`${section}\n${JSON.stringify(rest)}\n`);
}

export const endKey = (hash: Hash): string => hash.digest('base64');

export function keyOf(section: string, { line, body }: Question): string {
  const hash = beginKey(section, line);
  for (const piece of body) hash.update(piece);
  return endKey(hash);
}

export const sectionName = ({ law, system, dtype }: { law: string; system: string; dtype: string }): string =>
  `${law} ${system} ${dtype}`;
