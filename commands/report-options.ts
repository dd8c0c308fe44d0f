/** What every command with verdicts can do with them: print them, and write them to files in the formats that others read. */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import pc from 'picocolors';
import {
  debugCommandFor,
  executionText,
  explainFailure,
  reportToJson,
  summaryText,
  verdictTable,
} from '../gate/report.ts';
import { annotationsOf, fenced } from '../gate/reports/annotations.ts';
import { badgeText } from '../gate/reports/badge.ts';
import { checkTarget, writeWhole } from '../gate/reports/files.ts';
import { blockedBy, type Finding, failuresFirst, findingsOf, titleOf } from '../gate/reports/findings.ts';
import { htmlOf } from '../gate/reports/html.ts';
import { junitOf } from '../gate/reports/junit.ts';
import { markdownOf } from '../gate/reports/markdown.ts';
import type { GateReport } from '../gate/run.ts';
import { counted } from '../reference/tensor.ts';
import { fail } from './common.ts';
import { EXIT } from './exit.ts';

export interface ReportFlags {
  json?: boolean;
  report?: string;
  junit?: string;
  html?: string;
  badge?: string;
  annotations?: boolean;
}

const FORMATS = {
  report: (report: GateReport): string => `${reportToJson(report)}\n`,
  junit: junitOf,
  html: htmlOf,
  badge: badgeText,
};

type Format = keyof typeof FORMATS;

const asked = (flags: ReportFlags): [Format, string][] =>
  (Object.keys(FORMATS) as Format[]).flatMap((format): [Format, string][] => {
    const file = flags[format];
    return file === undefined ? [] : [[format, file]];
  });

export const addReportOptions = (command: Command): Command =>
  command
    .option('--json', 'print the verdicts as JSON')
    .option('--report <file>', 'write the verdicts there as JSON, for lla merge and other tools')
    .option('--junit <file>', 'write them as JUnit XML, which CI servers show')
    .option('--html <file>', 'write them as one HTML page, with each failure in full')
    .option('--badge <file>', 'write the JSON of a badge of shields.io')
    .option(
      '--annotations',
      'print failures as GitHub annotations; on by default where GITHUB_ACTIONS is true, without --json',
    )
    .option('--no-annotations', 'print none');

/** Paths that cannot be written end the run before anything is judged. */
export function checkReports(flags: ReportFlags): void {
  if (flags.json && flags.annotations)
    fail('--annotations and --json both print to standard output; --report writes JSON to a file');
  const files = new Map<string, string>();
  for (const [format, file] of asked(flags)) {
    try {
      const path = checkTarget(file);
      const before = files.get(path);
      if (before !== undefined) fail(`--${format} and --${before} are both ${file}; give each a file of its own`);
      files.set(path, format);
    } catch (error) {
      fail(`--${format} ${file}: ${(error as Error).message}; give a file that can be written`);
    }
  }
}

export function writeReports(flags: ReportFlags, report: GateReport): void {
  for (const [format, file] of asked(flags)) {
    try {
      writeWhole(file, FORMATS[format](report));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      process.stderr.write(
        `error: --${format} ${file}: ${(error as Error).message}; give a file that can be written\n`,
      );
      process.exitCode = EXIT.usage;
    }
  }
}

/** A summary that the runner does not take is a pity, and no fault of who is judged. */
function appendSummary(report: GateReport): void {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  try {
    appendFileSync(file, markdownOf(report));
  } catch (error) {
    process.stderr.write(`GITHUB_STEP_SUMMARY is left as it is: ${(error as Error).message}\n`);
  }
}

/** A failure that is on a list, or of a law that does not count, is one line. */
const excusedLines = (findings: readonly Finding[]): string =>
  findings
    .filter(({ outcome }) => ['expected', 'flaky', 'fixed', 'recommended'].includes(outcome))
    .map(({ verdict, why }) => `${titleOf(verdict)}\n  ${why}${verdict.note ? `\n  note  ${verdict.note}` : ''}`)
    .join('\n');

/** Where to begin: the failure on which the others may depend. */
function leadText(findings: readonly Finding[]): string {
  const [first, ...others] = failuresFirst(findings);
  if (!first) return '';
  const waiting = blockedBy(first, findings).length;
  const depend = waiting > 0 ? `, ${counted(waiting, 'law')} blocked by it` : '';
  const more = others.length > 0 ? ` (${counted(others.length, 'other failure')})` : '';
  return `look first at ${titleOf(first.verdict)}${depend}${more}\n  ${first.why}`;
}

/** The command that goes on from the case of the failure to look at first, where that was saved. */
function debugLine(findings: readonly Finding[], saved: readonly string[]): string {
  const [first] = failuresFirst(findings).filter(({ verdict }) => verdict.drawn !== undefined);
  if (!first) return '';
  const { law, system } = first.verdict;
  const file = saved.find((path) => basename(path).startsWith(`${law}-${system}-`));
  return file === undefined ? '' : `debug ${debugCommandFor(first.verdict, file)}`;
}

/** The table, each failure, where it ran, the files that were saved, and the counts. */
function textOf(report: GateReport, saved: readonly string[]): string {
  const findings = findingsOf(report);
  const failures = failuresFirst(findings).filter(({ sign }) => sign !== 'fixed');
  const parts = [
    verdictTable(report, pc),
    ...failures.map(({ verdict }) => explainFailure(verdict, pc)),
    excusedLines(findings),
    executionText(report),
    [...saved.map((path) => `saved ${path}`), debugLine(findings, saved)].filter(Boolean).join('\n'),
    leadText(findings),
    summaryText(report, pc),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

export function printReport(flags: ReportFlags, report: GateReport, saved: readonly string[] = []): void {
  if (flags.json) return void process.stdout.write(`${reportToJson(report)}\n`);
  const text = textOf(report, saved);
  if (!(flags.annotations ?? process.env.GITHUB_ACTIONS === 'true')) return void process.stdout.write(`${text}\n`);
  appendSummary(report);
  process.stdout.write(fenced(text, randomUUID()) + annotationsOf(report));
}
