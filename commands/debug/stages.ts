/** From a failure to everything that is known about it, stage by stage. */
import { diagnose } from '../../debug/diagnose/diagnose.ts';
import type { Failure, Subject } from '../../debug/failure.ts';
import { compareSteps } from '../../debug/intermediates.ts';
import { localise } from '../../debug/localise/localise.ts';
import { minimise } from '../../debug/minimise/minimise.ts';
import { failureOn, stillWrong, worstOutput } from '../../debug/minimise/still-wrong.ts';
import { probe } from '../../debug/probe/probe.ts';
import type { DebugReport } from '../../debug/report/report.ts';
import { systemOf } from '../../properties/edit.ts';
import { NoAnswer } from '../../properties/law.ts';
import type { Answer } from '../../reference/case.ts';
import { intermediatesIn } from '../../reference/intermediates.ts';

export interface StageOptions {
  /** Null where only an answer is there. */
  subject: Subject;
  failure: Failure;
  probes: boolean;
  diagnoses: boolean;
  minimises: boolean;
  /** What the failure is of: it may show steps. */
  answer: Answer | null;
  /** What minimising may take. */
  seconds: number;
  /** What is done now. */
  onStage(stage: string): void;
}

export type Found = Pick<
  DebugReport,
  'localisation' | 'probed' | 'diagnosis' | 'minimised' | 'intermediates' | 'notes'
>;

const MOST_QUESTIONS = 5000;

/** An implementation that gives no answer to a question of ours ends the stage, not the report. */
async function attempt<T>(stage: string, notes: string[], run: () => Promise<T>): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    notes.push(`${stage} ended early: ${error.message}`);
    return null;
  }
}

async function smallest(options: StageOptions, notes: string[]): Promise<DebugReport['minimised']> {
  const { subject, failure, seconds, onStage } = options;
  if (!subject || !worstOutput(failure)) return null;
  const keeps = stillWrong(subject, failure);
  if (!(await keeps(failure.c))) {
    notes.push('asked again, it is not wrong in the same way: nothing is minimised');
    return null;
  }
  let said = performance.now();
  const found = await minimise(subject, failure.c, keeps, {
    questions: MOST_QUESTIONS,
    seconds,
    onQuestion({ questions, kept, step }) {
      if (performance.now() - said < 1000) return;
      said = performance.now();
      onStage(`minimising: ${questions} questions, ${kept} times smaller, ${step}`);
    },
  });
  return { ...found, failure: await failureOn(subject, found.c) };
}

/** Steps on the way, of the answer or asked for, and the first that is wrong. */
async function steps({ subject, failure, answer, onStage }: StageOptions, notes: string[]): Promise<string[]> {
  const { c, precision } = failure;
  const has = intermediatesIn({ system: systemOf(c), cuSeqlens: c.cuSeqlens });
  const shown = (subject?.intermediates ?? []).filter((name) => has.includes(name));
  if (!subject || shown.length === 0) return answer?.intermediates ? compareSteps(c, precision, answer).sentences : [];
  onStage('asking for steps on the way');
  const given = await attempt('asking for steps', notes, async () => await subject.run(c, shown));
  const inChunks = { ...c, chunkSize: subject.abilities.chunkSizes ? c.chunkSize : subject.chunkSize };
  return given ? compareSteps(inChunks, precision, given).sentences : [];
}

export async function findOut(options: StageOptions): Promise<Found> {
  const { subject, failure, onStage } = options;
  const notes: string[] = [];
  onStage('localising');
  const localisation = localise(failure);
  const found: Found = { localisation, probed: null, diagnosis: null, minimised: null, intermediates: [], notes };
  found.intermediates = await steps(options, notes);
  if (options.diagnoses) {
    onStage('comparing with known bugs');
    found.diagnosis = await attempt('diagnosing', notes, () => diagnose(subject, failure));
  }
  if (!subject) {
    notes.push('there is only an answer: nothing is probed or minimised; give the program after -- for that');
    return found;
  }
  if (options.probes) {
    onStage('probing');
    found.probed = await attempt('probing', notes, () => probe(subject, failure));
  }
  if (options.minimises) {
    onStage('minimising');
    found.minimised = await attempt('minimising', notes, () => smallest(options, notes));
  }
  return found;
}
