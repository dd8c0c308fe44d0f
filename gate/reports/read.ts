/** Reports read back as strictly as they were written: a field that is missing, unknown or contradicts another is an error with its place. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { GateVerdict } from '../judge.ts';
import { REPORT_VERSION } from '../report.ts';
import { type GateReport, reportOf } from '../run.ts';
import { cleaned } from './markup.ts';
import { reportSchema } from './schema.ts';

/** A file that is no report, or reports that do not belong together. */
export class BadReport extends Error {}

const ajv = new Ajv2020({ allErrors: false, strict: true, allowUnionTypes: true });

const LONGEST = 200;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Which verdict a place is in, for a reader who does not count to 341. */
function verdictAt(value: unknown, path: string): string {
  const at = /^\/verdicts\/(\d+)/.exec(path)?.[1];
  const verdict = at === undefined ? undefined : (value as { verdicts?: unknown[] }).verdicts?.[Number(at)];
  if (!isObject(verdict)) return '';
  const { law, system, implementation } = verdict;
  return ` (${cleaned(`${law} · ${system} · ${implementation}`)})`;
}

function schemaFault(value: unknown): string | null {
  // compiled when it is needed first; most commands read no report
  const validate = ajv.compile(reportSchema);
  if (validate(value)) return null;
  const [error] = validate.errors ?? [];
  if (!error) return 'it is wrong';
  const { instancePath, message, params } = error;
  const place = instancePath === '' ? '' : `at ${instancePath}${verdictAt(value, instancePath)} `;
  return `${place}${message} ${JSON.stringify(params).slice(0, LONGEST)}`;
}

/** Numbers that stand as text in JSON. */
const numberOf = (value: number | string): number => Number(value);

/** A verdict as it was before it was JSON. */
function verdictOf({ replay: _, ...plain }: GateVerdict & { replay: string | null }): GateVerdict {
  const verdict: GateVerdict = plain;
  if (plain.worst) {
    const { actual, expected, bound, ratio } = plain.worst;
    const numbers = {
      actual: numberOf(actual),
      expected: numberOf(expected),
      bound: numberOf(bound),
      ratio: numberOf(ratio),
    };
    verdict.worst = { ...plain.worst, ...numbers };
  }
  if (plain.terms) {
    const largest = plain.terms.largest.map((term) => ({ ...term, value: numberOf(term.value) }));
    verdict.terms = { ...plain.terms, largest };
  }
  return verdict;
}

const keyOf = ({ law, system, implementation }: GateVerdict): string => JSON.stringify([law, system, implementation]);

/** Where what a report says of its verdicts is not what they say. */
function contradictionOf(report: GateReport): string | null {
  const seen = new Map<string, number>();
  for (const [at, verdict] of report.verdicts.entries()) {
    const before = seen.get(keyOf(verdict));
    const { law, system, implementation } = verdict;
    if (before !== undefined)
      return `at /verdicts/${at} ${law} · ${system} · ${implementation} is judged again, as at /verdicts/${before}`;
    seen.set(keyOf(verdict), at);
  }
  if (report.shard && report.shard.index > report.shard.of)
    return `at /shard ${report.shard.index} of ${report.shard.of}`;
  const { conforms, summary } = reportOf(report, report.verdicts, report.summary.seconds);
  for (const name of Object.keys({ ...report.summary, ...summary }) as (keyof GateReport['summary'])[]) {
    const [found, wanted] = [report.summary[name], summary[name]];
    if (found !== wanted) return `at /summary/${name} ${found}, where the verdicts make ${wanted}`;
  }
  return report.conforms === conforms ? null : `at /conforms ${report.conforms}, where the verdicts make ${conforms}`;
}

/**
 * The report in a JSON text.
 * @param file what errors call it
 * @throws BadReport
 */
export function parseReport(text: string, file: string): GateReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadReport(`${file}: no JSON: ${(error as Error).message}`);
  }
  const version = isObject(value) ? value.version : undefined;
  if (typeof version === 'number' && version !== REPORT_VERSION) {
    throw new BadReport(`${file}: at /version ${version}, where this release reads ${REPORT_VERSION}`);
  }
  const fault = schemaFault(value);
  if (fault !== null) throw new BadReport(`${file}: ${fault}`);
  const { version: _, verdicts, ...about } = value as GateReport & { version: number };
  const report: GateReport = {
    ...about,
    verdicts: verdicts.map((each) => verdictOf(each as GateVerdict & { replay: string | null })),
  };
  const contradiction = contradictionOf(report);
  if (contradiction !== null) throw new BadReport(`${file}: ${contradiction}`);
  return report;
}

/** @throws BadReport */
export function readReport(file: string): GateReport {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new BadReport(`${file}: ${(error as Error).message}`);
  }
  return parseReport(text, file);
}
