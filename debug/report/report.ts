/** Everything that was found out about one failure, put together: what the terminal, the JSON and the page are made from. */
import { visible } from '../../gate/external/failure.ts';
import type { Case } from '../../reference/case.ts';
import type { Diagnosis } from '../diagnose/diagnose.ts';
import { type Failure, isWrong } from '../failure.ts';
import type { Localisation } from '../localise/localisation.ts';
import type { Minimised } from '../minimise/minimise.ts';
import { fitsTest, testableOf } from '../minimise/outputs.ts';
import { numberText } from '../minimise/print.ts';
import { pythonTest } from '../minimise/python.ts';
import { worstOutput } from '../minimise/still-wrong.ts';
import { typescriptTest } from '../minimise/typescript.ts';
import type { Probed } from '../probe/probed.ts';

/** Version of the JSON report. */
export const DEBUG_REPORT_VERSION = 1;

export interface DebugReport {
  /** What the implementation is called. */
  implementation: string;
  /** What the case is called: its file. */
  source: string;
  failure: Failure;
  localisation: Localisation;
  probed: Probed | null;
  diagnosis: Diagnosis | null;
  /** Sentences about what the implementation gave beside its answer. */
  intermediates: string[];
  minimised: (Minimised & { failure: Failure }) | null;
  /** Why something of this is not there. */
  notes: string[];
  /** The command that does all of this again. */
  replay: string;
  seconds: number;
}

/** The failure that is shown in full: the smallest there is. */
export const shownFailure = ({ failure, minimised }: DebugReport): Failure => minimised?.failure ?? failure;

/** Whether anything was found, although every output may be within its bounds. */
export const isFaulty = ({ failure, diagnosis }: DebugReport): boolean =>
  isWrong(failure) || (diagnosis !== null && diagnosis.wrong > 0);

export interface Tests {
  torch: string;
  numpy: string;
  typescript: string;
}

/** What a test says of itself. */
function aboutTest({ implementation, replay, minimised, failure }: DebugReport, c: Case): string[] {
  const worst = worstOutput(minimised?.failure ?? failure);
  const at = worst ? [...worst.ratio.keys()].reduce((a, b) => (worst.ratio[b] > worst.ratio[a] ? b : a), 0) : 0;
  return [
    `${c.system}: a case on which ${implementation} was wrong.`,
    ...(worst
      ? [`Its ${worst.name} had ${numberText(worst.actual[at])} where ${numberText(worst.expected[at])} is wanted.`]
      : []),
    `From: ${replay}`,
  ].map((line) => visible(line).replace(/\s+/g, ' '));
}

/** The case as tests that are ready to run; null where it is too large to be written out. */
export function testsOf(report: DebugReport): Tests | null {
  const failure = shownFailure(report);
  const test = testableOf(failure, aboutTest(report, failure.c));
  if (!fitsTest(test)) return null;
  return { torch: pythonTest(test, 'torch'), numpy: pythonTest(test, 'numpy'), typescript: typescriptTest(test) };
}
