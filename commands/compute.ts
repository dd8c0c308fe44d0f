/** `lla compute`: the oracle for anyone with a pipe. */
import { createReadStream } from 'node:fs';
import { Command, Option } from 'commander';
import { computeLines, respondOn } from '../gate/compute-lines.ts';
import { BACKENDS, BackendUnavailable } from '../gpu/device.ts';
import { closeDevices, DEFAULT_BACKEND, type NodeBackend } from '../gpu/implementations.ts';
import { fail, PRECISIONS, precisionNamed } from './common.ts';
import { EXIT } from './exit.ts';

interface ComputeFlags {
  bounds?: string;
  backend: NodeBackend;
}

async function compute(file: string | undefined, flags: ComputeFlags): Promise<void> {
  const respond = respondOn(flags.backend, flags.bounds === undefined ? undefined : precisionNamed(flags.bounds));
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
  try {
    const { bad } = await computeLines(input, process.stdout, respond);
    process.exitCode = bad > 0 ? EXIT.usage : EXIT.conforms;
    await closeDevices();
  } catch (error) {
    if (error instanceof BackendUnavailable) fail(`compute: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    fail(`compute: ${file}: ${message}`);
  }
}

export const computeCommand = (): Command =>
  new Command('compute')
    .description('answer JSON cases, one a line, by the oracle; bad cases answer their error')
    .argument('[file]', 'file of cases; standard input if left out or -')
    .option('--bounds <precision>', `with each answer how far a correct implementation may be from it: ${PRECISIONS}`)
    .addOption(
      new Option('--backend <name>', 'where cases of the form gpu are answered')
        .choices(BACKENDS)
        .default(DEFAULT_BACKEND),
    )
    .action(compute);
