/** What a bundle holds, by question: which case it is, and where its answer lies. Numbers stay in the files until they are asked for. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../../reference/case.ts';
import { ProgramFailure } from '../external/failure.ts';
import { answerOf, wantedOf } from '../external/implementation.ts';
import { gateMessages } from '../external/schemas.ts';
import type { Message } from '../external/session.ts';
import { faultOf, faultOfAnswer as faultOfTensors } from '../external/validate.ts';
import { byteLength, decode, type TensorHeader } from '../external/wire.ts';
import { BadBundle, type FileEntry, type Found, MessageScan, readAt } from './files.ts';
import { casesBefore, type Manifest, type Round, roundFile } from './manifest.ts';
import { beginKey, endKey, type QuestionHeader, sectionName } from './question.ts';
import { bundleSchemas, faultBy } from './schemas.ts';

/** Cases by question, in the order in which they were asked: one law asks the same twice, to see the same answer twice. */
export type Index = Map<string, number[]>;

/** The messages of one round's cases. @throws BadBundle */
function indexRound(folder: string, { cases, sections }: Round, first: number, index: Index): void {
  const scan = new MessageScan(join(folder, cases.file));
  try {
    let id = first;
    for (const section of sections) {
      for (const end = id + section.cases; id < end; id++) {
        let hash: ReturnType<typeof beginKey> | null = null;
        const begin = (fields: unknown): string | null => {
          const fault = faultOfCase(fields, id);
          if (fault === null) hash = beginKey(sectionName(section), fields as Record<string, unknown>);
          return fault;
        };
        const found = scan.next(begin, (piece) => hash?.update(piece));
        if (!found || !hash) throw new BadBundle(cases.file, `cut off: no case ${id}`);
        const key = endKey(hash);
        const ids = index.get(key);
        if (ids) ids.push(id);
        else index.set(key, [id]);
      }
    }
    if (scan.next(() => null)) throw new BadBundle(cases.file, 'more cases than its manifest says');
    checkDigest(scan, cases);
  } finally {
    scan.close();
  }
}

function faultOfCase(fields: unknown, id: number): string | null {
  const fault = faultBy(questionSchema, fields);
  if (fault !== null) return fault;
  const { id: given, tensors } = fields as { id: number; tensors: QuestionHeader[] };
  if (given !== id) return `case ${given}, where ${id} is wanted`;
  return tensors.every(({ from }) => from === undefined || from.id < id) ? null : 'a tensor of a later answer';
}

/** A case of the protocol, and `from`. */
const questionSchema = (() => {
  const schema = structuredClone(gateMessages.case) as { properties: { tensors: { items: { properties: object } } } };
  const { items } = schema.properties.tensors;
  items.properties = {
    ...items.properties,
    from: {
      type: 'object',
      properties: { id: { type: 'integer', minimum: 0 }, tensor: { type: 'string', maxLength: 100 } },
      required: ['id', 'tensor'],
      additionalProperties: false,
    },
  };
  return schema;
})();

function checkDigest(scan: MessageScan, { file, bytes, sha256 }: FileEntry): void {
  if (scan.size !== bytes) throw new BadBundle(file, `${scan.size} bytes, where its manifest has ${bytes}`);
  if (scan.digest() !== sha256) throw new BadBundle(file, 'its sha256 is not that of its manifest: it was changed');
}

/** Questions of all rounds. @throws BadBundle */
export function indexCases(folder: string, { rounds }: Manifest): Index {
  const index: Index = new Map();
  rounds.forEach((round, i) => {
    indexRound(folder, round, casesBefore(rounds.slice(0, i)), index);
  });
  return index;
}

/** The answers of all rounds, found by the case's id. */
export class Answers {
  readonly #scans: MessageScan[] = [];
  /** By id: which file, and where in it. */
  readonly #file: number[] = [];
  readonly #at: number[] = [];
  readonly #body: number[] = [];

  /** @throws BadBundle */
  constructor(folder: string, { rounds }: Manifest) {
    try {
      rounds.forEach(({ cases }, i) => {
        this.#read(folder, i + 1, cases);
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #read(folder: string, round: number, cases: FileEntry): void {
    const scan = new MessageScan(join(folder, roundFile(round, 'answers')));
    this.#scans.push(scan);
    const bad = (what: string): BadBundle => new BadBundle(scan.file, what);
    const head = scan.next((fields) => faultBy(bundleSchemas.answers, fields));
    if (!head) throw bad('empty');
    if (head.fields.round !== round) throw bad(`answers of round ${head.fields.round}`);
    if (head.fields.cases !== cases.sha256) {
      throw bad(`answers to other cases: its sha256 of ${cases.file} is not that of this bundle`);
    }
    for (let i = 0; i < cases.messages; i++) {
      const id = this.#at.length;
      const found = scan.next((fields) => faultOfAnswer(fields, id));
      if (!found) throw bad(`cut off: no answer to case ${id}`);
      this.#file.push(this.#scans.length - 1);
      this.#at.push(found.start);
      this.#body.push(found.body);
    }
    const sha256 = scan.digest();
    const end = scan.next((fields) => faultBy(bundleSchemas.end, fields));
    if (!end) throw bad('cut off: it has no last line');
    if (end.fields.answers !== cases.messages) throw bad(`${end.fields.answers} answers by its last line`);
    if (end.fields.sha256 !== sha256) throw bad('its sha256 is not that of its last line: it was changed');
    if (end.end !== scan.size) throw bad('something follows its last line');
  }

  /** The answer as the laws want it. @throws ProgramFailure where the program gave none, or one that is not that of the case */
  get(id: number, c: Case, hasState: boolean): ReturnType<typeof answerOf> {
    const { fd, file } = this.#scans[this.#file[id]];
    const line = readAt(fd, this.#at[id], this.#body[id] - this.#at[id], file);
    const { type, ...fields } = JSON.parse(line.toString('utf8')) as Found['fields'] & { type: string };
    if (type === 'failure') {
      throw new ProgramFailure(fields.kind as ProgramFailure['kind'], String(fields.message));
    }
    const headers = (fields.tensors ?? []) as TensorHeader[];
    // what is not wanted is refused before its numbers, however many, are read
    const fault = faultOfTensors({ type, fields, headers }, id, wantedOf(c, { state: hasState }));
    if (fault !== null) throw new ProgramFailure('broke-protocol', fault.what);
    const tensors: Message['tensors'] = new Map();
    let at = this.#body[id];
    for (const header of headers) {
      const size = byteLength(header);
      tensors.set(header.name, decode(header, readAt(fd, at, size, file)));
      at += size;
    }
    return answerOf({ type, fields, tensors }, c);
  }

  close(): void {
    for (const { fd } of this.#scans) closeSync(fd);
    this.#scans.length = 0;
  }
}

function faultOfAnswer(fields: unknown, id: number): string | null {
  const { type } = (fields ?? {}) as { type?: unknown };
  const isAnswer = type === 'answer' || type === 'error';
  const fault = type === 'failure' ? faultBy(bundleSchemas.failure, fields) : (faultOf(fields)?.what ?? null);
  if (fault !== null) return fault;
  if (!isAnswer && type !== 'failure') return `a ${type}, where the answer to case ${id} is wanted`;
  const { id: given } = fields as { id: number };
  return given === id ? null : `the answer to case ${given}, where that to ${id} is wanted`;
}
