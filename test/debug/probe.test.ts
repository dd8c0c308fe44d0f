import { describe, expect, it } from 'vitest';
import { compareSteps } from '../../debug/intermediates.ts';
import { probe } from '../../debug/probe/probe.ts';
import type { Probed } from '../../debug/probe/probed.ts';
import { mapTensor } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { INTERMEDIATES, type Intermediates, intermediatesOf } from '../../reference/intermediates.ts';
import { compute } from '../../reference/operator.ts';
import { toDense } from '../../reference/tensor.ts';
import { inPrecision } from '../mutants/in-precision.ts';
import { correctKernel } from '../mutants/trial.ts';
import { failureBy, makeCase, mutantNamed, type Wanted } from './failing.ts';

const probed = async (subject: Implementation, c: Case): Promise<Probed> => probe(subject, await failureBy(subject, c));

async function probedMutant(name: string, wanted: Wanted): Promise<Probed> {
  const { implementation, system } = mutantNamed(name);
  return probed(implementation, makeCase(system, { T: 11, ...wanted }));
}

const packed: Wanted = { T: 16, cuSeqlens: [0, 5, 9, 16] };

/** Mutant, case, and the first thing that is to be said of it. */
const findings: [mutant: string, wanted: Wanted, words: string][] = [
  ['level-by-distance', {}, 'the level is the bit length of t - s (the distance) instead of t xor s'],
  ['level-off-by-one', { extraLevels: 1 }, 'every bucket but the own token is read one level too high'],
  ['level-inside-chunk-only', {}, 'between chunks the level counts chunks, and log2 C is not added (C = 4)'],
  ['level-table-too-short', { T: 40 }, 'levels past 5 are read at level 5: the table of levels ends there'],
  ['lambda-levels-reversed', {}, 'levels are stored from the coarsest to the finest'],
  ['position-ignored', { position: [5] }, 'levels are those of positions that are counted from the start of the call'],
  ['packed-levels-from-global-index', { ...packed, extraLevels: 1 }, 'counted along the packed row'],
  ['cu-seqlens-ignored', packed, 'query 5 reads key 0 of another packed sequence'],
  ['merge-keeps-lower-levels', {}, 'query 2 reads key 0 at levels 1 and 2, where level 2 is right'],
  ['reads-empty-level', {}, 'query 2 reads key 2 at levels 0 and 1, where level 0 is right'],
  ['lambda-of-the-key', {}, 'level scales are those of position s (the key) instead of t'],
  ['batch-stride-missing', { B: 2 }, 'level scales of row 1 are those of row 0'],
  ['own-token-without-lambda', {}, 'the own token (level 0) is read whatever the level scales are'],
  ['own-token-missing', {}, 'the own token (level 0) is read not at all'],
  ['strictly-causal', {}, '1 key of a query is not read at all: P[10,10]'],
  ['one-position-of-the-future', {}, 'query 0 reads key 1, which is after it, and 9 pairs more like it'],
  ['decay-of-the-key-included', {}, "D[t,s] has exp(g_s + … + g_t): the decay of the key's own position is included"],
  ['decay-of-the-query-excluded', {}, "D[t,s] has exp(g_{s+1} + … + g_{t-1}): the decay of the query's position is"],
  ['decay-dropped-at-chunk-start', {}, 'the decay of the first token of a chunk is missing when a state crosses into'],
  ['decay-missing-between-chunks', {}, 'whole chunks between key and query do not decay what passes them (C = 4)'],
  ['merge-after-transition', {}, 'the first decay after the key is left out'],
  ['sub-chunks-reversed', {}, 'D[1,0] has exp(0), where exp(g_1) is right'],
  ['decay-base-two', {}, 'exp2 is taken of a log decay in natural logarithms'],
  ['decay-clamped', {}, 'log decays are clamped at -5'],
  ['decay-never-one', {}, 'every position decays by exp(-0.25) even where g = 0'],
  ['decay-of-the-first-head', {}, 'head 1 decays as head 0 does'],
  ['decay-of-first-channel', {}, 'key channel 1 decays as channel 0 does'],
  ['decay-channels-weighted', {}, 'key channel 0 decays by the mean of its own g and that of channel 1'],
  ['retention-decays-by-position', {}, 'the decay grows with the position: g (t + 1) / T'],
  ['decay-from-prefix-differences', {}, 'a difference of prefix sums is Infinity - Infinity'],
  ['decay-from-both-sides', { T: 21 }, 'as where the query carries exp(c_t) and the key exp(-c_s)'],
  ['decay-from-long-prefix-sums', {}, 'sums of log decays lose digits'],
  ['log-decays-in-float32', {}, 'log decays are rounded to float32'],
  ['scale-twice', { scale: 0.5 }, 'scale (0.5) is applied twice'],
  ['scale-missing', { scale: 0.5 }, 'scale (0.5) is missing'],
  ['query-normalised', {}, 'queries are divided by their length'],
  ['group-index-modulo', { H: 4, G: 2 }, 'head 2 of row 0 reads k of group 0 instead of group 1 (H = 4, G = 2)'],
  ['key-tail-dropped', { K: 20 }, 'key channels from 16 on are not read (K = 20)'],
  ['value-tile-of-64', { T: 6, V: 70 }, 'the fault is in the value channels: value channels from 64 on are 0 (V = 70)'],
  ['outputs-in-float32', {}, 'it rounds to fewer bits than its precision has'],
  ['values-saturate', {}, 'o is not linear in v'],
  ['output-buffer-not-cleared', {}, 'the same case is answered differently the second time'],
  ['inputs-overwritten', {}, 'it writes into its inputs: v'],
  ['batch-rows-leak', { B: 2 }, 'o of batch row 1 at position 0 changes when tokens of row 0 do'],
  ['packed-neighbours-leak', packed, 'query 5 reads key 4 of another packed sequence'],
  ['masked-zero-times-later-values', {}, 'what is masked is multiplied by 0 in place of being left out'],
  ['packed-neighbours-in-a-tile', packed, 'a NaN in v of another packed sequence reaches o at position 5'],
  ['beta-missing-on-the-value', {}, 'beta is missing on the value: v is written in place of beta v'],
  ['beta-twice-on-the-value', {}, 'beta is multiplied to the value twice'],
  ['beta-missing-in-the-erase', {}, 'what is erased is not scaled by beta'],
  ['erase-before-decay', {}, 'the state is erased first and decayed after'],
  ['erase-without-decay', {}, 'what is erased has not decayed: alpha S - beta k k^T S'],
  ['solve-cut-after-one-term', {}, '(I + N)^-1 is replaced by I - N'],
  ['keys-normalised-again', {}, 'keys are divided by their length inside the kernel'],
  ['erase-stops-at-chunk', {}, 'the first token of a chunk erases nothing of what comes from earlier chunks'],
  ['scale-on-the-state-too', { scale: 0.5 }, 'scale multiplies the keys, and so the state and what is erased'],
  ['initial-state-ignored', { state: true }, 'what comes in with the state is read wrongly: everywhere; it holds 0'],
  ['last-token-at-level-one', {}, 'what the tokens leave in the final state is wrong: levels below 2'],
  [
    'partial-chunk-dropped',
    { T: 10 },
    '19 entries of P of row 0, head 0, are wrong: queries 8 to 9, queries in the last',
  ],
];

/** Mutant, which gradient, and what is said of it. */
const gradients: [mutant: string, wanted: Wanted, name: string, words: string][] = [
  ['dg-shifted-by-one', {}, 'g', 'disagrees with its own forward: the backward is at fault'],
  ['dg-shifted-by-one', {}, 'g', 'wrong elements hold what is right one position earlier'],
  ['dq-without-scale', { scale: 0.5 }, 'q', 'wrong elements hold 2 times the right value'],
  ['dlambda-of-the-wrong-level', {}, 'lambda', 'wrong elements hold what is right one level higher'],
  ['dbeta-without-the-solve', {}, 'beta', 'disagrees with its own forward: the backward is at fault'],
  ['partial-chunk-without-gradient', {}, 'v', 'wrong elements hold 0'],
  ['scale-missing', { scale: 0.5 }, 'k', 'agrees with its own forward, which is wrong'],
];

/** What precisions of fewer bits show as well. */
const inFewBits: [precision: string, mutants: string[]][] = [
  [
    'float32',
    [
      'level-by-distance',
      'lambda-of-the-key',
      'own-token-without-lambda',
      'one-position-of-the-future',
      'decay-of-the-key-included',
      'decay-clamped',
      'scale-twice',
      'beta-twice-on-the-value',
      'erase-before-decay',
    ],
  ],
  [
    'bfloat16',
    [
      'level-inside-chunk-only',
      'decay-dropped-at-chunk-start',
      'decay-base-two',
      'decay-clamped',
      'group-index-modulo',
      'beta-twice-on-the-value',
    ],
  ],
];

describe('what an implementation computes in place of the operator', () => {
  it.each(findings)('%s, case %j: %s', async (name, wanted, words) => {
    const { sentences } = await probedMutant(name, wanted);
    expect(sentences.join('\n')).toContain(words);
  });

  it.each(gradients)('%s, case %j: the gradient of %s %s', async (mutant, wanted, name, words) => {
    const { gradients: found } = await probedMutant(mutant, { ...wanted, gradients: true });
    const one = found.find((each) => each.name === name);
    expect(one?.sentence).toContain(words);
    expect(one?.agreesWithOwnForward).toBe(mutant === 'scale-missing');
  });

  describe.each(inFewBits)('in %s', (named, names) => {
    const precision = findPrecision(named) as Precision;
    it.each(names)('%s', async (name) => {
      const [, wanted, words] = findings.find(([each]) => each === name) as (typeof findings)[number];
      const mutant = mutantNamed(name);
      const subject = inPrecision(mutant, precision, correctKernel(precision, mutant));
      const { sentences } = await probed(subject, makeCase(mutant.system, { T: 11, ...wanted }, precision));
      expect(sentences.join('\n')).toContain(words);
    });
  });
});

describe('nothing wrong', () => {
  const systems = [
    'log-linear-mamba2',
    'log-linear-gla',
    'gated-deltanet',
    'log-linear-kimi-delta',
    'retention',
    'softmax',
  ];
  it.each(systems)('%s', async (system) => {
    const forms = builtIn.filter(({ abilities }) => abilities.systems.includes(system));
    // each form answers for some of the systems
    const form = forms[systems.indexOf(system) % forms.length];
    const wanted: Wanted = { T: 11, B: 2, H: 4, G: 2, state: system !== 'softmax', scale: 0.5, gradients: true };
    const { sentences, premises, isReliable } = await probed(form, makeCase(system, wanted));
    expect(sentences).toEqual(['nothing wrong']);
    expect(isReliable && premises.every(({ holds }) => holds)).toBe(true);
  });

  it.each(['float32', 'bfloat16', 'float16'])('by a kernel in %s', async (named) => {
    const precision = findPrecision(named) as Precision;
    for (const name of ['level-by-distance', 'scale-twice', 'erase-before-decay']) {
      const { system } = mutantNamed(name);
      const kernel = correctKernel(precision, mutantNamed(name));
      const { sentences } = await probed(kernel, makeCase(system, { T: 9, scale: 0.5 }, precision));
      expect(sentences).toEqual(['nothing wrong']);
    }
  });

  it('of packed sequences, and of a state that goes on', async () => {
    const [, recurrent, chunked] = builtIn;
    for (const wanted of [{ T: 16, cuSeqlens: [0, 5, 5, 9, 16] }, { position: [13], state: true }, { T: 1 }]) {
      for (const form of [recurrent, chunked]) {
        expect((await probed(form, makeCase('log-linear-mamba2', wanted))).sentences).toEqual(['nothing wrong']);
      }
    }
  });

  it('of a kernel that takes few sizes alone, which is asked for no others', async () => {
    const limits = { V: { multipleOf: 8, max: 16 }, T: { multipleOf: 4 }, B: { min: 2, max: 2 } };
    const asked: number[][] = [];
    const subject: Implementation = {
      ...builtIn[2],
      abilities: { ...builtIn[2].abilities, limits },
      run(c) {
        const [B, T, , V] = (c.inputs.v as { shape: number[] }).shape;
        asked.push([B, T, V]);
        return compute(c);
      },
    };
    const { sentences } = await probed(subject, makeCase('log-linear-mamba2', { B: 2, T: 20, V: 8 }));
    expect(sentences).toEqual(['nothing wrong']);
    expect(asked.every(([B, T, V]) => B === 2 && T % 4 === 0 && V % 8 === 0 && V <= 16)).toBe(true);
  });
});

describe('as data', () => {
  it('P, its wrong pairs, and the map of levels', async () => {
    const { P, levelMap, isReliable, calls } = await probedMutant('level-by-distance', { T: 6 });
    expect(isReliable).toBe(true);
    expect(calls).toBeLessThan(60);
    expect(levelMap?.truth[5]).toEqual([3, 3, 3, 3, 1, 0]);
    expect(levelMap?.actual[5]).toEqual([3, 3, 2, 2, 1, 0]);
    expect(levelMap?.truth[0]).toEqual([0, -1, -1, -1, -1, -1]);
    expect(P?.wrongPairs.every(({ t, s }) => levelMap?.truth[t][s] !== levelMap?.actual[t][s])).toBe(true);
    expect(P?.actual[5][5]).toBeCloseTo(P?.truth[5][5] as number, 12);
    expect(JSON.stringify(levelMap)).toContain('"rule":"the level is the bit length');
  });

  it('says what rests on a premise that fails', async () => {
    const { premises, isReliable, sentences } = await probedMutant('values-saturate', {});
    expect(isReliable).toBe(false);
    expect(premises.find(({ name }) => name === 'linear in v')?.holds).toBe(false);
    expect(sentences).toContain('what follows rests on that, and is a hint only');
  });

  it('says when it got no answer', async () => {
    let asked = 0;
    const subject: Implementation = {
      ...builtIn[1],
      run(c) {
        if (asked++ > 4) throw new Error('out of memory');
        return compute(c);
      },
    };
    const { sentences } = await probed(subject, makeCase('log-linear-mamba2', {}));
    expect(sentences.join()).toContain('out of memory');
  });
});

describe('steps on the way', () => {
  it.each(['log-linear-mamba2', 'log-linear-gated-deltanet', 'gla'])('%s adds up to o', (system) => {
    const c = makeCase(system, { T: 11, state: true, scale: 0.5 });
    const { o, finalState } = compute(c);
    const { levelOutputs, states } = intermediatesOf(c) as Required<Intermediates>;
    mapTensor(o, (value, [b, t, h, j]) => {
      let sum = 0;
      for (let l = 0; l < levelOutputs.shape[3]; l++) sum += levelOutputs.get(b, t, h, l, j);
      expect(sum).toBeCloseTo(value, 12);
      return 0;
    });
    const last = mapTensor(finalState as typeof o, (_, [n, h, l, i, j]) => states.get(n, 10, h, l, i, j));
    toDense(last).forEach((value, at) => {
      expect(value).toBeCloseTo((finalState as typeof o).data[at], 12);
    });
  });

  it('the first wrong one is named, with where', () => {
    const c = makeCase('log-linear-mamba2', { T: 10 });
    const right = intermediatesOf(c) as Required<Intermediates>;
    const answer = compute(c);
    const said = (intermediates: Partial<typeof right>): string =>
      compareSteps(c, DOUBLE, { ...answer, intermediates }).sentences.join();
    expect(said({})).toBe('');
    expect(said(right)).toBe(`${INTERMEDIATES.map(({ name }) => name).join(', ')}: nothing is wrong`);
    const levelOutputs = mapTensor(right.levelOutputs, (value, [, t, , l]) => (t >= 4 && l === 3 ? value + 1 : value));
    expect(said({ ...right, levelOutputs })).toMatch(
      /^the first wrong step is levelOutputs: 48 of 400 elements of levelOutputs are wrong, level 3 alone, some where no error is allowed; first batch row 0, position 4, head 0, level 3, value channel 0: .*; chunkStates, states are right$/,
    );
    const chunkStates = mapTensor(right.chunkStates, (value, [, n]) => (n === 2 ? 0 : value));
    expect(said({ chunkStates, levelOutputs })).toContain('the first wrong step is chunkStates: 24 of 72');
    expect(said({ chunkStates })).toContain('batch row 0, chunk 2');
    expect(said({ states: right.chunkStates })).toContain('states has shape');
  });
});
