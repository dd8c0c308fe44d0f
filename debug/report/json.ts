/** The report as data, for other tools. docs/schemas/debug-report.json says what is in it. */
import { caseToJson, type JsonNumber, jsonText } from '../../reference/case-json.ts';
import { type Failure, isWrong } from '../failure.ts';
import { DEBUG_REPORT_VERSION, type DebugReport, testsOf } from './report.ts';

const numbers = (data: ArrayLike<number>): JsonNumber[] =>
  Array.from(data, (value) => (Number.isFinite(value) ? value : (String(value) as JsonNumber)));

/** Elements of an output that JSON carries; more are left to whoever has the case. */
const MOST_ELEMENTS = 10_000;

function outputsOf({ outputs }: Failure): object[] {
  return outputs.map(({ name, axes, shape, actual, expected, bound, ratio }) => ({
    name,
    axes,
    shape,
    wrong: ratio.filter((each) => !(each <= 1)).length,
    ...(ratio.length > MOST_ELEMENTS
      ? {}
      : { expected: numbers(expected), actual: numbers(actual), bound: numbers(bound), ratio: numbers(ratio) }),
  }));
}

/** As JSON data. */
export function debugData(report: DebugReport): object {
  const { implementation, source, failure, localisation, probed, diagnosis, minimised, notes, replay, seconds } =
    report;
  return {
    version: DEBUG_REPORT_VERSION,
    implementation,
    source,
    precision: failure.precision.name,
    isRight: !isWrong(failure),
    faults: failure.faults,
    case: caseToJson(failure.c),
    outputs: outputsOf(failure),
    localisation,
    probed,
    diagnosis,
    intermediates: report.intermediates,
    minimised: minimised && {
      case: caseToJson(minimised.c),
      outputs: outputsOf(minimised.failure),
      questions: minimised.questions,
      seconds: minimised.seconds,
      isMinimal: minimised.isMinimal,
      tried: minimised.tried,
    },
    tests: isWrong(failure) ? testsOf(report) : null,
    notes,
    replay,
    seconds,
  };
}

/** NaN and the infinities are strings there, as in a case. */
export const debugJson = (report: DebugReport): string => jsonText(debugData(report));
