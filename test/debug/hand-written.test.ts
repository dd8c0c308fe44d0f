/** What is told of memory in another order, of states that are left, and of gradients that somebody wrote wrongly by hand. */
import { describe, expect, it } from 'vitest';
import { probe } from '../../debug/probe/probe.ts';
import type { Probed } from '../../debug/probe/probed.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { inPrecision } from '../mutants/in-precision.ts';
import { correctKernel } from '../mutants/trial.ts';
import { failureBy, makeCase, mutantNamed, type Wanted } from './failing.ts';

const precisions = ['float64', 'float32'].map((name) => findPrecision(name) as Precision);

async function probed(name: string, wanted: Wanted, precision: Precision): Promise<Probed> {
  const mutant = mutantNamed(name);
  const subject = inPrecision(mutant, precision, correctKernel(precision, mutant));
  return probe(subject, await failureBy(subject, makeCase(mutant.system, { T: 11, ...wanted }, precision)));
}

const wide: Wanted = { T: 10, H: 4, G: 2, K: 3, V: 2 };

/** Mutant, case, and what is to be said of it. */
const forwards: [mutant: string, wanted: Wanted, words: string][] = [
  ['heads-before-tokens', wide, 'memory is taken for [B,H,T,·], heads before tokens, in every input and in o'],
  ['values-interleaved', wide, 'o holds what is right where v is taken for [B,T,V,H]'],
  ['outputs-interleaved', wide, 'o holds what is right where o is stored as [B,T,V,H]'],
  ['keys-interleaved', wide, 'o holds what is right where q and k are taken for [B,T,K,G]'],
  ['value-halves-interleaved', {}, 'the halves of the value channels are interleaved in o'],
  ['values-reversed-in-a-chunk', {}, 'the values of each chunk are read in reversed order (C = 4)'],
  ['outputs-reversed-in-a-chunk', {}, 'the outputs of each chunk are stored in reversed order (C = 4)'],
  ['values-reversed-in-a-chunk', { T: 16, cuSeqlens: [0, 5, 9, 16] }, 'the values of each chunk are read in reversed'],
  ['query-and-key-swapped', {}, 'o holds what is right with q and k exchanged'],
  ['state-of-the-head-before', { B: 2 }, 'the state that the head before it left, and from row to row too'],
  ['state-of-the-row-before', { B: 2 }, 'each head goes on with the state that the row before it left'],
  ['state-of-the-head-before-in-its-row', { B: 2 }, 'each head goes on with the state that the head before it left'],
  ['outputs-divided-by-their-weights', {}, 'outputs are divided by the sum of their weights, as softmax does'],
  ['outputs-divided-by-one-or-more', {}, 'the sum of their weights, where that is more than 1 in size'],
  ['softmax-of-the-scores', {}, 'softmax is taken of the scores'],
  ['scale-of-the-key-size-by-default', {}, 'where no scale is given it is taken to be 1 / sqrt(K)'],
  [
    'scale-on-the-final-state',
    { scale: 0.75 },
    'in the final state is wrong: everywhere; it holds 0.75 times the right value',
  ],
  ['level-one-too-low-in-the-read', {}, 'in the final state is right: levels are wrong in the read alone'],
  ['lambda-missing', {}, 'level scales are not used: all that a query may read is read whatever they are'],
  ['decay-of-the-query-undone', {}, 'D[t,s] has exp(g_{s+1} + … + g_{t-1}), and D[t,t] exp(-g_t)'],
];

const through: Wanted = { finalCotangent: true };

/** Mutant, case, of which gradient, and what it holds. */
const gradients: [mutant: string, wanted: Wanted, name: string, words: string][] = [
  ['dv-untransposed', through, 'v', 'P dO: P is not transposed'],
  ['dk-untransposed', through, 'k', 'scale dA q: dA is not transposed'],
  ['dq-transposed', through, 'q', 'scale dA^T k: dA is transposed'],
  ['dq-and-dk-swapped', {}, 'k', 'what is right for q: the gradients of q and k are exchanged'],
  ['dk-of-the-last-head', { H: 4, G: 2 }, 'k', 'what comes from the last head of each group alone'],
  ['dk-of-the-last-chunk', through, 'k', 'what comes from the queries of the last chunk alone (C = 4)'],
  ['dk-of-its-own-chunk', { ...through, position: [3] }, 'k', 'what comes from the queries of its own chunk alone'],
  ['dq-with-levels-reversed', {}, 'q', 'what is right with the levels of lambda in reversed order'],
  ['dk-with-lambda-of-the-key', through, 'k', 'with the level scales of the key (s) in place of those of the query'],
  ['dv-with-lambda-of-the-key', { B: 2 }, 'v', 'with the level scales of the key (s) in place of those of the query'],
  ['dlambda-of-the-key', {}, 'lambda', 'the right sums stored at the key'],
  ['dg-summed-forwards', {}, 'g', 'the sum over positions that runs from the first one on'],
  ['dg-summed-inside-chunks', {}, 'g', 'the sum over positions ends with each chunk (C = 4)'],
  ['dk-and-dg-without-scale', { H: 1, scale: 0.5 }, 'g', 'what follows from its own dq and dk, which are wrong'],
  ['dscores-without-decay', through, 'k', 'what is right without any decay'],
  ['dbeta-without-the-value', {}, 'beta', 'what comes through the erase alone: <dw, v> is missing'],
  ['doutput-ignored', through, 'k', 'what comes through the final state alone: the cotangent of o is not used'],
];

describe.each(precisions)('in $name', (precision) => {
  it.each(forwards)('%s, case %j: %s', async (name, wanted, words) => {
    const { sentences } = await probed(name, wanted, precision);
    expect(sentences.join('\n')).toContain(words);
  });

  it.each(gradients)('%s, case %j: the gradient of %s holds %s', async (mutant, wanted, name, words) => {
    const { gradients: found } = await probed(mutant, { ...wanted, gradients: true }, precision);
    expect(found.find((each) => each.name === name)?.sentence).toContain(words);
  });

  it('every gradient is 0 where the cotangent of o is not used', async () => {
    const { sentences } = await probed('doutput-ignored', { gradients: true }, precision);
    expect(sentences).toContain('every gradient is 0: the cotangent of o is not used');
  });

  it('of one token, the lengths at which it is wrong', async () => {
    const { sentences } = await probed('rows-past-the-end-are-read', { T: 1 }, precision);
    expect(sentences).toContain(
      'the last position is wrong where T is 1, 5, 9, and right at all other lengths from 1 to 9',
    );
  });

  it('states are not called right where nothing is read at another level', async () => {
    const { sentences } = await probed('partial-chunk-dropped', { T: 10 }, precision);
    expect(sentences.join('\n')).not.toContain('in the read alone');
  });
});
