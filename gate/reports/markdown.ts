/** The summary of a job in Markdown: what came of it, and the failures to look at first. */

import { counted } from '../../reference/tensor.ts';
import { lawText } from '../law-text.ts';
import { drawnText, replayCommand } from '../report.ts';
import type { GateReport } from '../run.ts';
import { blockedBy, cut, type Finding, failuresFirst, findingsOf, groupBy, subjectOf } from './findings.ts';
import { cleaned } from './markup.ts';

/** GitHub takes 1 MiB a step; nobody reads that much. */
const MOST_FAILURES = 20;
const LONGEST = 2000;

/** Text in a cell or a paragraph: neither HTML nor Markdown is read out of it. */
const inline = (text: string): string =>
  cleaned(cut(text, LONGEST))
    .replace(/\s+/g, ' ')
    .replace(/[&<>"'\\`*_[\]|~#@:]/g, (character) => `&#${character.charCodeAt(0)};`);

const code = (text: string): string => `<code>${inline(text)}</code>`;

/** A fence longer than any in the text. */
function block(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}

function failureText(finding: Finding, findings: readonly Finding[]): string {
  const { verdict, why } = finding;
  const law = lawText(verdict.law);
  const blocked = blockedBy(finding, findings);
  return [
    `**${inline(verdict.law)}** · ${inline(verdict.system)} · ${inline(verdict.implementation)}`,
    ...(law ? [`${inline(law.statement)} (${inline(law.citation)})`] : []),
    inline(why),
    ...(blocked.length > 0
      ? [`Not judged because of it: ${blocked.map(({ verdict: { law: name } }) => code(name)).join(', ')}`]
      : []),
    block(cut(replayCommand(verdict), LONGEST)),
  ].join('\n\n');
}

/** One row an implementation. */
function countsTable(findings: readonly Finding[]): string {
  const rows = [...groupBy(findings, ({ verdict }) => subjectOf(verdict))].map(([name, each]) => {
    const is = (...signs: Finding['sign'][]): number => each.filter(({ sign }) => signs.includes(sign)).length;
    const cells = [
      is('passed'),
      is('failed'),
      is('error'),
      is('blocked'),
      is('fixed'),
      is('expected', 'flaky'),
      is('recommended'),
      is('not-covered'),
    ];
    return `| ${inline(name)} | ${cells.join(' | ')} |`;
  });
  return [
    '| implementation | holds | broken | error | blocked | passes unexpectedly | known to fail | recommended only | not covered |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

export function markdownOf(report: GateReport): string {
  const { conforms, command, seed, runs, shard, fixtures, summary } = report;
  const findings = findingsOf(report);
  const failures = failuresFirst(findings);
  const [first, ...others] = failures;
  const part = shard ? `, part ${shard.index} of ${shard.of}` : '';
  const about = `${inline(fixtures === undefined ? `seed ${seed}, ${counted(runs, 'run')} a law` : drawnText(report))}, ${counted(summary.cases, 'case')} in ${summary.seconds.toFixed(1)} s${part}`;
  const shown = others.slice(0, MOST_FAILURES - 1);
  return `${[
    `### ${conforms ? '✅ conforms' : '❌ does not conform'}`,
    ...(command ? [code(command.join(' '))] : []),
    about,
    countsTable(findings),
    ...(first ? ['#### Look at this first', failureText(first, findings)] : []),
    ...(shown.length > 0
      ? [
          `<details><summary>${counted(others.length, 'other failure')}</summary>`,
          ...shown.map((each) => failureText(each, findings)),
        ]
      : []),
    ...(others.length > shown.length
      ? [`and ${others.length - shown.length} more, in the log and in the reports`]
      : []),
    ...(shown.length > 0 ? ['</details>'] : []),
  ].join('\n\n')}\n\n`;
}
