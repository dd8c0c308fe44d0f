/** `lla explain`: where the bound of one element comes from. */
import { constants } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { invalid, textOf } from '../gate/compute-lines.ts';
import { explain } from '../gate/explain.ts';
import { explanationText } from '../gate/explain-text.ts';
import { precisions } from '../properties/precision.ts';
import { jsonText, parseAnswer, parseCase } from '../reference/case-json.ts';
import { InvalidInput } from '../reference/errors.ts';
import { GPU, indices, PRECISIONS, precisionNamed } from './common.ts';
import { EXIT } from './exit.ts';

/** All of a file, or of standard input, as text. */
async function readText(argument: string, file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await buffer(file === '-' ? process.stdin : createReadStream(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const remedy = 'give the path of a file, or - for standard input';
    throw new InvalidInput('explain', argument, `${file} (${message})`, 'a file that can be read', remedy);
  }
  const isTooLong = bytes.length > constants.MAX_STRING_LENGTH;
  return textOf(isTooLong ? null : bytes, 'explain', argument, 'a file');
}

interface ExplainFlags {
  precision: string;
  output?: string;
  index?: number[];
  answer?: string;
  json?: boolean;
}

async function explainCase(file = '-', flags: ExplainFlags): Promise<void> {
  const precision = precisionNamed(flags.precision);
  try {
    if (file === '-' && flags.answer === '-') {
      throw new InvalidInput('explain', '--answer', '- for the case and the answer', 'one of them in a file');
    }
    const { form, ...rest } = parseCase(await readText('case', file), 'explain');
    // bounds are of the case, not of a form, and the GPU form is none of the oracle's
    const c = (form as string | undefined) === GPU ? rest : { ...rest, form };
    const answer =
      flags.answer === undefined ? undefined : parseAnswer(await readText('--answer', flags.answer), 'explain');
    const explanation = explain(c, precision, { output: flags.output, index: flags.index, answer });
    // picocolors alone would colour a pipe too where CI is set
    const colors = process.stdout.isTTY ? pc : pc.createColors(false);
    process.stdout.write(`${flags.json ? jsonText(explanation) : explanationText(explanation, colors)}\n`);
    process.exitCode = explanation.conforms === false ? EXIT.doesNot : EXIT.conforms;
  } catch (error) {
    process.stderr.write(`error: ${invalid(error, 'explain').message}\n`);
    process.exitCode = EXIT.usage;
  }
}

export const explainCommand = (): Command =>
  new Command('explain')
    .description('say for one element of a JSON case where its bound comes from; judge an answer by its bounds')
    .argument('[file]', 'the case; standard input if left out or -')
    .option('--precision <name>', PRECISIONS, precisions[0].name)
    .option('--output <name>', 'o, finalState, gradients.k, …')
    .addOption(
      new Option(
        '--index <indices>',
        'the element, like 0,3,0,1; left out, that with the largest bound for its size',
      ).argParser(indices),
    )
    .option(
      '--answer <file>',
      "somebody's answer as JSON: lists the worst element of each output; exit code 1 if one is wrong",
    )
    .option('--json', 'print as JSON')
    .action(explainCase);
