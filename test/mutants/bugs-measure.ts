/** What the laws say about the mutants of docs/bugs.md: which rejects each first, and the smallest example of the one that says what it is. */

import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { checkLaw, type LawResult, seedOf } from '../../properties/check-law.ts';
import type { Law, Worst } from '../../properties/law.ts';
import { findLaw, laws } from '../../properties/laws/all.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson } from '../../reference/case-json.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import type { Bug } from './bugs.ts';

export const SEED = 1;
/** Cases of each law. */
export const RUNS = 100;

/** A counterexample, small enough to be read. */
export interface Example {
  law: string;
  cases: number;
  seed: number;
  path: string;
  worst: Worst;
  note?: string;
  /** The case, a line for each tensor. */
  lines: string[];
  /** Numbers in all of its tensors. */
  numbers: number;
}

export interface Measured {
  mutant: string;
  /** The first law of the gate's order that rejects it, and at which case. */
  first: { law: string; cases: number };
  example: Example;
}

/** As JSON, in which numbers that it does not have are words. */
export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, each) => (typeof each === 'number' && !Number.isFinite(each) ? String(each) : each));

/** What was measured, one bug a line. */
export const measuredIn = (text: string): Measured[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

export const mutantOf = ({ mutant }: Pick<Bug, 'mutant'>): Mutant => {
  const found = mutants.find(({ name }) => name === mutant);
  if (!found) throw new Error(`no mutant ${mutant}`);
  return found;
};

const check = (law: Law, { system, name, implementation }: Mutant, shrink: boolean): Promise<LawResult> =>
  checkLaw(law, implementation, findSystem(system) as System, {
    seed: seedOf(SEED, law.name, system, name),
    runs: RUNS,
    shrink,
  });

/** The same counterexample again, from where it was found. */
export const replay = (mutant: Mutant, { law, seed, path }: Example): Promise<LawResult> =>
  checkLaw(findLaw(law) as Law, mutant.implementation, findSystem(mutant.system) as System, {
    seed,
    path,
    runs: 1,
    shrink: false,
  });

/** Numbers of a tensor: one by one where they are few, else the most frequent one and where others are. */
function numbersText(shape: readonly number[], data: readonly unknown[]): string {
  const counts = new Map<unknown, number>();
  for (const value of data) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [[common, times] = ['', 0]] = [...counts].sort((a, b) => b[1] - a[1]);
  if (times === data.length && data.length > 1) return `all ${common}`;
  if (data.length <= 12) return data.join(', ');
  const placeOf = (at: number): string => {
    let rest = at;
    const index = [...shape].reverse().map((size) => {
      const each = rest % size;
      rest = Math.floor(rest / size);
      return each;
    });
    return index.reverse().join(',');
  };
  const others = data.flatMap((value, at) => (value === common ? [] : [`${value} at [${placeOf(at)}]`]));
  const shown = others.slice(0, 6).join(', ');
  return `${common}, but ${shown}${others.length > 6 ? `, and ${others.length - 6} more` : ''}`;
}

/** A case as lines of text. */
export function caseLines(c: Case): { lines: string[]; numbers: number } {
  const {
    inputs,
    cotangents,
    system,
    form: _form,
    chunkSize,
    ...rest
  } = caseToJson(c) as unknown as Record<string, never> & {
    system: string;
    chunkSize?: number;
    inputs: Record<string, { shape: number[]; data: unknown[] }>;
    cotangents?: Record<string, { shape: number[]; data: unknown[] }>;
  };
  const named = [
    ...Object.entries(inputs),
    ...Object.entries(cotangents ?? {}).map(([name, value]) => [`d${name}`, value] as const),
  ];
  const options = { ...rest, ...(chunkSize === undefined || chunkSize === 64 ? {} : { chunkSize }) };
  const about = Object.entries(options).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const lines = [[system, ...about].join(', ')];
  for (const [name, { shape, data }] of named) lines.push(`${name} [${shape}]: ${numbersText(shape, data)}`);
  return { lines, numbers: named.reduce((sum, [, { data }]) => sum + data.length, 0) };
}

async function exampleOf(law: Law, mutant: Mutant): Promise<Example | null> {
  const result = await check(law, mutant, true);
  const worst = result.worst?.worst;
  if (result.status !== 'failed' || !worst || !result.counterexample || result.path === undefined) return null;
  const { c, ...others } = result.counterexample as unknown as { c: Case };
  const extra = Object.entries(others).map(([name, value]) => {
    const isCase = typeof value === 'object' && value !== null && 'inputs' in value;
    return isCase ? `${name}: another case` : `${name} ${JSON.stringify(value)}`;
  });
  const { lines, numbers } = caseLines(c);
  const { cases, seed, path } = result;
  const note = result.worst?.note;
  return { law: law.name, cases, seed, path, worst, ...(note ? { note } : {}), lines: [...lines, ...extra], numbers };
}

/** Runs the laws in the gate's order until one rejects the mutant, and shrinks what its control finds. */
export async function measure(bug: Bug, inOrder: readonly Law[] = laws): Promise<Measured> {
  const mutant = mutantOf(bug);
  const reached = inOrder.filter((law) => law.appliesTo(findSystem(mutant.system) as System));
  let first: Measured['first'] | null = null;
  for (const law of reached) {
    const { status, cases } = await check(law, mutant, false);
    if (status !== 'failed') continue;
    first = { law: law.name, cases };
    break;
  }
  if (!first) throw new Error(`no law rejects ${mutant.name} within ${RUNS} cases`);
  const example =
    (await exampleOf(findLaw(mutant.control) as Law, mutant)) ?? (await exampleOf(findLaw(first.law) as Law, mutant));
  if (!example) throw new Error(`no example of ${mutant.name}`);
  return { mutant: mutant.name, first, example };
}
