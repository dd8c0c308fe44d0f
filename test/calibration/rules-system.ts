/** Every rule on the mutants and the correct kernels of one system in one precision, on the same cases: what a worker thread runs. */
import fc from 'fast-check';
import { mutants } from '../../debug/dictionary/all.ts';
import { cases } from '../../properties/arbitraries/cases.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { type Bounds, boundsOf, overflowsIn } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';
import { coversStructure, emulated, variants } from '../emulated/implementations.ts';
import { inPrecision, rightForm } from '../mutants/in-precision.ts';
import { remember } from '../mutants/remember.ts';
import { copyCase, correctKernel, groupsOf } from '../mutants/trial.ts';
import { fixedCases } from './fixed-cases.ts';
import { type Judged, rules } from './rule-list.ts';

export interface RulesTask {
  precision: string;
  system: string;
  style: 'drawn' | 'fixed';
  seed: number;
  cases: number;
  /** Correct kernels answer one drawn case in so many. */
  every: number;
}

export interface RulesResult {
  task: RulesTask;
  cases: number;
  /** Mutants by rule that no case has told from the correct kernel: the rule accuses neither, or both. */
  missed: Record<string, string[]>;
  /** Answers of correct kernels. */
  answers: number;
  /** Of these, by rule, those that are accused. */
  accused: Record<string, number>;
  /** The tensor that is accused and how large its numbers are, by rule. */
  kinds: Record<string, Record<string, number>>;
}

/** What a case is held against. */
interface Truth {
  exact: Map<string, Float64Array>;
  plain: Map<string, Float64Array>;
  bounds: Bounds;
  likely: Bounds;
}

const dense = (answer: Answer): Map<string, Float64Array> =>
  new Map([...tensorsOf(answer)].map(([name, value]) => [name, toDense(value)]));

const plainVariant = variants.find(({ name }) => name === 'masked') ?? variants[0];

/** Cases of fixed size have independent inputs; drawn ones need not. */
async function truthFor(c: Case, precision: Precision, style: RulesTask['style']): Promise<Truth> {
  const { form: _form, ...rest } = c;
  const plain = await emulated(precision, plainVariant).run(c);
  const bounds = boundsOf(c, precision);
  const likely = style === 'fixed' ? likelyBoundsOf(c, precision) : bounds;
  return { exact: dense(compute(rest)), plain: dense(plain), bounds, likely };
}

/** For each rule the first tensor that it accuses, or null. */
function accusations(answer: Answer, { exact, plain, bounds, likely }: Truth, precision: Precision): (string | null)[] {
  const given = dense(answer);
  return rules.map((rule) => {
    for (const [name, expected] of exact) {
      const actual = given.get(name);
      if (expected.length === 0) continue;
      if (actual?.length !== expected.length) return name;
      const judged: Judged = {
        actual,
        exact: expected,
        plain: plain.get(name) as Float64Array,
        bound: boundFor(bounds, name),
        likely: boundFor(likely, name),
      };
      if (rule.accuses(judged, precision)) return name;
    }
    return null;
  });
}

/** How large the numbers of a tensor are. */
function magnitude(values: Float64Array): string {
  const most = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  return most === 0 ? 'zero' : most < 1e-3 ? 'tiny' : most > 1e3 ? 'large' : 'ordinary';
}

const WISH = { gradients: true, state: 'sometimes', packed: 'sometimes', structures: true, work: 1e5 } as const;

export default async function judgeSystem(task: RulesTask): Promise<RulesResult> {
  const precision = findPrecision(task.precision) as Precision;
  const system = findSystem(task.system) as System;
  const correct = variants.map((variant) => emulated(precision, variant));
  const groups = groupsOf(mutants.filter((each) => each.system === task.system)).map((members) => {
    const kernel = remember(correctKernel(precision, members[0]).run);
    const right = remember(rightForm(members[0]));
    const under = { ...correctKernel(precision, members[0]), run: kernel.run };
    const subjects = members.map((mutant) => inPrecision(mutant, precision, under, right.run));
    return { subjects, under, memories: [kernel, right] };
  });
  // chunked mutants know only the usual structure
  const structures = groups.every(({ subjects }) => subjects[0].abilities.structures);
  const draws = cases(system, { ...correct[0].abilities, structures }, WISH, precision);
  const list = (): Case[] =>
    task.style === 'fixed'
      ? fixedCases(system, task.seed, precision)
      : fc.sample(draws, { seed: task.seed, numRuns: task.cases });
  const given = list();
  const each = <T>(value: () => T): Record<string, T> => Object.fromEntries(rules.map(({ name }) => [name, value()]));
  const seen = rules.map(() => new Set<string>());
  const result: RulesResult = {
    task,
    cases: given.length,
    missed: {},
    answers: 0,
    accused: each(() => 0),
    kinds: each(() => ({})),
  };
  for (const [n, c] of given.entries()) {
    if (overflowsIn(c, precision)) continue;
    const truth = await truthFor(c, precision, task.style);
    for (const { subjects, under, memories } of groups) {
      for (const memory of memories) memory.forget();
      const wrongly = accusations(await under.run(c), truth, precision);
      for (const subject of subjects) {
        // in memory of its own, since a mutant may write to it
        const answer = await subject.run(copyCase(c));
        accusations(answer, truth, precision).forEach((tensor, i) => {
          if (tensor !== null && wrongly[i] === null) seen[i].add(subject.name);
        });
      }
    }
    if (task.style === 'drawn' && n % task.every !== 0) continue;
    for (const kernel of correct.filter((one) => coversStructure(one, c))) {
      result.answers++;
      accusations(await kernel.run(c), truth, precision).forEach((tensor, i) => {
        if (tensor === null) return;
        const rule = rules[i].name;
        const kind = `${tensor}, ${magnitude(truth.exact.get(tensor) as Float64Array)}`;
        result.accused[rule]++;
        result.kinds[rule][kind] = (result.kinds[rule][kind] ?? 0) + 1;
      });
    }
  }
  const names = groups.flatMap(({ subjects }) => subjects.map(({ name }) => name));
  rules.forEach(({ name }, i) => {
    result.missed[name] = names.filter((each) => !seen[i].has(each));
  });
  return result;
}
