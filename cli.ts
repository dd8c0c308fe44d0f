#!/usr/bin/env node
/** The command line: which commands there are, exit codes. 0 conforms, 1 does not, 2 usage or bad input, 3 a program broke the protocol, 4 a bundle has cases without answers. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT } from './commands/exit.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('lla')
  .description(
    'Conformance suite for log-linear attention (arXiv 2506.04761): a float64 oracle in three forms,\nlaws that judge an implementation, and the gate that runs them.',
  )
  .version(version)
  .showHelpAfterError('(lla --help lists commands and options)')
  .exitOverride(({ exitCode }) =>
    process.exit(exitCode === EXIT.conforms || exitCode === EXIT.protocol ? exitCode : EXIT.usage),
  )
  .addHelpText(
    'after',
    `
Examples:
  lla gate                                         every law on every form and system
  lla gate --system log-linear-mamba2 --law causality --runs 200
  lla gate -- python3 my_adapter.py                the laws on a program of yours: docs/protocol.md
  lla gate --check-protocol -- python3 my_adapter.py   one conversation with it, and what is off in that
  lla gate --json > verdicts.json                  progress goes to stderr
  lla gate --shard 1/2 --report part-1.json        half of the laws; lla merge part-*.json puts the parts together
  lla gate --backend webgpu                        the laws on the GPU form, on that backend; see lla doctor
  lla bundle there -- python3 my_adapter.py        a folder of cases for a machine without Node; then lla verdict there
  lla fixtures export there --set small            cases with their answers as files; then
  lla fixtures verify there my-answers             the same verdicts, without a program that is asked
  lla compute cases.jsonl > answers.jsonl          one JSON case a line, one answer a line
  lla compute --bounds bfloat16 < cases.jsonl      the same, and how far a bfloat16 kernel may be from each number
  lla explain case.json --precision bfloat16 --output gradients.k --index 0,3,0,1
  lla explain case.json --precision bfloat16 --answer mine.json
  lla debug case.json -- python3 my_adapter.py     where a failing case is wrong, and the smallest that is
  lla debug case.json --answer mine.npz --html why.html
  lla laws --json | jq -r '.[].statement'

Exit codes: 0 conforms, 1 does not, 2 usage or bad input, 3 a program broke the protocol, 4 a bundle
has cases without answers. NO_COLOR is honoured.`,
  );

/** Errors of usage are the program's, however deep the command. */
function inherit(command: Command, from: Command): Command {
  command.copyInheritedSettings(from);
  for (const each of command.commands) inherit(each, command);
  return command;
}

/** Commands by name, each loaded where it is asked for: most of the time to start is reading modules. */
const commands: Record<string, () => Promise<Command>> = {
  gate: async () => (await import('./commands/gate.ts')).gateCommand(),
  merge: async () => (await import('./commands/merge.ts')).mergeCommand(),
  bundle: async () => (await import('./commands/bundle.ts')).bundleCommand(),
  verdict: async () => (await import('./commands/bundle.ts')).verdictCommand(),
  compute: async () => (await import('./commands/compute.ts')).computeCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  debug: async () => (await import('./commands/debug.ts')).debugCommand(),
  fixtures: async () => (await import('./commands/fixtures.ts')).fixturesCommand(),
  init: async () => (await import('./commands/init.ts')).initCommand(),
  laws: async () => (await import('./commands/lists.ts')).lawsCommand(),
  systems: async () => (await import('./commands/lists.ts')).systemsCommand(),
  doctor: async () => (await import('./commands/lists.ts')).doctorCommand(),
};
const [asked] = process.argv.slice(2);
const isVersion = asked === '--version' || asked === '-V';
// help, and names that there are not, list them all
const wanted = Object.hasOwn(commands, asked) ? [commands[asked]] : isVersion ? [] : Object.values(commands);
for (const load of wanted) program.addCommand(inherit(await load(), program));

/** A reader that has seen enough (| head) is no fault; anything else that keeps us from printing is. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`error: cannot write the output: ${error.message}\n`);
  process.exit(EXIT.usage);
});

await program.parseAsync();
