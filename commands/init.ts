/** `lla init LANGUAGE [FOLDER]`: a starter that passes the gate, and the command that shows it. */
import { Argument, Command } from 'commander';
import { CannotWrite, type Language, languages, starters, writeStarter } from '../gate/init.ts';

const USAGE = 2;

export function initCommand(): Command {
  return new Command('init')
    .description('write a starter for a kernel of yours: an adapter, a kernel that passes, and how to run it')
    .addArgument(new Argument('<language>', 'what the kernel, or its wrapper, is written in').choices(languages))
    .argument('[folder]', 'where to; made if it is not there, and no file in it is replaced', '.')
    .action((language: Language, folder: string, _options, command: Command) => {
      try {
        const paths = writeStarter(language, folder);
        const lines = [...paths.map((path) => `wrote ${path}`), '', `next: ${starters[language].command(folder)}`];
        process.stdout.write(`${lines.join('\n')}\n`);
      } catch (error) {
        if (!(error instanceof CannotWrite)) throw error;
        command.error(`error: init: ${error.message}`, { exitCode: USAGE });
      }
    });
}
