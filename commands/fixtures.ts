/** `lla fixtures`: cases with what a correct implementation answers to them, as files. */
import { Command } from 'commander';
import { exportCommand } from './fixtures-export.ts';
import { fixtureLists } from './fixtures-list.ts';
import { verifyCommand } from './fixtures-verify.ts';

export function fixturesCommand(): Command {
  const command = new Command('fixtures').description(
    'cases and their answers as files, for tests without Node: docs/fixtures.md',
  );
  for (const each of [exportCommand(), verifyCommand(), ...fixtureLists()]) command.addCommand(each);
  return command;
}
