/** The diagnosis on wrong implementations without their names; `npm run debug:table` has all of them, in more precisions. */
import { describe, expect, it } from 'vitest';
import { probeCases } from '../../debug/diagnose/cases.ts';
import { diagnose } from '../../debug/diagnose/diagnose.ts';
import { quarters, scales, weakDecays } from '../../debug/diagnose/draws.ts';
import { ask, differs } from '../../debug/diagnose/outputs.ts';
import { rightFor } from '../../debug/diagnose/right.ts';
import { createMemory } from '../../debug/diagnose/trial.ts';
import { mutants } from '../../debug/dictionary/all.ts';
import { dictionaryFor } from '../../debug/dictionary/entries.ts';
import { largeMutants } from '../../debug/dictionary/large.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { unseen } from '../../debug/dictionary/unseen.ts';
import { fill } from '../../properties/arbitraries/cases.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Abilities, Implementation } from '../../properties/law.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { checkCase } from '../../reference/shapes.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { tensor } from '../../reference/tensor.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import { onlyFloat64 } from '../mutants/only-float64.ts';
import { blind, diagnoseBlind, failureOn, firstNamed } from './blind.ts';
import { unseenOn } from './offered.ts';
import { randomPairs } from './random-pairs.ts';

const memory = createMemory();
const float32 = findPrecision('float32') as Precision;
const SYSTEM = 'log-linear-mamba2';
const find = (name: string): Mutant => mutants.find((mutant) => mutant.name === name) as Mutant;
const little: Abilities = {
  systems: [SYSTEM],
  gradients: false,
  state: false,
  packed: false,
  groups: false,
  structures: false,
  chunkSizes: false,
  views: false,
};
/** Some of them, of every kind. */
const every = (n: number): Mutant[] => mutants.filter((_, i) => i % n === 0);

describe('the dictionary', () => {
  it('has a line and a bug for each, and new ones on each call', () => {
    for (const { name } of systems) {
      const entries = dictionaryFor(name);
      expect(entries.length).toBeGreaterThan(25);
      expect(new Set(entries.map((entry) => entry.name)).size).toBe(entries.length);
      for (const { bug, line } of entries) for (const text of [bug, line]) expect(text.length).toBeGreaterThan(10);
    }
    expect(mutants.length).toBeGreaterThanOrEqual(60);
    expect(dictionaryFor('no such system')).toEqual([]);
  });

  it.each(['linear', 'log-linear-retention', 'kimi-delta'])(
    'offers on %s what changes some answer there',
    async (name) => {
      const listed = Object.keys(unseen).filter((bug) => unseen[bug].includes(name));
      expect(await unseenOn(findSystem(name) as System)).toEqual(listed);
    },
  );
});

describe('a blind diagnosis', () => {
  it.each([DOUBLE, float32])(
    'names all bugs, nine of ten at least, and nothing else in their place',
    async (precision) => {
      const missed: string[] = [];
      for (const mutant of mutants) {
        const byLaw = { law: mutant.control, runs: 40 };
        const { diagnosis } = await diagnoseBlind(
          blind(mutant, precision),
          mutant.system,
          { memory, pairs: false },
          byLaw,
        );
        const named = firstNamed(diagnosis);
        if (named.includes(mutant.name)) expect(diagnosis.text[0], mutant.name).toMatch(/this bug|asked twice/);
        else {
          missed.push(mutant.name);
          expect(named, mutant.name).toEqual([]);
        }
      }
      expect(mutants.length).toBeGreaterThanOrEqual(60);
      expect(missed.length / mutants.length, missed.join()).toBeLessThanOrEqual(0.1);
      const known = precision === DOUBLE ? {} : onlyFloat64.float32;
      expect(missed.filter((name) => !(name in known))).toEqual([]);
    },
  );

  it('names nothing else where the bug is not in the dictionary', async () => {
    for (const [i, mutant] of every(30).entries()) {
      const entries = dictionaryFor(mutant.system).filter(({ name }) => name !== mutant.name);
      const { diagnosis } = await diagnoseBlind(blind(mutant, DOUBLE), mutant.system, {
        memory,
        entries,
        // pairs take a second or two
        pairs: i === 1,
      });
      expect(diagnosis.causes, mutant.name).toEqual([]);
      expect(diagnosis.pairs, mutant.name).toEqual([]);
      expect(diagnosis.text.join(' ')).toMatch(/No known bug|two answers/);
    }
  });

  it.each([
    'level-inside-chunk-only',
    'decay-missing-between-chunks',
    'decay-dropped-at-chunk-start',
    'level-by-distance',
  ])('of %s in a kernel that can do little, with chunks of 64', async (name) => {
    const { run } = find(name).implementation;
    const kernel: Implementation = {
      name: 'kernel',
      abilities: {
        ...little,
        limits: { K: { multipleOf: 8 }, V: { powerOfTwo: true, min: 8 }, T: { min: 1 }, B: { max: 1 } },
      },
      precision: DOUBLE,
      run: (c) => run({ ...c, chunkSize: 64 }),
    };
    const { diagnosis } = await diagnoseBlind(kernel, SYSTEM, { memory, pairs: false });
    expect(firstNamed(diagnosis)).toEqual([name]);
  });

  it('says what speaks for a bug', async () => {
    const { diagnosis } = await diagnoseBlind(blind(find('decay-of-the-key-included'), DOUBLE), SYSTEM, { memory });
    const [cause] = diagnosis.causes;
    expect(cause).toMatchObject({ isPair: false, onFailing: true, agrees: diagnosis.cases, of: diagnosis.cases });
    expect(cause.telling).toBeGreaterThan(10);
    expect(diagnosis.text[0]).toContain(`on ${cause.agrees} of ${cause.of} cases (${cause.telling} of them tell it`);
    expect(diagnosis.text[0]).toContain('D[t,s] = exp(g_{s+1} + ... + g_t): the sum starts after s');
  });

  it('says that the gradients are of something else', async () => {
    const wrong = find('lambda-of-the-key').implementation;
    const kernel: Implementation = {
      ...wrong,
      name: 'kernel',
      async run(c) {
        const answer = await wrong.run(c);
        const dv = answer.gradients?.v;
        if (dv) for (let i = 0; i < dv.data.length; i++) dv.data[i] = 1.5 * dv.data[i] + 0.25;
        return answer;
      },
    };
    const { diagnosis } = await diagnoseBlind(kernel, SYSTEM, { memory, pairs: false });
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.forward.map(({ names }) => names)).toEqual([['lambda-of-the-key']]);
  });
});

describe('two bugs at once', () => {
  it('are both named, or the one that hides the other', async () => {
    for (const { system, names, subject } of randomPairs(4, 2, [SYSTEM])) {
      const { causes, pairs } = await diagnoseBlind(subject, system, { memory }).then(({ diagnosis }) => diagnosis);
      const both = pairs.some((pair) => names.every((name) => pair.names.includes(name)));
      const hiding = causes.some((cause) => cause.names.some((name) => names.includes(name)));
      expect(both || hiding, names.join()).toBe(true);
      // a single bug is never one that is not there
      for (const cause of causes) expect(names).toContain(cause.names.find((name) => names.includes(name)));
    }
  });

  it('are named where the kernel is written by somebody else', async () => {
    const { diagnosis } = await diagnoseBlind(twoBugs, SYSTEM, { memory });
    expect(diagnosis.pairs[0].names.toSorted()).toEqual(['decay-of-the-key-included', 'lambda-of-the-key']);
    expect(diagnosis.text[0]).toContain('two at once do');
  });
});

describe('a correct implementation', () => {
  const kernels = [
    ...builtIn.map((form) => [form, [SYSTEM, 'log-linear-kimi-delta', 'gated-deltanet']] as const),
    ...['float32', 'bfloat16', 'float16'].map(
      (name, i) =>
        [emulated(findPrecision(name) as Precision, variants[6 + 4 * i]), ['log-linear-gated-deltanet']] as const,
    ),
  ];
  it.each(kernels.map(([kernel, of]) => [kernel.name, kernel, of] as const))(
    '%s is accused of nothing',
    async (_, kernel, of) => {
      for (const system of of) {
        for (const question of probeCases(system, kernel)) {
          const actual = await ask(kernel, question);
          expect(differs(actual, await rightFor(question, kernel), 1, actual.keys()), question.name).toBe(false);
        }
        const diagnosis = await diagnose(kernel, await failureOn(kernel, probeCases(system, kernel)[0].c), { memory });
        expect(diagnosis).toMatchObject({ wrong: 0, causes: [], pairs: [], forward: [], nearest: [] });
      }
    },
  );

  it('gets no diagnosis', async () => {
    const [form] = builtIn;
    const failure = await failureOn(form, probeCases(SYSTEM, form)[0].c);
    const diagnosis = await diagnose(form, failure, { memory });
    expect(diagnosis).toMatchObject({ causes: [], pairs: [], forward: [], nearest: [], wrong: 0 });
    expect(diagnosis.text[0]).toMatch(/^Nothing is wrong on any of \d+ cases/);
  });
});

it('with answers alone it compares the one case, and says so', async () => {
  const subject = blind(find('level-by-distance'), DOUBLE);
  const failure = await failureOn(subject, probeCases(SYSTEM, subject)[0].c);
  const diagnosis = await diagnose(null, failure, { memory });
  expect(diagnosis.cases).toBe(1);
  expect(diagnosis.causes.flatMap(({ names }) => names)).toContain('level-by-distance');
  expect(diagnosis.text.at(-1)).toContain('one case cannot tell more');
});

it.each([
  ['channels-past-128', { K: 129, H: 1, T: 3 }],
  ['heads-of-one-warp', { K: 2, H: 20, T: 4 }],
  ['gradient-of-the-last-1024', { K: 1, H: 1, T: 1030 }],
] as const)('%s is named where the failing case is large', async (name, { K, H, T }) => {
  const large = largeMutants.find((mutant) => mutant.name === name) as (typeof largeMutants)[number];
  const subject: Implementation = { ...large.implementation, name: 'kernel' };
  const L = 32 - Math.clz32(T - 1) + 1;
  const shapes = { q: [1, T, H, K], k: [1, T, H, K], v: [1, T, H, 1], g: [1, T, H], lambda: [1, T, H, L] };
  const draws = { q: quarters, k: quarters, v: quarters, g: weakDecays, lambda: scales };
  const inputs: Case['inputs'] = {};
  for (const input of ['q', 'k', 'v', 'g', 'lambda'] as const)
    inputs[input] = fill(1, input, shapes[input], draws[input]);
  const failure = await failureOn(subject, {
    system: SYSTEM,
    inputs,
    cotangents: { o: fill(1, 'o', shapes.v, quarters) },
  });
  const diagnosis = await diagnose(subject, failure, { memory });
  expect(diagnosis.causes.map(({ names }) => names)).toEqual([[name]]);
});

it('a case without an answer is left out', async () => {
  const wrong = blind(find('own-token-missing'), DOUBLE);
  const subject: Implementation = {
    ...wrong,
    run(c) {
      if (c.cuSeqlens) throw new Error('no packed sequences today');
      return wrong.run(c);
    },
  };
  const { c } = probeCases(SYSTEM, subject)[0];
  const diagnosis = await diagnose(subject, await failureOn(subject, c), { memory });
  expect(diagnosis.causes[0].names).toEqual(['own-token-missing']);
  expect(diagnosis.unanswered.map(({ reason }) => reason)).toContain('no packed sequences today');
});

/** Somebody's kernel with no state and no gradients: lambda is that of the key, and its decay counts. */
const twoBugs: Implementation = {
  name: 'kernel',
  abilities: little,
  precision: DOUBLE,
  run(c) {
    const { B, T, H, K, V, L, scale, inputs } = checkCase('kernel', c);
    const { q, k, v, g, lambda } = inputs as Record<InputName, Float64Array>;
    const o = new Float64Array(B * T * H * V);
    const at = (b: number, t: number, h: number): number => (b * T + t) * H + h;
    for (let b = 0; b < B; b++) {
      for (let h = 0; h < H; h++) {
        for (let t = 0; t < T; t++) {
          let decay = 0;
          for (let s = t; s >= 0; s--) {
            decay += g[at(b, s, h)];
            let score = 0;
            for (let i = 0; i < K; i++) score += q[at(b, t, h) * K + i] * k[at(b, s, h) * K + i];
            const weight = scale * Math.exp(decay) * lambda[at(b, s, h) * L + (32 - Math.clz32(t ^ s))];
            for (let j = 0; j < V; j++) o[at(b, t, h) * V + j] += weight * score * v[at(b, s, h) * V + j];
          }
        }
      }
    }
    return { o: tensor(o, [B, T, H, V]), position: new Array(B).fill(T) };
  },
};
