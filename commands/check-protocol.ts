/** `lla gate --check-protocol -- COMMAND`: a conversation, and what is off in it. */
import pc from 'picocolors';
import { checkProtocol } from '../gate/external/check-protocol.ts';
import { endText, lineText } from '../gate/external/check-protocol-text.ts';
import type { ProgramOptions } from '../gate/external/program.ts';
import { EXIT } from './exit.ts';

/** Version of the JSON report. */
const VERSION = 1;

export async function runCheckProtocol(options: ProgramOptions, { json }: { json?: boolean }): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const report = await checkProtocol(options, (line) => json || say(lineText(line, pc)));
  process.exitCode = report.conforms ? EXIT.conforms : EXIT.protocol;
  if (!json) return say(endText(report, pc));
  const { breach } = report;
  const bytes = breach?.bytes?.toString('hex');
  say(JSON.stringify({ version: VERSION, ...report, breach: breach && { ...breach, bytes } }));
}
