/** `lla laws`, `lla systems` and `lla doctor`: what there is, and what works here. */
import { Command } from 'commander';
import { table } from '../gate/table.ts';
import { examineBackends } from '../gpu/doctor.ts';
import { closeDevices, DEFAULT_BACKEND, gpuSystems } from '../gpu/implementations.ts';
import { builtIn } from '../properties/implementations.ts';
import { everyLaw } from '../properties/laws/all.ts';
import { systems } from '../reference/systems/registry.ts';
import { GPU } from './common.ts';
import { EXIT } from './exit.ts';

function listLaws(flags: { json?: boolean }): void {
  const rows = everyLaw.map(({ name, group, level, statement, citation, prerequisites }) => ({
    name,
    group,
    level,
    statement,
    citation,
    prerequisites,
  }));
  if (flags.json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const lines = rows.map(({ name, group, level, statement, citation }) => [
    name,
    level === 'required' ? group : `${group}, ${level}`,
    `${statement} (${citation})`,
  ]);
  process.stdout.write(`${table(['law', 'group', 'statement'], lines, [36, 13, 74])}\n`);
}

function listSystems(flags: { json?: boolean }): void {
  const rows = systems.map(({ name, title, citation, recurrence, required }) => ({
    name,
    title,
    transition: recurrence?.formula ?? null,
    inputs: required,
    forms: [
      ...builtIn.filter(({ abilities }) => abilities.systems.includes(name)).map((form) => form.name),
      ...(gpuSystems.includes(name) ? [GPU] : []),
    ],
    citation,
  }));
  if (flags.json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const lines = rows.map(({ name, transition, inputs, citation }) => [
    name,
    transition ?? '–',
    inputs.join(' '),
    citation,
  ]);
  process.stdout.write(`${table(['system', 'F_t(S)', 'inputs', 'source'], lines, [27, 36, 28, 36])}\n`);
}

async function doctor(flags: { json?: boolean }): Promise<void> {
  const findings = await examineBackends();
  await closeDevices();
  const works = findings.some(({ backend, works }) => backend === DEFAULT_BACKEND && works);
  process.exitCode = works ? EXIT.conforms : EXIT.doesNot;
  if (flags.json) return void process.stdout.write(`${JSON.stringify(findings)}\n`);
  const lines = findings.map(({ backend, works, adapter, reason, remedy }) => [
    backend + (backend === DEFAULT_BACKEND ? ' (default)' : ''),
    works ? 'works' : 'no',
    [adapter, reason, remedy].filter((part) => part !== null).join('; '),
  ]);
  process.stdout.write(`${table(['backend', '', 'on what, or why not and what to install'], lines, [20, 9, 90])}\n`);
}

export const lawsCommand = (): Command =>
  new Command('laws').description('list the laws').option('--json', 'print as JSON').action(listLaws);

export const systemsCommand = (): Command =>
  new Command('systems').description('list the systems').option('--json', 'print as JSON').action(listSystems);

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('say which backends of the form gpu work here, on what, and what is missing for the others')
    .option('--json', 'print as JSON')
    .action(doctor);
