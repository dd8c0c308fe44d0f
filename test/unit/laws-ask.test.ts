/** What laws ask of a subject, what they draw beside the case, and how far apart they let answers be. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unravel } from '../../properties/compare.ts';
import { inputNames, mapTensor, sizesOf, withInputs } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation, Law, Verdict } from '../../properties/law.ts';
import { findLaw, laws } from '../../properties/laws/all.ts';
import { bfloat16, type Precision } from '../../properties/precision.ts';
import { boundsOf, UNIT_ROUNDOFF, underflowOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { type System, systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const [masked] = builtIn;
const lawOf = (name: string): Law => findLaw(name) as Law;

/** The law on a draw of our own, and the cases that it asked about; `change` sees each answer. */
async function ask(
  name: string,
  draw: object & { c: Case },
  change: (answer: Answer, call: number, c: Case) => Answer = (answer) => answer,
  precision: Precision = masked.precision,
): Promise<Verdict & { asked: Case[] }> {
  const asked: Case[] = [];
  const subject: Implementation = {
    ...masked,
    precision,
    run: (c) => change(masked.run(c) as Answer, asked.push(c) - 1, c),
  };
  return { ...(await lawOf(name).check(subject, draw)), asked };
}

/** The tensor with `by` added at one flat place. */
const moved = (value: Tensor, at: number, by: number): DenseTensor => {
  let i = 0;
  return mapTensor(value, (entry) => (i++ === at ? entry + by : entry));
};
const numbers = (value: Tensor | undefined): number[] => [...toDense(value as Tensor)];

it.each([
  ['chunk-size-invariance', 'other'],
  ['batch-permutation', 'by'],
  ['head-permutation', 'by'],
  ['prefix', 'cut'],
  ['views-equal-copies', 'kinds'],
  ['causal-forward', 'seed t'],
  ['causal-forward-nonfinite', 'seed t'],
  ['causal-backward', 't'],
  ['isolated-packed-sequences', 'i seed'],
  ['isolated-packed-sequences-nonfinite', 'i seed'],
  ['isolated-packed-sequences-backward', 'i'],
  ['isolated-batch-rows', 'i seed'],
  ['isolated-batch-rows-backward', 'i'],
  ['isolated-heads', 'i seed'],
  ['isolated-heads-backward', 'i'],
  ['split-through-state', 'at'],
  ['split-through-state-backward', 'at'],
  ['linear-in-v', 'a b seed'],
  ['linear-in-q', 'a b seed'],
  ['linear-in-lambda', 'a b seed'],
  ['power-of-two-scales-bitwise', 'exponent'],
  ['scale-multiplies-the-output', 'scale'],
  ['orthonormal-keys-recall', 'seed'],
  ['one-level-reads-its-bucket', 'l t'],
  ['one-hot-values-read-the-mask', 'all l'],
  ['softmax-ignores-a-common-key', 'seed'],
  ['reset-forgets', 'at seed'],
  ['unread-level-scales', 'extra seed'],
  ['finite-in-finite-out', 'heavy'],
  ['finite-differences', 'seed single'],
  ['adjoint-identity', 'seed single'],
])('%s draws beside the case: %s, each in several values', (name, wanted) => {
  const law = lawOf(name);
  const system = systems.find((each) => law.appliesTo(each)) as System;
  const drawn = fc.sample(law.draw(system, masked), { seed: 3, numRuns: 20 }) as unknown as Record<string, unknown>[];
  const extra = Object.keys(drawn[0]).filter((key) => key !== 'c');
  expect(extra.sort().join(' ')).toBe(wanted);
  for (const key of extra) expect(new Set(drawn.map((each) => each[key])).size, key).toBeGreaterThan(1);
});

it.each([
  ['prefix', 1],
  ['causal-forward', 2],
  ['causal-forward-nonfinite', 2],
  ['causal-backward', 2],
  ['step-by-step', 1],
  ['states-alive', 1],
  ['orthonormal-keys-recall', 1],
  ['one-level-reads-its-bucket', 1],
  ['one-hot-values-read-the-mask', 1],
  ['delta-rule-is-a-triangular-solve', 1],
  ['reset-forgets', 2],
  ['unread-level-scales', 1],
  ['split-through-state', 0],
])('%s is about cases of at least so many positions: %i', (name, least) => {
  const law = lawOf(name);
  const system = systems.find((each) => law.appliesTo(each)) as System;
  const drawn = fc.sample(law.draw(system, masked), { seed: 3, numRuns: 150 });
  expect(Math.min(...drawn.map(({ c }) => sizesOf(c).T))).toBe(least);
});

it('laws that draw nothing beside the case are not in that list', () => {
  const bare = laws.filter((law) => {
    const system = systems.find((each) => law.appliesTo(each)) as System;
    const [drawn] = fc.sample(law.draw(system, masked), { seed: 3, numRuns: 1 });
    return Object.keys(drawn).length === 1;
  });
  expect(bare).toHaveLength(laws.length - 31);
});

describe('equivalence', () => {
  const sizes = { B: 3, T: 4, H: 6, G: 3, L: 3 };
  const c = goodCase('log-linear-kimi-delta', sizes);

  it('rows and groups come in reversed order, turned by what is drawn', async () => {
    expect((await ask('batch-permutation', { c, by: 0 } as never)).note).toBe('rows in order 2,1,0');
    expect((await ask('batch-permutation', { c, by: 1 } as never)).note).toBe('rows in order 0,2,1');
    expect((await ask('head-permutation', { c, by: 0 } as never)).note).toBe('groups in order 2,1,0');
    expect((await ask('head-permutation', { c, by: 2 } as never)).note).toBe('groups in order 1,0,2');
  });

  it('a prefix may be nothing, or all, and may differ by two bounds', async () => {
    const { o: bound } = boundsOf(c);
    for (const cut of [0, 3, 4, 7]) {
      const length = cut % 5;
      const { note, asked } = await ask('prefix', { c, cut } as never);
      expect(note).toBe(`the first ${length} of 4 positions`);
      expect(asked.map((each) => sizesOf(each).T)).toEqual([4, length]);
    }
    // the last entry of row 2: in the prefix the last entry of row 1's first two positions would be another one
    const at = ((2 * 4 + 1) * 6 + 5) * 2 + 1;
    const inPrefix = ((2 * 2 + 1) * 6 + 5) * 2 + 1;
    for (const [factor, holds] of [
      [1.9, true],
      [2.1, false],
    ] as const) {
      const verdict = await ask('prefix', { c, cut: 2 } as never, (answer, call) =>
        call === 1 ? { ...answer, o: moved(answer.o, inPrefix, factor * bound[at]) } : answer,
      );
      expect(verdict.holds).toBe(holds);
      expect(verdict.worst).toMatchObject({ index: [2, 1, 5, 1], bound: 2 * bound[at] });
    }
  });

  it('views: other strides, the same entries, and nothing else that could be read', async () => {
    const whole = withCotangents(goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: 3 }), sizes);
    const kinds = [0, 1, 2, 3, 4, 5, 0, 1, 2];
    const { asked, holds } = await ask('views-equal-copies', { c: whole, kinds } as never);
    expect(holds).toBe(true);
    const [copy, view] = asked.map(({ inputs, cotangents }) => Object.values({ ...inputs, ...cotangents }) as Tensor[]);
    expect(view).toHaveLength(9);
    const ascending = (list: number[]): boolean => list.every((each, i) => i === 0 || each > list[i - 1]);
    view.forEach((value, i) => {
      expect(numbers(value)).toEqual(numbers(copy[i]));
      const stride = [...value.stride];
      const size = Math.abs(stride.reduce((sum, each, axis) => sum + each * (value.shape[axis] - 1), 0));
      const positive = stride.map(Math.abs);
      if (kinds[i] % 3 === 0) expect([ascending(positive), stride[0]]).toEqual([true, 1]);
      else expect([ascending(positive.toReversed()), positive.at(-1)]).toEqual([true, kinds[i] % 3 === 1 ? 2 : 1]);
      expect(stride.every((each) => each > 0)).toBe(kinds[i] % 3 !== 2);
      expect(value.offset).toBe(kinds[i] % 3 === 2 ? 2 + size : 2);
      // what lies around and between is not a number
      const memory = [...(value.data as Float64Array)];
      expect(memory.filter((entry) => !Number.isNaN(entry))).toHaveLength(value.size);
    });
  });

  it('views: a kind for each tensor is drawn', () => {
    const law = lawOf('views-equal-copies');
    const drawn = fc.sample(law.draw(systems[0], masked), { seed: 3, numRuns: 20 }) as unknown as { kinds: number[] }[];
    for (const { kinds } of drawn) expect([kinds.length, kinds.every((kind) => kind < 3)]).toEqual([9, true]);
    expect(new Set(drawn.flatMap(({ kinds }) => kinds))).toEqual(new Set([0, 1, 2]));
  });

  it('views: memory before the first entry is not to be written to either', async () => {
    const draw = { c, kinds: Array(9).fill(1) } as never;
    const { holds, worst } = await ask('views-equal-copies', draw, (answer, call, at) => {
      if (call === 1) (at.inputs.k as Tensor).data[0] = 7;
      return answer;
    });
    expect([holds, worst?.name, worst?.actual]).toEqual([false, 'memory of k', 7]);
  });

  it.each(['q', 'initialState', 'finalState'])('views: memory of %s that is written to', async (name) => {
    const whole = withCotangents(goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: 3 }), sizes);
    let [was, place] = [0, -1];
    const { holds, worst } = await ask(
      'views-equal-copies',
      { c: whole, kinds: Array(9).fill(2) } as never,
      (answer, call, at) => {
        if (call === 1) {
          const { data } = ({ ...at.inputs, ...at.cotangents } as Record<string, Tensor>)[name];
          place = (data as Float64Array).findIndex((entry) => !Number.isNaN(entry));
          was = data[place] as number;
          data[place] = 7;
        }
        return answer;
      },
    );
    expect(place).toBeGreaterThanOrEqual(0);
    expect([holds, worst?.name, worst?.actual, worst?.expected]).toEqual([false, `memory of ${name}`, 7, was]);
  });

  it('between answers to one case there is one to another case of its sizes, and then none', async () => {
    const { asked } = await ask('same-answer-twice', { c });
    expect([asked.length, asked[0], asked[2], asked[3]]).toEqual([4, c, c, c]);
    const other = mapTensor(c.inputs.v as Tensor, (value) => 1 - value / 2);
    expect(asked[1]).toEqual({ ...c, inputs: { ...c.inputs, v: other } });
  });
});

describe('state', () => {
  const sizes = { B: 2, T: 4, H: 2, L: 3, stateLevels: 3 };
  const c = goodCase('log-linear-kimi-delta', sizes);

  it('splits may be before the first position and after the last, and have the bounds of a sequence that was split', async () => {
    const narrow: Precision = { ...masked.precision, state: bfloat16 };
    expect(boundsOf(c, narrow, [2]).o).not.toEqual(boundsOf(c, narrow).o);
    for (const at of [0, 2, 4]) {
      for (const name of ['split-through-state', 'split-through-state-backward']) {
        const backward = name.endsWith('backward');
        const draw = { c: backward ? withCotangents(c, sizes) : c, at };
        const place = 11;
        const change = (answer: Answer, call: number): Answer => {
          if (call !== (backward ? 3 : 2)) return answer;
          if (!backward) return { ...answer, o: moved(answer.o, place, 1) };
          return { ...answer, gradients: { ...answer.gradients, q: moved(answer.gradients?.q as Tensor, place, 1) } };
        };
        // a state that is kept between chunks is rounded once more where the sequence is split
        const verdict = await ask(name, draw as never, change, narrow);
        expect(verdict.note).toBe(`split after ${at} of 4 positions`);
        const { o, gradients } = boundsOf(draw.c, narrow, [at]);
        expect(verdict.worst?.bound).toBe(2 * (backward ? (gradients.q as Float64Array) : o)[place]);
      }
    }
  });

  it('a split without a cotangent of the final state is judged as one whose cotangent is 0', async () => {
    const { cotangents } = withCotangents(c, sizes);
    const draw = { c: { ...c, cotangents: { o: cotangents?.o as Tensor } }, at: 2 };
    const verdict = await ask('split-through-state-backward', draw as never, (answer, call) =>
      call === 3
        ? { ...answer, gradients: { ...answer.gradients, k: moved(answer.gradients?.k as Tensor, 5, 1) } }
        : answer,
    );
    const zero = mapTensor(cotangents?.finalState as Tensor, () => 0);
    const judged = { ...draw.c, cotangents: { ...draw.c.cotangents, finalState: zero } };
    const { gradients } = boundsOf(judged, masked.precision, [2]);
    expect(verdict.worst?.bound).toBe(2 * (gradients.k as Float64Array)[5]);
  });

  it('levels that hold anything: of values that cannot cancel', async () => {
    const { asked } = await ask('states-alive', {
      c: goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: undefined }),
    });
    const values = (name: InputName): number[] => [...new Set(numbers(asked[0].inputs[name]))];
    expect((['k', 'v', 'g', 'beta'] as const).map(values)).toEqual([[1 / 3], [1], [0], [0.5]]);
  });

  it('one number is enough for a level to hold something, and one is too much for another', async () => {
    const alone = goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: undefined });
    // of four positions the last is alone at level 0, the third at 1 and the first two at 2; L = 4 has one level more
    const spare = withInputs(alone, { lambda: tensor(new Float64Array(2 * 4 * 2 * 4).fill(1), [2, 4, 2, 4]) });
    const only = (keep: (l: number, i: number, j: number) => boolean) =>
      ask('states-alive', { c: spare }, (answer) => ({
        ...answer,
        finalState: mapTensor(answer.finalState as Tensor, (_, [, , l, i, j]) => (keep(l, i, j) ? 1 : 0)),
      }));
    expect((await only((l, i, j) => l < 3 && i === 1 && j === 0)).holds).toBe(true);
    expect((await only((l, i, j) => (i === 1 && j === 0) || l < 3)).holds).toBe(false);
    const inLast = await ask('states-alive', { c: spare }, (answer) => ({
      ...answer,
      finalState: mapTensor(answer.finalState as Tensor, (value, [b, h]) => (b === 1 && h === 1 ? 0 : value)),
    }));
    expect(inLast.holds).toBe(false);
    expect((await only((l) => l < 2)).worst).toMatchObject({ name: 'levels that hold anything', index: [2] });
  });
});

describe('gradients', () => {
  const sizes = { B: 1, T: 3, H: 2, G: 1, K: 2, V: 2, L: 3 };
  const c = withCotangents(goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: 2 }), sizes);
  const spoil =
    (name: InputName, at: number) =>
    (answer: Answer, call: number): Answer =>
      call > 0
        ? answer
        : {
            ...answer,
            gradients: { ...answer.gradients, [name]: moved(answer.gradients?.[name] as Tensor, at, 2 ** -9) },
          };
  const LAWS = ['finite-differences', 'adjoint-identity'];

  it.each(LAWS)('%s: along one element it is that element that is seen', async (law) => {
    const seed = 100;
    for (const name of inputNames(c)) {
      const value = c.inputs[name] as Tensor;
      const at = seed % value.size;
      const draw = { c, seed, single: true } as never;
      const { holds, worst, note } = await ask(law, draw, spoil(name, at));
      expect([holds, worst?.name, worst?.index]).toEqual([false, `gradients.${name}`, unravel(at, [...value.shape])]);
      expect(note).toMatch(/^along one element/);
      const gradient = masked.run(c) as Answer;
      expect(worst?.actual).toBeCloseTo(toDense(gradient.gradients?.[name] as Tensor)[at] + 2 ** -9, 12);
      expect((await ask(law, draw, spoil(name, (at + 1) % value.size))).holds).toBe(true);
    }
  });

  it.each(LAWS)('%s: along a direction every element is seen, and none that has no neighbours', async (law) => {
    const g = moved(c.inputs.g as Tensor, 5, Number.NEGATIVE_INFINITY);
    const draw = { c: withInputs(c, { g }), seed: 100, single: false } as never;
    for (const name of ['q', 'lambda'] as const) {
      const { holds, worst, note } = await ask(law, draw, spoil(name, 1));
      expect([holds, worst?.name, worst?.index]).toEqual([false, `<gradients.${name}, direction>`, []]);
      expect(note).toMatch(/^along a random direction/);
    }
    expect((await ask(law, draw, spoil('g', 4))).holds).toBe(false);
    expect((await ask(law, draw, spoil('g', 5))).holds).toBe(true);
  });

  it.each(LAWS)('%s: where there are no elements there is none to name', async (law) => {
    const none = withCotangents(goodCase('gla', { T: 0 }), { T: 0 });
    const { holds, worst } = await ask(law, { c: none, seed: 3, single: true } as never);
    expect([holds, worst?.name, worst?.index]).toEqual([true, '<gradients.q, direction>', []]);
  });

  it('limits: of a quotient four times its estimated error and one bound, of a tangent two bounds and what a sum rounds', async () => {
    for (const name of inputNames(c)) {
      const at = 100 % (c.inputs[name] as Tensor).size;
      const bound = (boundsOf(c).gradients[name] as Float64Array)[at];
      const draw = { c, seed: 100, single: true } as never;
      const quotient = await ask('finite-differences', draw, spoil(name, at));
      const estimates = [
        ...(quotient.note ?? '').matchAll(/(\w+): order (\d+), step ([^,]+), estimated error ([^;]+)/g),
      ];
      expect(estimates.map(([, input]) => input)).toEqual(inputNames(c));
      const error = Number(estimates.find(([, input]) => input === name)?.[4]);
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(1e-6);
      expect(quotient.worst?.bound).toBe(4 * error + bound);
      const { worst } = await ask('adjoint-identity', draw, spoil(name, at));
      const sizes = Math.abs(worst?.actual as number) + Math.abs(worst?.expected as number);
      expect(worst?.bound).toBe(bound + bound + 2 * UNIT_ROUNDOFF * 12 * sizes);
    }
  });

  it('steps begin at an eighth of the largest number, of a log decay at an eighth, of softmax where its exponents move little', async () => {
    const steps = async (from: Case): Promise<Record<string, number>> => {
      const { asked } = await ask('finite-differences', { c: from, seed: 1, single: true } as never);
      const largestStep = (name: InputName): number =>
        Math.max(
          ...asked.map(({ inputs }) =>
            Math.max(...numbers(inputs[name]).map((value, i) => Math.abs(value - numbers(from.inputs[name])[i]))),
          ),
        );
      return Object.fromEntries(inputNames(from).map((name) => [name, largestStep(name)]));
    };
    const most = (from: Case, name: InputName): number => Math.max(...numbers(from.inputs[name]).map(Math.abs));
    const recurrence = await steps(c);
    for (const name of inputNames(c)) {
      expect(recurrence[name], name).toBeCloseTo(name === 'g' ? 0.125 : 0.125 * most(c, name), 12);
    }
    const flat = withCotangents(goodCase('softmax', sizes), sizes);
    // exponents of long keys move much
    const times16 = (value: Tensor | undefined): DenseTensor => mapTensor(value as Tensor, (entry) => 16 * entry);
    const long = withInputs({ ...flat, scale: -0.5 }, { k: times16(flat.inputs.k), v: times16(flat.inputs.v) });
    const attention = await steps(long);
    expect(attention.v).toBeCloseTo(0.125 * most(long, 'v'), 12);
    expect(attention.q).toBeCloseTo(0.125 / (0.5 * 2 * most(long, 'k')), 12);
    expect(attention.k).toBeCloseTo(0.125 / (0.5 * 2 * most(long, 'q')), 12);
    expect((await steps(flat)).q).toBeCloseTo(Math.min(0.125 * most(flat, 'q'), 0.125 / (2 * most(flat, 'k'))), 12);
    const still = await steps({ ...long, scale: 0 });
    expect(still.q).toBeCloseTo(0.125 * most(long, 'q'), 12);
    const nothing = await steps(withInputs(c, { q: mapTensor(c.inputs.q as Tensor, () => 0) }));
    expect(nothing.q).toBe(0.125 * 2 ** -40);
  });

  it('directions differ from input to input', async () => {
    const { asked } = await ask('finite-differences', { c, seed: 1, single: false } as never);
    const direction = (name: InputName): number[] => {
      const from = numbers(c.inputs[name]);
      const differences = asked.map(({ inputs }) => numbers(inputs[name]).map((value, i) => value - from[i]));
      const first = differences.find((each) => each.some((value) => value !== 0)) as number[];
      return first.map((value) => value / Math.hypot(...first));
    };
    const [q, k] = (['q', 'k'] as const).map(direction);
    expect(q.every((value, i) => Math.abs(value - k[i]) < 1e-6)).toBe(false);
  });

  it('what is infinite where nothing is asked does no harm', async () => {
    const big = mapTensor(c.inputs.v as Tensor, (value, index) => (index[3] === 1 ? 1e308 : value));
    const many = mapTensor(c.inputs.q as Tensor, (value) => 8 * value);
    const draw = { c: withInputs(c, { v: big, q: many }), seed: 2, single: true };
    draw.c.cotangents = { o: mapTensor(c.cotangents?.o as Tensor, (value, index) => (index[3] === 1 ? 0 : value)) };
    expect(boundsOf({ ...draw.c, cotangents: undefined }).o.some((value) => value === Number.POSITIVE_INFINITY)).toBe(
      true,
    );
    expect((await ask('finite-differences', draw as never)).holds).toBe(true);
  });
});

describe('entries of the mask', () => {
  const sizes = { B: 2, T: 4, H: 2, G: 1, K: 3, V: 2, L: 3 };
  const c = goodCase('log-linear-kimi-delta', sizes);

  it('keys and queries of the recall are channels, and each token has its own', async () => {
    const { asked } = await ask('orthonormal-keys-recall', {
      c: goodCase('deltanet', { B: 2, T: 9, G: 2 }),
      seed: 3,
    } as never);
    const [q, k] = (['q', 'k'] as const).map((name) => {
      const rows = numbers(asked[0].inputs[name]);
      expect(asked[0].inputs[name]?.shape).toEqual([2, 9, 2, 4]);
      return Array.from({ length: rows.length / 4 }, (_, i) => rows.slice(4 * i, 4 * i + 4));
    });
    for (const row of [...q, ...k]) expect([...row].sort()).toEqual([0, 0, 0, 1]);
    const places = (rows: number[][]): number[] => rows.map((row) => row.indexOf(1));
    expect(new Set(places(q))).toEqual(new Set([0, 1, 2, 3]));
    expect(new Set(places(k))).toEqual(new Set([0, 1, 2, 3]));
    expect(places(q)).not.toEqual(places(k));
    expect(asked[0]).toMatchObject({ scale: 1 });
    expect(new Set(numbers(asked[0].inputs.beta))).toEqual(new Set([1]));
  });

  it('one level is one that there is', async () => {
    for (const [l, level] of [
      [2, 2],
      [4, 1],
    ]) {
      const read = await ask('one-hot-values-read-the-mask', { c, l, all: false } as never);
      expect(read.note).toBe(`level ${level} alone`);
      const lambda = mapTensor(c.inputs.lambda as Tensor, (value, index) => (index[3] === level ? value : 0));
      expect(numbers(read.asked[0].inputs.lambda)).toEqual(numbers(lambda));
      expect((await ask('one-level-reads-its-bucket', { c, l, t: 6 } as never)).note).toBe(`level ${level} of query 2`);
    }
    const whole = await ask('one-hot-values-read-the-mask', { c, l: 4, all: true } as never);
    expect(numbers(whole.asked[0].inputs.lambda)).toEqual(numbers(c.inputs.lambda));
  });

  it('what is not read is exactly 0, the rest within two bounds', async () => {
    // position 3 reads 3 at level 0, 2 at level 1, 0 and 1 at level 2
    const level = [
      [0, 9, 9, 9],
      [1, 0, 9, 9],
      [2, 2, 0, 9],
      [2, 2, 1, 0],
    ];
    for (const [l, all] of [
      [0, true],
      [1, false],
      [2, false],
    ] as const) {
      for (let at = 0; at < 2 * 4 * 2 * 4; at += 3) {
        const [, t, , s] = unravel(at, [2, 4, 2, 4]);
        const isRead = all ? s <= t : level[t][s] === l;
        const { holds, worst, asked } = await ask('one-hot-values-read-the-mask', { c, l, all } as never, (answer) => ({
          ...answer,
          o: moved(answer.o, at, 2 ** -20),
        }));
        expect(holds).toBe(false);
        expect(worst?.bound, `${at} ${l}`).toBe(isRead ? 2 * boundsOf(asked[0]).o[at] : 0);
      }
    }
  });
});

describe('linearity', () => {
  const sizes = { B: 1, T: 4, H: 2, K: 3, V: 2, L: 3, stateLevels: 2 };
  const given = goodCase('log-linear-kimi-delta', sizes);
  // the first level of the state is empty
  const c = withInputs(given, {
    initialState: mapTensor(given.inputs.initialState as Tensor, (value, index) => (index[2] === 0 ? 0 : value)),
  });

  it.each<[string, InputName[]]>([
    ['linear-in-v', ['v', 'initialState']],
    ['linear-in-q', ['q']],
    ['linear-in-lambda', ['lambda']],
  ])('%s: another case, and a mixture of both', async (law, names) => {
    const { asked, note } = await ask(law, { c, a: -0.5, b: 0.25, seed: 7 } as never);
    expect(note).toBe('-0.5 x + 0.25 y');
    expect(asked).toHaveLength(3);
    for (const name of inputNames(c)) {
      const [x, y, z] = asked.map(({ inputs }) => numbers(inputs[name]));
      expect(x).toEqual(numbers(c.inputs[name]));
      if (!names.includes(name)) expect([y, z]).toEqual([x, x]);
      else {
        expect(y.some((value, i) => value === x[i] && value !== 0)).toBe(false);
        expect(z).toEqual(x.map((value, i) => -0.5 * value + 0.25 * y[i]));
      }
      if (name === 'initialState') expect(y.map((value) => value === 0)).toEqual(x.map((value) => value === 0));
    }
    if (law !== 'linear-in-v') return;
    const [v, state] = (['v', 'initialState'] as const).map((name) => numbers(asked[1].inputs[name]));
    expect(v.slice(0, 4)).not.toEqual(state.slice(-4));
    const alone = await ask(law, { c: withInputs(c, { initialState: undefined }), a: 1, b: 1, seed: 7 } as never);
    expect(alone.asked.map(({ inputs }) => inputs.initialState)).toEqual([undefined, undefined, undefined]);
  });

  it('tokens alone, and the state alone', async () => {
    const { asked } = await ask('linear-in-initial-state', { c });
    const zero = (name: InputName): number[] => numbers(c.inputs[name]).map(() => 0);
    expect(asked.map(({ inputs }) => numbers(inputs.initialState))).toEqual([
      numbers(c.inputs.initialState),
      zero('initialState'),
      numbers(c.inputs.initialState),
    ]);
    expect(asked.map(({ inputs }) => numbers(inputs.v))).toEqual([numbers(c.inputs.v), numbers(c.inputs.v), zero('v')]);
  });

  it.each([-3, 4])('times 2^%i: values and state, and what underflow may cost in either', async (exponent) => {
    const scaled = (name: InputName): number[] => numbers(c.inputs[name]).map((value) => value * 2 ** exponent);
    const spoil = (answer: Answer, call: number): Answer =>
      call === 0 ? answer : { ...answer, finalState: moved(answer.finalState as Tensor, 3, 1) };
    const { asked, note, holds, worst } = await ask('power-of-two-scales-bitwise', { c, exponent } as never, spoil);
    expect(note).toBe(`times 2^${exponent}`);
    expect(asked[0]).toBe(c);
    for (const name of ['v', 'initialState'] as const) expect(numbers(asked[1].inputs[name])).toEqual(scaled(name));
    expect(asked[1].inputs.q).toBe(c.inputs.q);
    const floors = asked.map((each) => underflowOf(each));
    expect(floors[0] === floors[1]).toBe(exponent < 0);
    expect([holds, worst?.name, worst?.bound]).toEqual([false, 'finalState', Math.max(...floors)]);
  });

  it('scale 1, and the one that was drawn', async () => {
    const { asked, note } = await ask('scale-multiplies-the-output', { c: { ...c, scale: 7 }, scale: 0.3 } as never);
    expect(asked).toEqual([
      { ...c, scale: 1 },
      { ...c, scale: 0.3 },
    ]);
    expect(note).toBe('scale 0.3');
  });
});

describe('softmax', () => {
  const c = goodCase('softmax', { B: 2, T: 4, H: 2, G: 2, K: 3, V: 2 });

  it('the same value at every position, another one in each head and channel', async () => {
    const { asked } = await ask('softmax-weights-sum-to-one', { c });
    const wanted = mapTensor(c.inputs.v as Tensor, (_, [, , h, j]) => 1 + h + j);
    expect(numbers(asked[0].inputs.v)).toEqual(numbers(wanted));
  });

  it('keys to which a shift can be added exactly, and one shift for each channel', async () => {
    const k = mapTensor(c.inputs.k as Tensor, (value, [, t, , i]) => (t === 0 ? [2 ** 12, 2 ** 13, 1e300][i] : value));
    const { asked } = await ask('softmax-ignores-a-common-key', { c: withInputs(c, { k }), seed: 5 } as never);
    const [shifted, plain] = asked.map(({ inputs }) => inputs.k as Tensor);
    const shifts = new Set<number>();
    mapTensor(k, (value, index) => {
      const [is, moved] = [plain.get(...index), shifted.get(...index)];
      if (index[1] === 0) expect(is).toBe([2 ** 12, 1, 1][index[3]]);
      else expect([Number.isInteger(is * 128), Math.abs(is - value) <= 2 ** -8]).toEqual([true, true]);
      const [, , group, i] = index;
      expect(moved - is).toBe(shifted.get(0, 1, group, i) - plain.get(0, 1, group, i));
      shifts.add(moved - is);
      return value;
    });
    expect(shifts.size).toBe(6);
  });
});

describe('robustness', () => {
  const sizes = { B: 2, T: 4, H: 2, G: 1, K: 3, V: 2, L: 3 };
  const c = withCotangents(goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: 3 }), sizes);
  const spoil =
    (name: InputName, at: number, by: number) =>
    (answer: Answer, call: number): Answer =>
      call === 1
        ? answer
        : { ...answer, gradients: { ...answer.gradients, [name]: moved(answer.gradients?.[name] as Tensor, at, by) } };

  it.each([0, 1, 2, 3])(
    'a reset: whatever comes before it is changed, and asked about from there on (%i)',
    async (at) => {
      const r = 1 + (at % 3);
      const { holds, note, asked } = await ask('reset-forgets', { c, at, seed: 4 } as never);
      expect([holds, note, asked.length]).toEqual([true, `reset at position ${r} of 4`, 2]);
      const hard = mapTensor(c.inputs.g as Tensor, (value, index) =>
        index[1] === r ? Number.NEGATIVE_INFINITY : value,
      );
      const late = mapTensor(c.cotangents?.o as Tensor, (value, index) => (index[1] < r ? 0 : value));
      for (const each of asked) {
        expect(numbers(each.inputs.g)).toEqual(numbers(hard));
        expect(numbers(each.cotangents?.o).map((value) => value + 0)).toEqual(numbers(late));
        expect(each.cotangents).not.toHaveProperty('finalState');
      }
      const fresh = new Set<number>();
      for (const name of ['q', 'k', 'v'] as const) {
        const after = numbers(asked[1].inputs[name]);
        expect(numbers(asked[0].inputs[name])).toEqual(numbers(c.inputs[name]));
        mapTensor(c.inputs[name] as Tensor, (value, index) => {
          const is = after.shift() as number;
          expect(is === value).toBe(index[1] >= r);
          if (index[1] < r) fresh.add(is);
          return value;
        });
      }
      expect(fresh.size).toBeGreaterThan(0.8 * 2 * r * (3 + 3 + 4));
      expect([...fresh].some((value) => value < 0) && [...fresh].some((value) => value > 0)).toBe(true);
      for (const name of ['beta', 'lambda', 'initialState'] as const) {
        expect(asked[1].inputs[name]).toBe(c.inputs[name]);
      }
    },
  );

  it('a reset: what is forgotten has a gradient of exactly 0, its decays one within their bounds', async () => {
    const draw = { c, at: 1, seed: 4 };
    const { asked } = await ask('reset-forgets', draw as never);
    const { gradients } = boundsOf(asked[0]);
    const after = (name: InputName, t: number): number => (t * numbers(c.inputs[name]).length) / 8;
    for (const name of ['k', 'v'] as const) {
      const last = after(name, 2) - 1;
      const seen = await ask('reset-forgets', draw as never, spoil(name, last, 2 ** -70));
      expect([seen.holds, seen.worst?.name, seen.worst?.bound]).toEqual([false, `gradients.${name}`, 0]);
      expect((await ask('reset-forgets', draw as never, spoil(name, last + 1, 1))).holds).toBe(true);
    }
    const last = after('g', 3) - 1;
    const bound = (gradients.g as Float64Array)[last];
    expect(bound).toBeGreaterThan(0);
    expect((await ask('reset-forgets', draw as never, spoil('g', last, bound / 2))).holds).toBe(true);
    const far = await ask('reset-forgets', draw as never, spoil('g', last, 4 * bound));
    expect([far.holds, far.worst?.name, far.worst?.bound]).toEqual([false, 'gradients.g', bound]);
    expect((await ask('reset-forgets', draw as never, spoil('g', last + 1, 1))).holds).toBe(true);
  });

  it('cases that may overflow are not judged', async () => {
    const huge = withInputs(c, {
      v: mapTensor(c.inputs.v as Tensor, () => 2 ** 1020),
      q: mapTensor(c.inputs.q as Tensor, () => 2 ** 100),
    });
    for (const [law, more] of [
      ['reset-forgets', { at: 0, seed: 1 }],
      ['finite-in-finite-out', { heavy: false }],
    ] as const) {
      expect(await ask(law, { c: huge, ...more } as never)).toEqual({ holds: true, worst: null, asked: [] });
    }
    // only what is changed may overflow, or only what is given
    const early = mapTensor(c.inputs.q as Tensor, (_, index) => (index[1] === 0 ? 2 ** 1023 : 2 ** -1000));
    const draw = { c: withInputs(c, { q: early, initialState: undefined }), at: 0, seed: 1 };
    expect((await ask('reset-forgets', draw as never)).asked).toEqual([]);
  });

  it.each([0, 2])('level scales that are not read: %i more, and others', async (extra) => {
    for (const cuSeqlens of [undefined, [0, 1, 4]]) {
      const row = { ...sizes, B: 1 };
      const flat = withCotangents(goodCase('log-linear-gla', row, cuSeqlens && { cuSeqlens }), {
        ...row,
        n: cuSeqlens ? 2 : 1,
      });
      const { holds, note, asked } = await ask('unread-level-scales', { c: flat, extra, seed: 4 } as never);
      expect([holds, note]).toEqual([true, `${extra} levels more than needed, B 1, H 2`]);
      expect(asked[0]).toBe(flat);
      expect(asked[1].cotangents).toEqual({ o: flat.cotangents?.o });
      const lambda = asked[1].inputs.lambda as Tensor;
      expect(lambda.shape).toEqual([1, 4, 2, 3 + extra]);
      // levels that positions read: 0; 0 1; 0 2; 0 1 2, from the start of each sequence
      const reads = [[0], [0, 1], [0, 2], [0, 1, 2]];
      const others: number[] = [];
      mapTensor(lambda, (value, [b, t, h, l]) => {
        const isRead = reads[cuSeqlens && t > 0 ? t - 1 : t].includes(l);
        if (isRead) expect(value).toBe(flat.inputs.lambda?.get(b, t, h, l));
        else others.push(value);
        if (!isRead && l < 3) expect(value).not.toBe(flat.inputs.lambda?.get(b, t, h, l));
        return value;
      });
      expect(new Set(others).size).toBeGreaterThan(0.8 * others.length);
      expect(Math.max(...others.map(Math.abs))).toBeGreaterThan(1);
      const dead =
        (by: number) =>
        (answer: Answer, call: number): Answer =>
          call === 0
            ? answer
            : {
                ...answer,
                gradients: {
                  lambda: mapTensor(answer.gradients?.lambda as Tensor, (value) => (value === 0 ? by : value)),
                },
              };
      const seen = await ask('unread-level-scales', { c: flat, extra, seed: 4 } as never, dead(2 ** -80));
      expect([seen.holds, seen.worst?.name, seen.worst?.index]).toEqual([false, 'gradients.lambda', [0, 0, 0, 1]]);
      expect((await ask('unread-level-scales', { c: flat, extra, seed: 4 } as never, dead(-0))).holds).toBe(true);
    }
  });

  it('heavy decays: a thousand times as strong, and none that is 0', async () => {
    const none = withInputs(c, { g: moved(c.inputs.g as Tensor, 0, -toDense(c.inputs.g as Tensor)[0]) });
    const { asked } = await ask('finite-in-finite-out', { c: none, heavy: true } as never);
    const wanted = numbers(none.inputs.g).map((value, i) => (i === 0 ? -800 : 1000 * value));
    expect(numbers(asked[0].inputs.g)).toEqual(wanted);
    expect((await ask('finite-in-finite-out', { c, heavy: false } as never)).asked).toEqual([c]);
    const still = goodCase('deltanet', sizes);
    expect((await ask('finite-in-finite-out', { c: still, heavy: true } as never)).asked).toEqual([still]);
  });

  it('what is not finite is named, with its place', async () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { holds, worst } = await ask('finite-in-finite-out', { c, heavy: false } as never, (answer) => ({
        ...answer,
        o: mapTensor(answer.o, (value, [, t, , j]) => (t === 2 && j === 1 ? wrong : value)),
      }));
      expect([holds, worst]).toEqual([
        false,
        expect.objectContaining({ name: 'o', index: [0, 2, 0, 1], actual: wrong, expected: 0 }),
      ]);
    }
  });
});

describe('how far apart answers may be', () => {
  const sizes = { B: 2, T: 4, H: 2, G: 1, K: 3, V: 2, L: 3 };
  const delta = goodCase('log-linear-kimi-delta', { ...sizes, stateLevels: 3 });
  const attention = goodCase('softmax', sizes);
  type Of = (...asked: Case[]) => Float64Array;
  const add = (...parts: Float64Array[]): Float64Array =>
    parts.reduce((sum, part) => sum.map((value, i) => value + part[i]));
  const times = (factor: number, part: Float64Array): Float64Array => part.map((value) => factor * value);
  const o = (c: Case): Float64Array => boundsOf(c).o;
  const state = (c: Case): Float64Array => boundsOf(c).finalState;
  const flatState = (c: Case): Float64Array => {
    const [levels, size] = [state(c), sizes.K * sizes.V];
    return Float64Array.from({ length: levels.length / 3 }, (_, i) => {
      const from = Math.floor(i / size) * 3 * size + (i % size);
      return levels[from] + levels[from + size] + levels[from + 2 * size];
    });
  };
  const unread = (c: Case): Case => withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) });

  it.each<[law: string, draw: object, call: number, tensor: 'o' | 'finalState', bound: Of]>([
    ['forward-within-its-bound', {}, 0, 'o', (c) => o(c)],
    ['forward-equals-masked', {}, 0, 'o', (c) => times(2, o(c))],
    ['forward-equals-masked', {}, 0, 'finalState', (c) => times(2, state(c))],
    ['forward-equals-definition', {}, 0, 'o', (c) => times(2, o(c))],
    ['chunk-size-invariance', { other: 1 }, 0, 'o', (c, other) => add(o(c), o(other))],
    ['batch-permutation', { by: 1 }, 1, 'o', (_, permuted) => times(2, o(permuted))],
    ['head-permutation', { by: 0 }, 1, 'o', (_, permuted) => times(2, o(permuted))],
    ['groups-equal-repeated-heads', {}, 1, 'o', (_, c) => times(2, o(c))],
    ['step-by-step', {}, 0, 'o', (c) => times(2, boundsOf(c, masked.precision, [0, 1, 2, 3]).o)],
    ['no-state-is-a-zero-state', {}, 0, 'finalState', (_, none) => times(2, state(none))],
    [
      'linear-in-v',
      { a: -0.5, b: 0.25, seed: 1 },
      2,
      'o',
      (c, other, mixed) => add(o(mixed), times(1, o(c)), times(0.5, o(other))),
    ],
    ['linear-in-q', { a: 3, b: 0, seed: 1 }, 0, 'o', (c, _, mixed) => add(o(mixed), times(6, o(c)))],
    ['linear-in-initial-state', {}, 0, 'o', (...asked) => add(...asked.map(o))],
    ['linear-in-initial-state', {}, 1, 'finalState', (...asked) => add(...asked.map(state))],
    [
      'scale-multiplies-the-output',
      { scale: -2 },
      1,
      'o',
      (unit, scaled) => add(o(scaled), times(4, o(unit)), o(scaled)),
    ],
    ['scale-multiplies-the-output', { scale: -2 }, 1, 'finalState', (unit) => times(2, state(unit))],
    ['unit-lambda-collapses', {}, 0, 'o', (ones) => times(2, o(ones))],
    ['unit-lambda-collapses', {}, 1, 'finalState', (ones) => times(2, flatState(ones))],
    ['zero-decay-collapses', {}, 0, 'o', (from, to) => add(o(from), o(to))],
    ['zero-beta-writes-nothing', {}, 1, 'finalState', (from, to) => add(state(from), state(to))],
    ['orthonormal-keys-recall', { seed: 5 }, 0, 'o', (written) => o(written)],
    ['one-level-reads-its-bucket', { t: 3, l: 1 }, 0, 'o', (alone) => times(2, o(unread(alone)))],
    ['one-hot-values-read-the-mask', { l: 0, all: true }, 0, 'o', (probe) => times(2, o(probe))],
    ['delta-rule-is-a-triangular-solve', {}, 0, 'o', (c) => times(2, o(c))],
    ['softmax-weights-sum-to-one', {}, 0, 'o', (c) => o(c)],
    ['softmax-ignores-a-common-key', { seed: 1 }, 0, 'o', (...asked) => add(...asked.map(o))],
    ['reset-forgets', { at: 0, seed: 1 }, 1, 'o', (c) => times(0, o(c))],
    ['unread-level-scales', { extra: 1, seed: 1 }, 1, 'o', (c) => times(0, o(c))],
  ])('%s: %o, answer %i, %s', async (law, more, call, name, bound) => {
    const reads = /recall|one-|delta-rule|unread|unit/.test(law);
    const c = law.startsWith('softmax') ? attention : reads ? withInputs(delta, { initialState: undefined }) : delta;
    const right = await ask(law, { c, ...more });
    expect(right.holds).toBe(true);
    const { holds, worst, asked } = await ask(law, { c, ...more }, (answer, at) => {
      const value = answer[name] as Tensor;
      return at === call ? { ...answer, [name]: moved(value, value.size - 1, 1) } : answer;
    });
    expect(holds).toBe(false);
    const limits = bound(...asked);
    const whole = worst?.index.length === 0 ? 0 : (worst?.bound as number);
    expect(whole / (limits.at(-1) || 1)).toBeCloseTo(limits.at(-1) === 0 ? 0 : 1, 12);
  });
});
