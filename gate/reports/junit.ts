/** JUnit XML as GitHub, GitLab and Jenkins read it: a suite for each implementation, a test case for each law and system. */
import pc from 'picocolors';
import type { GateVerdict } from '../judge.ts';
import { lawText } from '../law-text.ts';
import { explainFailure, replayCommand } from '../report.ts';
import type { GateReport } from '../run.ts';
import { cut, type Finding, findingsOf, groupBy, subjectOf } from './findings.ts';
import { type Markup, markup } from './markup.ts';

const plain = pc.createColors(false);
/** Characters of a message, and of a case. */
const LONGEST_MESSAGE = 500;
const LONGEST_CASE = 16_384;

/** All about one failure, in bounds. */
function bodyOf(verdict: GateVerdict): string {
  const short = { ...verdict, drawn: verdict.drawn?.map((line) => cut(line, LONGEST_CASE)) };
  if (short.reason !== undefined) short.reason = cut(short.reason, LONGEST_CASE);
  return explainFailure(short, plain, Number.POSITIVE_INFINITY);
}

function resultOf({ verdict, sign, why }: Finding): Markup | null {
  const message = cut(why, LONGEST_MESSAGE);
  switch (sign) {
    case 'passed':
      return null;
    case 'failed':
      return markup`\n      <failure message="${message}" type="${verdict.law}">${bodyOf(verdict)}</failure>\n    `;
    case 'error':
      return markup`\n      <error message="${message}" type="${verdict.failure ?? 'threw'}">${bodyOf(verdict)}</error>\n    `;
    case 'fixed':
      return markup`\n      <failure message="${message}" type="fixed">${lawText(verdict.law)?.statement}\n  again ${replayCommand(verdict)}</failure>\n    `;
    default:
      return markup`\n      <skipped message="${message}"/>\n    `;
  }
}

const counts = (findings: readonly Finding[]): Markup => {
  const is = (...signs: Finding['sign'][]): number => findings.filter(({ sign }) => signs.includes(sign)).length;
  const errors = is('error');
  const failures = is('failed', 'fixed');
  const skipped = findings.length - errors - failures - is('passed');
  return markup`tests="${findings.length}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
};

export function junitOf(report: GateReport): string {
  const suites = groupBy(findingsOf(report), ({ verdict }) => subjectOf(verdict));
  // GitLab knows a test by its class and name alone, and drops all but one of those that share them
  const classOf = ({ implementation, system }: GateVerdict): string =>
    suites.size > 1 ? `${implementation}.${system}` : system;
  const { seed, runs, command, shard, fixtures, summary } = report;
  const properties = Object.entries({
    seed,
    runs,
    ...(command && { command: command.join(' ') }),
    ...(fixtures && { fixtures }),
    ...(shard && { shard: `${shard.index}/${shard.of}` }),
  }).map(([name, value]) => markup`\n      <property name="${name}" value="${value}"/>`);
  const suite = ([name, findings]: [string, Finding[]]): Markup => markup`
  <testsuite name="${name}" ${counts(findings)}>
    <properties>${properties}
    </properties>${findings.map(
      (finding) => markup`
    <testcase name="${finding.verdict.law}" classname="${classOf(finding.verdict)}">${resultOf(finding)}</testcase>`,
    )}
  </testsuite>`;
  const all = [...suites].flatMap(([, findings]) => findings);
  return markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="lla gate" ${counts(all)} time="${summary.seconds.toFixed(3)}">${[...suites].map(suite)}
</testsuites>
`.markup;
}
