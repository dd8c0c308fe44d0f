/** `lla verdict`: the laws on the answers in a bundle. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import type { GateVerdict } from '../judge.ts';
import { type GateOptions, type GateReport, runGate } from '../run.ts';
import { walk } from './ask.ts';
import { Answers, indexCases } from './book.ts';
import { casesBefore, readManifest, roundFile, writeManifest } from './manifest.ts';
import { writeRound } from './round.ts';

/** The verdicts, or what the script has to do before there are any. */
export type Judged =
  | { report: GateReport }
  /** The round has no answers. `state`: it was made just now, nobody has asked it, or the script has not come to its end. */
  | { round: number; cases: number; state: 'new' | 'unasked' | 'unfinished' };

/** What stands for the program in the command that shrinks a failure, where the bundle does not know it. */
const SOME_PROGRAM = ['YOUR_PROGRAM'];

export interface VerdictOptions extends Pick<GateOptions, 'expectations' | 'enforceRecommended'> {
  onStart?: (total: number) => void;
  onVerdict?: (verdict: GateVerdict) => void;
  /** For tests: laws that stand for those of their names. */
  laws?: readonly Law[];
}

/**
 * @throws BadBundle where the folder is no bundle, or its files are not what they were
 * @throws what the file system throws where another round is needed and cannot be written
 */
export async function judgeBundle(folder: string, options: VerdictOptions = {}): Promise<Judged> {
  const manifest = readManifest(folder);
  const { description, rounds, seed, runs } = manifest;
  for (let round = 1; round <= rounds.length; round++) {
    if (existsSync(join(folder, roundFile(round, 'answers')))) continue;
    const isBegun = existsSync(join(folder, `${roundFile(round, 'answers')}.part`));
    return { round, cases: rounds[round - 1].cases.messages, state: isBegun ? 'unfinished' : 'unasked' };
  }
  const index = indexCases(folder, manifest);
  const answers = new Answers(folder, manifest);
  const next = writeRound(folder, rounds.length + 1, casesBefore(rounds));
  try {
    const laws = manifest.laws.map((name) => options.laws?.find((law) => law.name === name) ?? (findLaw(name) as Law));
    const systems = manifest.systems.map((name) => findSystem(name) as System);
    const command = manifest.command ?? SOME_PROGRAM;
    const walked = walk(description, manifest.dtypes, laws, { index, answers }, next, command);
    const stopAtFault = (): void => {
      const fault = walked.fault();
      if (fault) throw fault;
    };
    const report = await runGate({
      implementations: walked.implementations,
      laws: walked.laws,
      systems,
      seed,
      runs,
      command: manifest.command,
      expectations: options.expectations,
      enforceRecommended: options.enforceRecommended,
      onStart: options.onStart,
      onVerdict: (verdict) => {
        stopAtFault();
        options.onVerdict?.(verdict);
      },
    });
    stopAtFault();
    const cases = next.count();
    if (cases === 0) return { report };
    // the manifest last: without it the files of a round are nobody's
    writeManifest(folder, { ...manifest, rounds: [...rounds, next.finish()] });
    return { round: rounds.length + 1, cases, state: 'new' };
  } finally {
    next.discard();
    answers.close();
  }
}
