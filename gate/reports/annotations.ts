/** Workflow commands with which GitHub shows failures beside a run. */

import { counted } from '../../reference/tensor.ts';
import { replayCommand } from '../report.ts';
import type { GateReport } from '../run.ts';
import { blockedBy, cut, failuresFirst, findingsOf, titleOf } from './findings.ts';

/** GitHub shows so many errors of a step. */
const MOST = 10;
const LONGEST = 3000;

const inMessage = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const inProperty = (text: string): string => inMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
const command = (kind: 'error' | 'notice', title: string, message: string): string =>
  `::${kind} title=${inProperty(title)}::${inMessage(cut(message, LONGEST))}`;

/** One command a line: the failures to look at first, then how many more there are. */
export function annotationsOf(report: GateReport): string {
  const findings = findingsOf(report);
  const failures = failuresFirst(findings);
  const lines = failures.slice(0, MOST).map((finding) => {
    const blocked = blockedBy(finding, findings).length;
    const also = blocked > 0 ? `\n${counted(blocked, 'law')} not judged because of it` : '';
    return command('error', titleOf(finding.verdict), `${finding.why}${also}\n${replayCommand(finding.verdict)}`);
  });
  if (failures.length > MOST) {
    const rest = counted(failures.length - MOST, 'failure');
    lines.push(command('notice', 'lla gate', `${rest} more: the log, the JSON and the HTML report have all`));
  }
  if (failures.length === 0 && !report.conforms) {
    lines.push(command('error', 'lla gate', 'nothing was judged, so nothing was shown'));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Text in which the runner looks for no commands: programs print what they like. The token is one that they cannot know. */
export const fenced = (text: string, token: string): string => `::stop-commands::${token}\n${text}\n::${token}::\n`;
