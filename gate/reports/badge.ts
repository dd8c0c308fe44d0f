/** A badge as shields.io draws it from a JSON file (https://shields.io/badges/endpoint-badge). */

import { counted } from '../../reference/tensor.ts';
import type { GateReport } from '../run.ts';
import { findingsOf, judgedOf } from './findings.ts';

export interface Badge {
  schemaVersion: 1;
  label: string;
  message: string;
  color: string;
  /** Shields then lets no page give it another colour. */
  isError?: true;
}

function messageOf(report: GateReport): Pick<Badge, 'message' | 'color' | 'isError'> {
  const findings = findingsOf(report);
  const judged = judgedOf(findings);
  const { passed, expected, flaky } = report.summary;
  const against = findings.filter(({ counts }) => counts);
  if (report.conforms) {
    const known = expected + flaky;
    const message = `conforms · ${counted(passed, 'law')}${known > 0 ? `, ${known} known to fail` : ''}`;
    return { message, color: known > 0 ? 'yellowgreen' : 'brightgreen' };
  }
  if (against.length === 0) return { message: 'nothing judged', color: 'lightgrey', isError: true };
  if (against.every(({ sign }) => sign === 'fixed')) {
    const message = `${counted(against.length, 'expected failure')} of ${judged} passed`;
    return { message, color: 'orange', isError: true };
  }
  const message = `${against.length} of ${judged} ${against.length === 1 ? 'fails' : 'fail'}`;
  return { message, color: 'red', isError: true };
}

export function badgeOf(report: GateReport): Badge {
  const { message, ...look } = messageOf(report);
  const { shard } = report;
  // a part must not pass for the whole
  const part = shard ? `part ${shard.index} of ${shard.of}: ` : '';
  return { schemaVersion: 1, label: 'log-linear attention', message: `${part}${message}`, ...look };
}

export const badgeText = (report: GateReport): string => `${JSON.stringify(badgeOf(report))}\n`;
