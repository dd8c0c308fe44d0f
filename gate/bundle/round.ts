/** A round of a bundle while it is written: cases, and what the oracle answers to them. Its files have their names once they are whole. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sink } from './ask.ts';
import { MessageWriter } from './files.ts';
import { type Round, roundFile, type Section } from './manifest.ts';
import { sectionName } from './question.ts';

export interface RoundWriter extends Sink {
  /** So many cases so far. */
  count(): number;
  /** Its files under their names, and what the manifest says of them. */
  finish(): Round;
  /** Leaves nothing behind. */
  discard(): void;
}

/** @param first the id of its first case */
export function writeRound(folder: string, round: number, first: number): RoundWriter {
  const path = (what: 'cases' | 'expected'): string => join(folder, roundFile(round, what));
  const part = (what: 'cases' | 'expected'): string => `${path(what)}.part-${process.pid}`;
  let writers: { cases: MessageWriter; expected: MessageWriter } | null = null;
  const sections: Section[] = [];
  let next = first;
  const open = () => {
    writers ??= { cases: new MessageWriter(part('cases')), expected: new MessageWriter(part('expected')) };
    return writers;
  };
  return {
    count: () => next - first,
    record(section, { line, body }, expected) {
      const { type, ...rest } = line;
      const id = next++;
      const { cases, expected: answers } = open();
      cases.write({ type, id, ...rest }, body);
      if (expected) answers.write({ type: 'expected', id, tensors: expected.tensors }, expected.body);
      const last = sections.at(-1);
      if (last && sectionName(last) === sectionName(section)) last.cases++;
      else sections.push({ ...section, first: id, cases: 1 });
      return id;
    },
    finish() {
      const entry = (what: 'cases' | 'expected') => {
        const finished = open()[what].finish(roundFile(round, what));
        renameSync(part(what), path(what));
        return finished;
      };
      return { cases: entry('cases'), expected: entry('expected'), sections };
    },
    discard() {
      for (const what of ['cases', 'expected'] as const) rmSync(part(what), { force: true });
    },
  };
}
