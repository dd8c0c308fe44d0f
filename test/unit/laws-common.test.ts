import { describe, expect, it } from 'vitest';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import {
  asFarAsGiven,
  boundsFor,
  compareAnswerBits,
  compareAnswers,
  inOwnChunks,
  precisionAs,
  runAs,
  same,
  sum,
  tensorsOf,
  times,
} from '../../properties/laws/common.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { goodCase, withCotangents } from './good-case.ts';

const [masked, , chunked] = builtIn;
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

describe('lists of whole numbers', () => {
  it.each([
    [[1, 2], [1, 2], [], 0, 1, 1],
    [[], [], [], 0, nan, nan],
    [[1, 3, 5], [1, 2, 5], [1], inf, 3, 2],
    [[1], [1, 2], [1], inf, nan, 2],
    [[1, 2], [1], [0], inf, 1, 1],
    [[], [4], [0], inf, nan, 4],
  ])('%j for %j', (actual, expected, index, ratio, is, wanted) => {
    expect(same('position', actual, expected)).toEqual({
      name: 'position',
      index,
      ratio,
      bound: 0,
      actual: is,
      expected: wanted,
    });
  });
});

it('sums and multiples of bounds', () => {
  expect(sum(Float64Array.of(1, 2), Float64Array.of(3, inf))).toEqual(Float64Array.of(4, inf));
  expect(times(-2, Float64Array.of(3, inf))).toEqual(Float64Array.of(6, inf));
  expect(times(0, Float64Array.of(3, inf))).toEqual(Float64Array.of(0, 0));
});

describe('whole answers', () => {
  const c = withCotangents(goodCase('gla'));
  const answer = compute(c);
  const bounds = boundsOf(c);
  const names = ['o', 'finalState', 'gradients.q', 'gradients.k', 'gradients.v', 'gradients.g'];

  it('tensors by name', () => {
    expect([...tensorsOf(answer).keys()]).toEqual(names);
    expect([...tensorsOf({ o: answer.o }).keys()]).toEqual(['o']);
  });

  it('what is missing is named, and is no match', () => {
    const { o, position } = answer;
    for (const compared of [
      compareAnswers({ o, position }, answer, bounds),
      compareAnswerBits({ o, position }, answer),
    ]) {
      expect(compared.slice(1, 6)).toEqual(
        names.slice(1).map((name) => ({
          name: `${name}: missing, or of another shape`,
          index: [],
          actual: nan,
          expected: nan,
          bound: 0,
          ratio: inf,
        })),
      );
      expect(compared[0]).toMatchObject({ name: 'o', ratio: 0 });
    }
    expect(compareAnswers(answer, answer, bounds).map(({ name, ratio }) => [name, ratio])).toEqual(
      [...names, 'position'].map((name) => [name, 0]),
    );
    expect(compareAnswers(answer, { o, position }, bounds)).toHaveLength(2);
  });
});

describe('what a subject can do', () => {
  const named = findPrecision('bfloat16') as Precision;
  const narrow: Implementation = {
    ...masked,
    precision: named,
    abilities: { ...masked.abilities, systems: ['gla'], state: false },
    chunkSize: 16,
    run: (c) => ({ ...(masked.run(c) as Answer), position: [99] }),
  };
  const [own, other] = [goodCase('gla'), goodCase('linear')];

  it('chunks: those of the case where it heeds them, else its own', () => {
    expect(inOwnChunks(chunked, { ...own, chunkSize: 4 })).toEqual({ ...own, chunkSize: 4 });
    expect(inOwnChunks(narrow, { ...own, chunkSize: 4 })).toEqual({ ...own, chunkSize: 16 });
    const long = goodCase('log-linear-gla', { T: 32, L: 6 }, { chunkSize: 2 });
    expect(boundsFor(chunked, long).o).toEqual(boundsOf(long).o);
    expect(boundsFor(narrow, long).o).toEqual(boundsOf({ ...long, chunkSize: 16 }, named).o);
  });

  it('systems: its own answers in its own precision, else the reference in float64', async () => {
    expect([precisionAs(narrow, own), precisionAs(narrow, other)]).toEqual([named, DOUBLE]);
    expect((await runAs(narrow, own)).position).toEqual([99]);
    const { finalState, ...rest } = compute(other);
    expect(await runAs(narrow, other)).toEqual(rest);
    const stateful = { ...narrow, abilities: { ...narrow.abilities, state: true } };
    expect(await runAs(stateful, other)).toEqual({ ...rest, finalState });
    expect(asFarAsGiven(masked, rest)).toStrictEqual(rest);
  });
});
