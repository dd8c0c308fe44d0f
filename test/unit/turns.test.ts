/** Quick runs: whose turn it is, how many cases those get, and that nobody takes those that wait for judged. */
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { reportToJson, summaryText, verdictTable } from '../../gate/report.ts';
import { mergeReports } from '../../gate/reports/merge.ts';
import { parseReport } from '../../gate/reports/read.ts';
import { type GateOptions, runGate, type Triple, triplesOf } from '../../gate/run.ts';
import { quickRuns } from '../../gate/turns.ts';
import { notCovered } from '../../properties/check-law.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { everyLaw, findLaw, laws as smallLaws } from '../../properties/laws/all.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { systems } from '../../reference/systems/registry.ts';

const recurrent = builtIn.find(({ name }) => name === 'recurrent') as Implementation;
/** A program, as the gate has it: one implementation a dtype. */
const dtypes = ['float64', 'float32', 'bfloat16'].map(
  (name): Implementation => ({
    ...recurrent,
    name: `kernel ${name}`,
    precision: findPrecision(name) as Precision,
    chosenBy: { options: `--dtype ${name}`, command: ['./kernel'] },
  }),
);
const all = { implementations: dtypes, systems, laws: everyLaw, seed: 1 };
const turns = { dtypes: true, large: true };

const keyOf = ({ law, system }: Triple): string => `${law.name} ${system.name}`;
const isCovered = ({ law, system, subject }: Triple): boolean => notCovered(law, subject, system) === null;
const judged = (triples: readonly Triple[]): Triple[] => triples.filter((each) => isCovered(each) && !each.waits);
const small = (triples: readonly Triple[]): Triple[] => triples.filter(({ law }) => !law.isLarge);

describe('whose turn it is', () => {
  const triples = triplesOf({ ...all, turns });

  it('each law asks each system in one dtype, and every dtype has many turns with every law', () => {
    const asked = small(judged(triples)).map(keyOf);
    expect(new Set(asked).size).toBe(asked.length);
    expect(new Set(asked)).toEqual(new Set(small(triplesOf(all)).filter(isCovered).map(keyOf)));
    for (const { name } of dtypes) {
      const own = small(judged(triples)).filter(({ subject }) => subject.name === name);
      expect(own.length / asked.length).toBeGreaterThan(0.28);
      expect(own.length / asked.length).toBeLessThan(0.39);
    }
  });

  it('two laws do not pair the same systems with the same dtypes', () => {
    const shares = (law: string) =>
      systems.map(
        ({ name }) => judged(triples).find((each) => keyOf(each) === `${law} ${name}`)?.subject.precision.name ?? '',
      );
    const patterns = ['forward-equals-masked', 'prefix', 'causal-forward', 'linear-in-v'].map((law) =>
      shares(law).join(),
    );
    expect(new Set(patterns).size).toBe(4);
  });

  it('each kind of large cases is asked of one system in one dtype, forward and backward', () => {
    const large = judged(triples).filter(({ law }) => law.isLarge);
    const kinds = everyLaw.filter(({ isLarge }) => isLarge).map(({ name }) => name);
    expect(large.map(({ law }) => law.name).toSorted()).toEqual(kinds.toSorted());
    for (const { law, system, subject } of large) {
      const backward = large.find((each) => each.law.name === `${law.name}-backward`);
      if (backward) expect([backward.system, backward.subject]).toEqual([system, subject]);
    }
    expect(new Set(large.map(({ system }) => system.name)).size).toBe(kinds.length / 2);
  });

  it('follows from the seed', () => {
    const waits = (seed: number): string[] => triplesOf({ ...all, turns, seed }).map((each) => each.waits ?? '');
    expect(waits(1)).toEqual(waits(1));
    expect(waits(2)).not.toEqual(waits(1));
  });

  it('nobody waits where there is room, nor what is not covered, nor what has a counterexample to be judged again', () => {
    const few = { ...all, laws: smallLaws.slice(0, 3), turns };
    expect(triplesOf(few).filter(({ waits }) => waits)).toEqual([]);
    expect(triples.filter((each) => each.waits && !isCovered(each))).toEqual([]);
    const kept = [
      { law: 'prefix', system: 'linear', path: 'a' },
      { law: 'long-sequences', system: 'gla', path: 'b' },
    ];
    const again = triplesOf({ ...all, turns, kept });
    for (const { law, system } of kept) {
      const about = again.filter((each) => each.law.name === law && each.system.name === system);
      expect(about.map(({ waits }) => waits)).toEqual([undefined, undefined, undefined]);
    }
  });

  it('forms of ours are different programs: none waits for another, but with large cases', () => {
    const forms = triplesOf({ ...all, implementations: builtIn, turns });
    expect(small(forms).filter(({ waits }) => waits)).toEqual([]);
    expect(judged(forms).filter(({ law }) => law.name === 'wide-heads')).toHaveLength(
      builtIn.filter(({ abilities }) => abilities.large !== false).length,
    );
  });
});

it('the more is judged the fewer cases each law gets, and at least one', () => {
  const of = (options: Partial<GateOptions>): number => quickRuns(triplesOf({ ...all, turns, ...options }));
  expect(of({ systems: systems.slice(1, 2) })).toBe(4);
  expect(of({})).toBe(2);
  expect(of({ implementations: [...builtIn, ...builtIn.map((form) => ({ ...form, name: `${form.name} 2` }))] })).toBe(
    1,
  );
});

it('what waits is not covered, with whose turn it was, in every part of a run and in the whole', async () => {
  const options = {
    implementations: dtypes.slice(0, 2),
    systems: systems.slice(0, 3),
    laws: [...smallLaws.slice(0, 3), findLaw('many-heads')].filter((law) => law !== undefined),
    seed: 1,
    runs: 1,
    turns,
  };
  const whole = await runGate(options);
  const waiting = whole.verdicts.filter(({ waits }) => waits);
  expect(waiting).toHaveLength(3);
  for (const { law, status, cases, reason } of waiting) {
    expect([law, status, cases]).toEqual(['many-heads', 'not-covered', 0]);
    expect(reason).toMatch(/^the turn of (linear|retention) in float(64|32)$/);
  }
  expect(whole.summary.waiting).toBe(3);
  expect(whole.conforms).toBe(true);
  const plain = pc.createColors(false);
  expect(verdictTable(whole, plain)).toContain("… another's turn");
  expect(summaryText(whole, plain)).toContain('\n3 of those not covered wait: in a quick run dtypes take turns');
  const parts = await Promise.all([1, 2].map((index) => runGate({ ...options, shard: { index, of: 2 } })));
  const merged = mergeReports(parts.map((report, i) => ({ file: `${i}.json`, report })));
  const counts = ({ seconds: _, ...rest }: typeof whole.summary) => rest;
  expect(counts(merged.summary)).toEqual(counts(whole.summary));
  expect(parseReport(reportToJson(whole), 'a.json')).toEqual(whole);
});
