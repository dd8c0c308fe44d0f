import { describe, expect, it } from 'vitest';
import { largeMutants } from '../../debug/dictionary/large.ts';
import { expectedFromFixture, expectedOf } from '../../debug/expected.ts';
import { type Failure, failureOf } from '../../debug/failure.ts';
import type { Located } from '../../debug/localise/localisation.ts';
import { localise } from '../../debug/localise/localise.ts';
import type { FixtureTensor } from '../../fixtures/fixture.ts';
import { builtIn } from '../../properties/implementations.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import { compute } from '../../reference/operator.ts';
import { inPrecision } from '../mutants/in-precision.ts';
import { correctKernel } from '../mutants/trial.ts';
import { failing, failureBy, makeCase, mutantNamed, type Wanted } from './failing.ts';

const located = (failure: Failure, output: string): Located => {
  const found = localise(failure).outputs.find(({ name }) => name === output);
  if (!found) throw new Error(`no ${output}`);
  return found;
};

const packed: Wanted = { T: 16, cuSeqlens: [0, 5, 9, 16] };
const gradients: Wanted = { gradients: true };
/** A reset of head 1 at position 5. */
const reset: Wanted = {
  T: 12,
  change: { g: (value, [, t, h]) => (t === 5 && h === 1 ? Number.NEGATIVE_INFINITY : value) },
};

/** Mutant, case, output, and the set that its wrong elements are. */
const sets: [mutant: string, wanted: Wanted, output: string, words: string][] = [
  ['partial-chunk-dropped', {}, 'o', 'positions 8 to 9, the last partial chunk (C = 4), every head'],
  ['partial-chunk-dropped', { T: 37, C: 8, B: 2 }, 'o', 'positions 32 to 36, the last partial chunk (C = 8)'],
  ['rows-past-the-end-are-read', { T: 9 }, 'o', 'position 8, the last partial chunk (C = 4)'],
  ['partial-chunk-without-gradient', gradients, 'gradients.k', 'positions 8 to 9, the last partial chunk (C = 4)'],
  ['partial-chunk-without-gradient', gradients, 'gradients.v', 'positions 8 to 9, the last partial chunk (C = 4)'],
  ['decay-dropped-at-chunk-start', { T: 21 }, 'o', 'every chunk (C = 4) after the first'],
  ['decay-missing-between-chunks', { T: 21 }, 'o', 'every chunk (C = 4) after the second'],
  ['level-inside-chunk-only', { T: 21 }, 'o', 'positions 4 to 20, every chunk (C = 4) after the first'],
  ['level-table-too-short', { T: 40 }, 'o', 'positions from 32 on, where level 6 begins'],
  ['value-tile-of-64', { T: 6, V: 70 }, 'o', 'value channels from 64 on, a tile of 64, every position, every head'],
  ['group-index-modulo', { H: 4, G: 2 }, 'o', 'heads whose group is not h mod G (G = 2)'],
  ['group-of-the-first-head', { H: 4, G: 2 }, 'o', 'heads that do not read group 0'],
  ['decay-of-the-first-head', { H: 3 }, 'o', 'every head but 0, positions from 1 on'],
  ['decay-of-the-first-head', { H: 3 }, 'finalState', 'every head but 0'],
  ['decay-of-first-channel', {}, 'finalState', 'every key channel but 0'],
  ['batch-stride-missing', { B: 3 }, 'o', 'every batch row but 0'],
  ['batch-rows-leak', { B: 3 }, 'o', 'every batch row but 0, position 0, the first position'],
  ['cu-seqlens-ignored', packed, 'o', 'packed sequences from 1 on'],
  ['packed-neighbours-leak', packed, 'o', 'the first token of every packed sequence after the first (positions 5, 9)'],
  [
    'cu-seqlens-ignored-in-backward',
    { ...packed, ...gradients },
    'gradients.v',
    'the last token of every packed sequence before the last (positions 4, 8)',
  ],
  ['own-token-without-lambda', {}, 'o', 'everywhere'],
  ['strictly-causal', {}, 'o', 'position 9, the last position'],
  ['dv-before-its-time', gradients, 'gradients.v', 'position 9, the last position'],
  ['dlambda-of-unread-levels', { ...gradients, extraLevels: 1 }, 'gradients.lambda', 'levels that the query does not'],
  ['dlambda-of-the-wrong-level', gradients, 'gradients.lambda', 'levels from 1 on'],
  ['last-token-at-level-one', { T: 11 }, 'finalState', 'levels below 2'],
  ['decay-from-prefix-differences', reset, 'o', 'after a token with a reset (g = -Infinity)'],
  ['dg-on-a-dead-row', { ...reset, ...gradients }, 'gradients.g', 'tokens with a reset (g = -Infinity)'],
  ['erase-stops-at-chunk', { T: 21 }, 'o', 'every chunk (C = 4) after the first'],
];

/** Mutant, case, output, and what its wrong elements hold. */
const relations: [mutant: string, wanted: Wanted, output: string, words: string][] = [
  ['partial-chunk-dropped', {}, 'o', '0'],
  ['scale-twice', { scale: 0.5 }, 'o', '0.5 times the right value'],
  ['dg-shifted-by-one', gradients, 'gradients.g', 'what is right one position earlier'],
  ['dlambda-of-the-wrong-level', gradients, 'gradients.lambda', 'what is right one level higher'],
  ['batch-rows-leak-in-backward', { ...gradients, B: 2 }, 'gradients.lambda', 'the sum over the batch'],
  ['heads-leak-in-backward', gradients, 'gradients.g', 'the sum over the heads'],
  ['gradients-accumulate', gradients, 'gradients.k', 'the right value plus 1'],
  ['final-state-transposed', { K: 4 }, 'finalState', 'the right values with K and V exchanged'],
  ['outputs-in-float32', {}, 'o', 'the right values rounded to 24 bits, as float32 has'],
  ['decay-from-prefix-differences', reset, 'o', 'NaN'],
];

describe('which simple set the wrong elements are', () => {
  it.each(sets)('%s, case %j: %s is wrong in %s', async (mutant, wanted, output, words) => {
    const { set, sentence } = located(await failing(mutant, wanted), output);
    expect(set?.words, sentence).toContain(words);
    expect(set?.recall).toBeGreaterThanOrEqual(0.9);
    expect(set?.precision).toBeGreaterThanOrEqual(0.7);
  });

  it.each(relations)('%s, case %j: wrong elements of %s hold %s', async (mutant, wanted, output, words) => {
    expect(located(await failing(mutant, wanted), output).relation).toBe(words);
  });

  it.each([
    'partial-chunk-dropped',
    'value-tile-of-64',
    'group-of-the-first-head',
    'packed-neighbours-leak',
    'level-inside-chunk-only',
  ])('%s in float32', async (name) => {
    const [, wanted, output, words] = sets.find(([mutant]) => mutant === name) as (typeof sets)[number];
    const precision = findPrecision('float32') as Precision;
    const mutant = mutantNamed(name);
    const kernel = inPrecision(mutant, precision, correctKernel(precision, mutant));
    const failure = await failureBy(kernel, makeCase(mutant.system, wanted, precision));
    expect(located(failure, output).set?.words).toContain(words);
  });

  it('names a tile of 128 key channels where gradients beyond it are lost', async () => {
    const { implementation } = largeMutants.find(
      ({ name }) => name === 'channels-past-128',
    ) as (typeof largeMutants)[number];
    const c = makeCase('log-linear-mamba2', { T: 3, H: 1, K: 131, V: 2, gradients: true });
    const failure = await failureBy(implementation, c);
    expect(located(failure, 'gradients.q').set ?? null).toBeNull();
    expect(located(failure, 'gradients.k').set?.words).toContain('key channels from 128 on, a tile of 128');
  });
});

describe('what is said', () => {
  it('is one sentence for each wrong output, with the place of the worst element', async () => {
    const { sentences, outputs } = localise(await failing('partial-chunk-dropped', {}));
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toMatch(
      /^16 of 80 elements of o are wrong: positions 8 to 9, the last partial chunk \(C = 4\), every head; up to 1\.2e14 bounds off, first at position 8; worst: batch row 0, position 9, head 0, value channel 1 is 0, where -0\.\d+ is right; wrong elements hold 0$/,
    );
    const [o] = outputs;
    expect(o.worst?.index).toEqual({ B: 0, T: 9, H: 0, V: 1 });
    expect(o.set?.also).toContain('the last chunk (C = 4)');
    expect(o.profile.chunkEdges).toEqual([0, 4, 8]);
    expect(o.profile.levelBoundaries).toEqual([1, 2, 4, 8]);
    expect(o.profile.byPosition.map((ratio) => ratio > 1)).toEqual([...Array(8).fill(false), true, true]);
    expect(o.profile.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(80);
    expect(o.profile.byLevel.find(({ level }) => level === 4)).toMatchObject({ wrong: 16, total: 16 });
  });

  it('is "nothing is wrong" of a correct form', async () => {
    for (const form of builtIn) {
      const c = makeCase('log-linear-gated-deltanet', { T: 13, gradients: true, B: 2 });
      const { sentences, outputs } = localise(await failureBy(form, c));
      expect(sentences).toEqual(['nothing is wrong']);
      expect(outputs.every(({ set, wrong }) => set === null && wrong === 0)).toBe(true);
    }
  });

  it.each([
    [[47], 'position 5, head 1, value channel 3'],
    [[40, 41, 44, 45], 'position 5, the first half of the value channels'],
    [[8, 31], 'position 1, head 0, value channel 0; and batch row 0, position 3, head 1, value channel 3'],
  ])('names the places %j of a few elements', async (places, words) => {
    const c = makeCase('log-linear-mamba2', { T: 12 });
    const answer = compute(c);
    for (const at of places) answer.o.data[at] += 1;
    const o = located(failureOf(c, DOUBLE, answer, expectedOf(c, DOUBLE)), 'o');
    expect(o.set?.words).toContain(words);
    expect(o.set).toMatchObject({ recall: 1, precision: 1 });
  });

  it('is "no simple set" where errors are scattered', async () => {
    const c = makeCase('log-linear-mamba2', { T: 32 });
    const answer = compute(c);
    // a quarter of the elements, as a fixed shuffle has them
    for (let at = 0; at < answer.o.data.length; at++)
      if ((at * 7919 + ((at * at) % 61)) % 4 === 0) answer.o.data[at] += 1;
    const o = located(failureOf(c, DOUBLE, answer, expectedOf(c, DOUBLE)), 'o');
    expect(o.set).toBeNull();
    expect(o.sentence).toContain('no simple set');
  });

  it('says what is missing, and NaN without bounds', async () => {
    const c = makeCase('log-linear-mamba2', { gradients: true });
    const { gradients: _, ...answer } = compute(c);
    answer.o.data.fill(Number.NaN, 0, 8);
    const { sentences } = localise(failureOf(c, DOUBLE, answer, expectedOf(c, DOUBLE)));
    expect(sentences).toContain('gradients.q is missing');
    expect(sentences.at(-1)).toContain('8 of them no numbers, first at position 0');
  });
});

describe('what is right', () => {
  it('is within its bounds of every form, by truth and by a fixture alike', () => {
    const c = makeCase('log-linear-gla', { gradients: true, state: true });
    const expected = expectedOf(c, DOUBLE);
    expect([...expected.tensors].map(([name, { axes }]) => `${name} ${axes}`)).toEqual([
      'o BTHV',
      'finalState nHLKV',
      'gradients.q BTGK',
      'gradients.k BTGK',
      'gradients.v BTHV',
      'gradients.g BTHK',
      'gradients.lambda BTHL',
      'gradients.initialState nHLKV',
    ]);
    const tensors = [...expected.tensors].flatMap(([name, { shape, data, bound }]): FixtureTensor[] => [
      { name: `expected.${name}`, shape, storage: 'float64', data },
      { name: `bounds.${name}`, shape, storage: 'float64', data: bound },
    ]);
    const header = { name: 'x', probes: '', flags: [], dtype: 'float64', system: c.system };
    expect(expectedFromFixture({ header, tensors })).toEqual(expected);
    const failure = failureOf(c, DOUBLE, compute(c), expected);
    expect(failure.faults).toEqual([]);
    expect(failure.outputs.every(({ ratio }) => ratio.every((each) => each <= 1))).toBe(true);
  });
});
