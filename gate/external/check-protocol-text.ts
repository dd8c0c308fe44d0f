/** The conversation as people read it. */
import type { Colors } from 'picocolors/types.js';
import type { Breach, Line, ProtocolReport } from './check-protocol.ts';

const WIDTH = 16;
const PAGE = 'docs/protocol.md';
/** Most characters of a message's line. */
const LONGEST = 150;

/** Bytes as numbers and as characters, 16 a line. */
export function dump(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = bytes.subarray(at, at + WIDTH);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(3 * WIDTH)} ${text}`);
  }
  return lines.join('\n');
}

export function lineText({ from, type, about, ok }: Line, colors: Colors): string {
  const sign = ok ? colors.green('✓') : colors.red('✗');
  const text = `${from.padEnd(8)} ${type.padEnd(12)} ${about}`.replace(/\s*\n\s*/g, ' ').trimEnd();
  return `${sign} ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}`;
}

const indented = (text: string): string => text.replace(/\n/g, '\n           ');

/** All about the message that is off. */
export function breachText({ what, rule, pointer, given, wanted, hint, bytes, printed, after }: Breach): string {
  const rows: [string, string | undefined][] = [
    ['what', what],
    ['after', after],
    ['field', pointer],
    ['given', given],
    ['wanted', wanted],
    ['the page', `“${rule.says}” (${PAGE}, “${rule.section}”)`],
    ['mend', [hint === undefined ? '' : `${hint}. `, rule.mend].join('')],
    ['bytes', bytes && dump(bytes)],
    ['printed', printed === '' ? undefined : printed],
  ];
  return rows
    .flatMap(([name, text]) => (text === undefined || text === '' ? [] : [`  ${name.padEnd(8)} ${indented(text)}`]))
    .join('\n');
}

/** What stands below the transcript. */
export function endText({ conforms, lines, notes, breach }: ProtocolReport, colors: Colors): string {
  const parts = notes.map((note) => `note     ${note}`);
  if (breach) parts.push(breachText(breach));
  const word = conforms ? colors.green('keeps to the protocol') : colors.red('breaks the protocol');
  parts.push(`${lines.length} messages: ${colors.bold(word)}`);
  return parts.join('\n');
}
