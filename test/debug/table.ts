/**
 * How good the diagnosis is: every wrong implementation, blind. `npm run debug:table` writes docs/debug-table.json, and from it the table in
 * docs/debug.md; with `-- where pairs` it measures these parts alone and keeps the others. The parts are rows, where (what is said without
 * the dictionary), otherForm, everySystem, pairs, correct.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { probeCases } from '../../debug/diagnose/cases.ts';
import type { Diagnosis } from '../../debug/diagnose/diagnose.ts';
import { ask, differs } from '../../debug/diagnose/outputs.ts';
import { rightFor } from '../../debug/diagnose/right.ts';
import { createMemory } from '../../debug/diagnose/trial.ts';
import { mutants } from '../../debug/dictionary/all.ts';
import { dictionaryFor } from '../../debug/dictionary/entries.ts';
import { implement } from '../../debug/dictionary/mutant.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import { blind, diagnoseBlind, firstNamed } from './blind.ts';
import { randomPairs } from './random-pairs.ts';
import { type Row, type Table, type Trial, withTable } from './table-text.ts';
import { locateAll } from './where.ts';

/** Cases of the law that rejects a mutant, until one does. */
const LAW_RUNS = 40;
/** Pairs take a second or two: they are allowed for one mutant of so many. */
const WITH_PAIRS = 5;
/** One of so many pairs of bug and system is tried. */
const TRIED = 4;
const precisions = ['float64', 'float32'].map((name) => findPrecision(name) as Precision);
const memory = createMemory();

const trialOf = (name: string, diagnosis: Diagnosis, failing: Trial['failing']): Trial => ({
  failing,
  named: firstNamed(diagnosis),
  right: diagnosis.causes[0]?.names.includes(name) ?? false,
  cases: diagnosis.cases,
  wrong: diagnosis.wrong,
  telling: diagnosis.causes[0]?.telling ?? 0,
});

async function rows(): Promise<Row[]> {
  const all: Row[] = [];
  for (const [i, mutant] of mutants.entries()) {
    const { name, system, bug, line, control } = mutant;
    const row: Row = { name, system, bug, line, trials: {}, without: {} };
    for (const precision of precisions) {
      const byLaw = { law: control, runs: LAW_RUNS };
      const { diagnosis, failing } = await diagnoseBlind(blind(mutant, precision), system, { memory }, byLaw);
      row.trials[precision.name] = trialOf(name, diagnosis, failing);
      const entries = dictionaryFor(system).filter((entry) => entry.name !== name);
      const without = (
        await diagnoseBlind(blind(mutant, precision), system, {
          memory,
          entries,
          pairs: precision === precisions[0] && i % WITH_PAIRS === 0,
        })
      ).diagnosis;
      row.without[precision.name] = [...without.causes, ...without.pairs].map(({ names }) => names.join(' + '));
    }
    all.push(row);
    process.stderr.write(`${name}\n`);
  }
  return all;
}

/** The same bug in another form of ours: other orders of sums. Where that form does not have the bug, nothing is wrong, and it does not count. */
async function otherForm(): Promise<Table['otherForm']> {
  const found: Table['otherForm'] = { tried: 0, right: 0, missed: [] };
  for (const { name, system, form, change } of mutants) {
    if (system === 'softmax' || form !== 'masked') continue;
    const subject = { ...implement('kernel', system, [{ ...change(), form: 'recurrent' as const }]) };
    const { diagnosis } = await diagnoseBlind(subject, system, { memory, pairs: false });
    if (diagnosis.wrong === 0 && diagnosis.causes.length === 0) continue;
    found.tried++;
    const forward = diagnosis.forward.flatMap(({ names }) => names);
    if (firstNamed(diagnosis).includes(name)) found.right++;
    else if (forward.includes(name)) found.missed.push(`${name}: outputs and states alone`);
    else found.missed.push(`${name}: ${firstNamed(diagnosis).join(', ') || 'nothing'}`);
  }
  return found;
}

/** Every bug on every system that it is offered on, in float64. */
async function everySystem(): Promise<Table['everySystem']> {
  const found: Table['everySystem'] = { tried: 0, right: 0, alone: 0, missed: [] };
  for (const [at, { name: system }] of systems.entries()) {
    for (const [i, { name }] of dictionaryFor(system).entries()) {
      if ((at + i) % TRIED !== 0) continue;
      const entry = dictionaryFor(system).find((each) => each.name === name) as ReturnType<
        typeof dictionaryFor
      >[number];
      const { diagnosis } = await diagnoseBlind({ ...entry.implementation, name: 'kernel' }, system, {
        memory,
        pairs: false,
      });
      found.tried++;
      const named = firstNamed(diagnosis);
      if (named.includes(name)) found.right++;
      else found.missed.push(`${name} on ${system}: ${named.join(', ') || 'nothing'}`);
      if (named.length === 1 && named[0] === name) found.alone++;
    }
    process.stderr.write(`${system}\n`);
  }
  return found;
}

async function pairs(): Promise<Table['pairs']> {
  const drawn = randomPairs(1, 30, [
    'log-linear-mamba2',
    'log-linear-gated-deltanet',
    'log-linear-gla',
    'mamba2',
    'log-linear-kimi-delta',
  ]);
  const found: Table['pairs'] = [];
  for (const { system, names, subject } of drawn) {
    const started = performance.now();
    const { diagnosis } = await diagnoseBlind(subject, system, { memory });
    const isNamed = (list: { names: string[] }[]): boolean =>
      list.some((each) => names.every((name) => each.names.includes(name)));
    const single = diagnosis.causes.flatMap((cause) => cause.names);
    found.push({
      system,
      names,
      // one bug may hide the other: then it explains everything alone
      result: isNamed(diagnosis.pairs) ? 'both' : single.some((name) => names.includes(name)) ? 'one alone' : 'missed',
      named: (single.length > 0 ? [single] : diagnosis.pairs.map((pair) => pair.names)).map((list) => list.join(' + ')),
      seconds: Math.round((performance.now() - started) / 100) / 10,
    });
  }
  return found;
}

/** Probes on which a correct implementation is off: there have to be none. */
async function accused(): Promise<Table['correct']> {
  const found: Table['correct'] = { kernels: 0, cases: 0, accused: [] };
  const judge = async (subject: Implementation, system: string): Promise<void> => {
    found.kernels++;
    for (const question of probeCases(system, subject)) {
      const right = await (question.key
        ? memory(`${question.key} right`, () => rightFor(question, subject))
        : rightFor(question, subject));
      const actual = await ask(subject, question);
      found.cases++;
      if (differs(actual, right, 1, actual.keys()))
        found.accused.push(`${subject.name} on ${system}: ${question.name}`);
    }
  };
  for (const form of builtIn) for (const system of form.abilities.systems) await judge(form, system);
  let next = 0;
  for (const name of ['float32', 'tf32', 'bfloat16', 'float16']) {
    // each precision on each system, by the variants in turn
    for (const { name: system } of systems) {
      await judge(emulated(findPrecision(name) as Precision, variants[next++ % variants.length]), system);
    }
    next += 4;
    process.stderr.write(`${name}\n`);
  }
  return found;
}

/** What is said without the dictionary, by precision and bug. */
async function where(): Promise<Table['where']> {
  const found: Table['where'] = {};
  for (const precision of precisions) {
    const located = await locateAll(precision, mutants, (name) => process.stderr.write(`${precision.name} ${name}\n`));
    found[precision.name] = Object.fromEntries(located.map(({ name, isRight }) => [name, isRight]));
  }
  return found;
}

const FILE = 'docs/debug-table.json';
const PAGE = 'docs/debug.md';
const asked = process.argv.slice(2);
const before = asked.length > 0 ? (JSON.parse(readFileSync(FILE, 'utf8')) as Table) : null;
/** Measured, or as it was where others are asked for. */
const part = async <Name extends keyof Table>(name: Name, measure: () => Promise<Table[Name]>): Promise<Table[Name]> =>
  before && !asked.includes(name) ? before[name] : await measure();
const table: Table = {
  rows: await part('rows', rows),
  where: await part('where', where),
  otherForm: await part('otherForm', otherForm),
  everySystem: await part('everySystem', everySystem),
  pairs: await part('pairs', pairs),
  correct: await part('correct', accused),
};
writeFileSync(FILE, `${JSON.stringify(table, null, 1)}\n`);
writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), table));
