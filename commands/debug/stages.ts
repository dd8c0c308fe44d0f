/** From a failure to everything that is known about it, stage by stage. */
import { type Clock, createPatience, limited } from '../../debug/budget.ts';
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
import { counted } from '../../reference/tensor.ts';

export interface StageOptions {
  /** Null where only an answer is there. */
  subject: Subject;
  failure: Failure;
  probes: boolean;
  diagnoses: boolean;
  minimises: boolean;
  /** What the failure is of: it may show steps. */
  answer: Answer | null;
  /** The time that all stages share. */
  clock: Clock;
  /** What is done now. */
  onStage(stage: string): void;
}

export type Found = Pick<
  DebugReport,
  'localisation' | 'probed' | 'diagnosis' | 'minimised' | 'intermediates' | 'notes'
>;

const MOST_QUESTIONS = 5000;
/** Share of all the time that may go by until probing has to end; comparing with known bugs ends before it, minimising has the rest. */
const PROBING = 0.7;

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

/** What is said at most once in two seconds. */
function sometimes(say: (text: string) => void): (text: string) => void {
  let said = performance.now();
  return (text) => {
    if (performance.now() - said < 2000) return;
    said = performance.now();
    say(text);
  };
}

async function smallest(options: StageOptions, notes: string[]): Promise<DebugReport['minimised']> {
  const { subject: whole, failure, clock, onStage } = options;
  if (!whole || !worstOutput(failure)) return null;
  const patience = createPatience();
  const subject = limited(whole, clock, 1, patience);
  const keeps = stillWrong(subject, failure);
  const say = sometimes(onStage);
  if (!(await keeps(failure.c))) {
    notes.push('asked again, it is not wrong in the same way: nothing is minimised');
    return null;
  }
  const found = await minimise(subject, failure.c, keeps, {
    questions: MOST_QUESTIONS,
    seconds: clock.left(),
    isOver: () => patience.isOut() !== null,
    onQuestion({ questions, kept, step }) {
      say(`minimising: ${questions} questions, ${kept} times smaller, ${step}`);
    },
  });
  if (patience.count() > 0) {
    notes.push(`while it was made smaller ${counted(patience.count(), 'question')} got no answer`);
  }
  return { ...found, failure: await failureOn(whole, found.c) };
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
  const { subject, failure, clock, onStage } = options;
  const notes: string[] = [];
  onStage('localising');
  const localisation = localise(failure);
  const found: Found = { localisation, probed: null, diagnosis: null, minimised: null, intermediates: [], notes };
  found.intermediates = await steps(options, notes);
  if (options.diagnoses) {
    const say = sometimes(onStage);
    onStage('comparing with known bugs');
    found.diagnosis = await attempt('diagnosing', notes, () =>
      diagnose(subject, failure, { clock, onProgress: (what) => say(`comparing with known bugs: ${what}`) }),
    );
  }
  if (!subject) {
    notes.push('there is only an answer: nothing is probed or minimised; give the program after -- for that');
    return found;
  }
  if (options.probes) {
    onStage('probing');
    found.probed = await attempt('probing', notes, () => probe(limited(subject, clock, PROBING), failure));
  }
  if (options.minimises) {
    onStage('minimising');
    found.minimised = await attempt('minimising', notes, () => smallest(options, notes));
  }
  return found;
}
