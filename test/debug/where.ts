/**
 * What has to be said of each wrong implementation by whoever knows nothing of the dictionary: the cause in the words of its author, which
 * output, which place, which factor. Written from the bug itself. All of `says` have to be met, and none of `not`.
 */
import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import type { Precision } from '../../properties/precision.ts';
import { type Said, saidOf } from './said.ts';

export interface Expectation {
  says: RegExp[];
  not?: RegExp[];
}

const says = (...all: RegExp[]): Expectation => ({ says: all });

/** Levels are wrong where outputs read them, and the states are as they should be. */
const STATES_RIGHT = /in the final state is right: levels are wrong in the read alone/;

/** By the name of the mutant. */
export const expectations: Readonly<Record<string, Expectation>> = {
  'level-off-by-one': says(/one level too high|true level 1 are read at level 2/),
  // of a base other than 2, where the rule is one of base 2; or at the power of two itself
  'level-from-floating-logarithm': says(
    /hierarchy is weak of base 2|true level 14 are read at level 13|level 14 is right/,
  ),
  'level-by-distance': says(/level is the bit length of t - s \(the distance\)/),
  'level-inside-chunk-only': says(/between chunks the level counts chunks, and log2 C is not added/),
  'sub-chunks-reversed': {
    says: [/pairs of true level 2 are read at/, /pairs of true level 1 are read at/],
    // outside of blocks of four nothing is exchanged
    not: [/pairs of true level [3-9] are read at/],
  },
  'level-table-too-short': says(/levels past 5 are read at level 5: the table of levels ends there/),
  'lambda-of-the-key': says(/level scales are those of position s \(the key\) instead of t/),
  'lambda-levels-reversed': says(/levels are stored from the coarsest to the finest/),
  'own-token-without-lambda': says(/the own token \(level 0\) is read whatever the level scales are/),
  'strictly-causal': says(
    /own token \(level 0\) is read not at all \(1 of|not read at all/,
    /1 key of a query|\blast\b/,
  ),
  'own-token-missing': says(/own token \(level 0\) is read not at all(?! \()/),
  'one-position-of-the-future': says(/query 0 reads key 1, which is after it/),
  'masked-zero-times-later-values': says(/a NaN in v at position \d+ reaches o at position \d+/),
  'reads-empty-level': says(/own token \(level 0\) is read at several levels/),
  'decay-of-the-key-included': says(/D\[t,s\] has exp\(g_s \+ … \+ g_t\)/),
  'decay-of-the-query-excluded': says(/D\[t,s\] has exp\(g_\{s\+1\} \+ … \+ g_\{t-1\}\)/),
  'decay-missing-between-chunks': says(/whole chunks between key and query do not decay/),
  'decay-dropped-at-chunk-start': says(/decay of the first token of a chunk is missing when a state crosses into it/),
  'decay-from-prefix-differences': says(/after a reset .*Infinity - Infinity/),
  'decay-from-long-prefix-sums': says(/sums of log decays lose digits|short segments lose digits/),
  'decay-from-both-sides': says(
    /the query carries exp\(c_t\) and the key exp\(-c_s\)|0 is multiplied by exp\(Infinity\)/,
  ),
  'decay-base-two': says(/exp2 is taken of a log decay in natural logarithms/),
  'decay-clamped': says(/log decays are clamped at -5/),
  'decay-never-one': says(/every position decays by exp\(-0\.25\)/),
  'decay-of-first-channel': says(/key channel [1-9]\d* decays as channel 0 does/),
  'decay-channels-weighted': says(/key channel 0 decays by the mean of its own g and that of channel 1/),
  'retention-decays-by-position': says(/the decay grows with the position: g \(t \+ 1\) \/ T/),
  'merge-after-transition': says(/the first decay after the key is left out/),
  'merge-keeps-lower-levels': {
    says: [/pairs of true level \d+ are read at several levels/],
    not: [/own token \(level 0\)/],
  },
  'log-decays-in-float32': says(/log decays are rounded to float32/),
  'beta-missing-on-the-value': says(/beta is missing on the value: v is written in place of beta v/),
  'beta-twice-on-the-value': says(/beta is multiplied to the value twice/),
  'beta-missing-in-the-erase': says(/what is erased is not scaled by beta/),
  'erase-before-decay': says(/the state is erased first and decayed after/),
  'erase-without-decay': says(/what is erased has not decayed/),
  'keys-normalised-again': says(/keys are (divided by their length|normalised) inside the kernel/),
  'solve-cut-after-one-term': says(/\(I \+ N\)\^-1 is replaced by I - N/),
  'erase-stops-at-chunk': says(/the first token of a chunk erases nothing of what comes from earlier chunks/),
  'state-undecayed-at-split': says(/comes in with the state is read wrongly.* without the decay of the first token/),
  'position-ignored': says(/positions that are counted from the start of the call|from position 0 on/),
  'position-in-16-bits': says(/16 bits|from position 0 on/, /state|position/),
  'initial-state-ignored': says(/what comes in with the state is read wrongly: .*it holds 0/),
  'final-state-misses-last-token': says(
    /final state is wrong: .*(without what the last token writes|after all tokens but the last)/,
  ),
  'last-token-at-level-one': says(/final state is wrong: .*(last token at level 1 in place of level 0|levels below 2)/),
  'final-state-transposed': says(/finalState.*(K and V exchanged|V stored before K)/),
  'final-state-merged-early': says(/final state is wrong: .*(merge of the next step|one level lower)/),
  'state-levels-never-merge': says(/state stays at the level that it came in with/),
  'empty-call-clears-the-state': says(/elements of finalState are wrong: .*hold 0/),
  'state-buffer-not-cleared': says(/without an initial state the state does not start with 0/),
  'short-state-shifts-levels': says(/levels of the state at the coarse end/),
  'output-buffer-not-cleared': says(/the same case is answered differently the second time/, /with v = 0/),
  'sums-in-any-order': { says: [/the same case is answered differently the second time/], not: [/with v = 0/] },
  'state-saturates': says(/(finalState|handed out wrongly|final state).*clamped at 1/),
  'partial-chunk-dropped': says(/last partial chunk|nothing is read at all/, /hold 0|not read at all/),
  'rows-past-the-end-are-read': says(/\blast (position|key|query|partial chunk)\b/),
  'key-tail-dropped': says(/key channels? (from (16|32|48|64) on|16|32|48|64) (is|are) not read/),
  'value-tile-of-64': says(/value channels? (from 64 on|64|64 and 65) (is|are) 0/),
  'scale-missing': says(/scale \(.*\) is missing/),
  'scale-twice': says(/scale \(.*\) is applied twice/),
  'scale-on-the-state-too': says(/scale multiplies the keys, and so the state/),
  'query-normalised': says(/queries are divided by their length/),
  'values-saturate': says(/o is not linear in v.*something clamps it/),
  'outputs-rounded-absolutely': says(/in fixed point/),
  'group-index-modulo': says(/reads [qk] of group \d+ instead of group \d+/, /h mod G|group/),
  'group-of-the-first-head': says(/reads [qk] of group 0 instead of group \d+/),
  'decay-of-the-first-head': says(/head \d+ decays as head 0 does/),
  'batch-stride-missing': says(/level scales of row \d+ are those of row 0/),
  'batch-rows-leak': says(/o of batch row \d+ at position 0 changes when tokens of row \d+ do/),
  'cu-seqlens-ignored': says(/of another packed sequence|counted along the packed row/),
  'packed-levels-from-global-index': says(/levels are those of positions that are counted along the packed row/),
  'packed-neighbours-leak': says(/query \d+ reads key \d+ of another packed sequence/),
  'packed-neighbours-in-a-tile': says(/a NaN in v of another packed sequence reaches o/),
  'strides-ignored': says(/strides of inputs are ignored/),
  'inputs-overwritten': says(/it writes into its inputs: v/),
  'softmax-scale-missing': says(/scale \(.*\) is missing/),
  'softmax-sum-of-the-tile': says(/divided by a sum that misses the first key/),
  'softmax-without-maximum': says(/exp overflows.*the largest of the row is not subtracted/),
  'softmax-scores-clipped': says(/(keys|scores) are clipped at 1/),
  'outputs-in-float32': says(/elements of o are wrong.*rounded to 24 bits/),
  'outputs-in-four-bits': says(/elements of o are wrong.*to 4 bits/),
  'outputs-in-three-bits': says(/elements of o are wrong.*to 3 bits/),
  'dg-shifted-by-one': says(/gradient of g .*one position earlier/),
  'dg-counts-the-diagonal': says(/gradient of g .*products whose key is the position itself/),
  'dg-on-a-dead-row': says(/gradients\.g are wrong: .*with a reset/),
  'dlambda-of-the-wrong-level': says(/gradient of lambda .*one level higher/),
  'dlambda-of-unread-levels': says(/gradients\.lambda are wrong: .*levels that the query does not read/),
  'dbeta-without-the-solve': says(
    /gradient of beta .*(where nothing is erased|what goes through the erase is missing)/,
  ),
  'dk-without-the-solve': says(/gradient of k .*where nothing is erased/),
  'dstate-missing': says(/gradients\.initialState are wrong: .*hold 0/),
  'dfinal-state-ignored': says(/gradient of \w+ .*without the cotangent of the final state/),
  'dq-without-scale': says(/gradient of q .*times the right value \(scale is missing/),
  'dq-of-the-last-head': says(/gradient of q .*last head of each group alone/),
  'dv-before-its-time': says(/adds to the gradient of v at position \d+, which is after it/),
  'cu-seqlens-ignored-in-backward': says(/gradients?(\.| of )v.*(other sequences|last token of every packed sequence)/),
  'batch-rows-leak-in-backward': says(/gradients?(\.| of )lambda.*the sum over the batch/),
  'heads-leak-in-backward': says(/gradients?(\.| of )g .*the sum over the heads/),
  'gradients-accumulate': says(/gradient of k .*the right value plus (0\.5|1|1\.5|2)$/m),
  'partial-chunk-without-gradient': says(
    /gradients\.k are wrong: .*last partial chunk.*hold 0/,
    /gradients\.v are wrong: .*last partial chunk.*hold 0/,
  ),
  'retention-gradient-averaged': says(/gradient of g .*times the right value .*1 \/ T: a mean in place of a sum/),
  'dk-in-float32': says(/gradient of k .*(to 2[345] bits|24 bits)/),
  'dk-in-four-bits': says(/gradient of k .*([345] bits)/),
  'dbeta-in-float32': says(/gradient of beta .*to 2\d bits/),
  'level-one-too-low': says(/every level is one too low/),
  'level-one-too-high-for-all': says(/every level is one too high/, /own token \(level 0\) is read at level 1/),
  // the levels of the read alone are wrong: what is handed out is right
  'level-off-by-one-in-the-read': says(/every bucket but the own token is read one level too high/, STATES_RIGHT),
  'level-one-too-low-in-the-read': says(/every level is one too low/, STATES_RIGHT),
  'level-one-too-high-for-all-in-the-read': says(/every level is one too high/, STATES_RIGHT),
  'level-by-distance-in-the-read': says(/level is the bit length of t - s \(the distance\)/, STATES_RIGHT),
  'lambda-twice': says(/level scales are multiplied twice/),
  'lambda-missing': says(/level scales are not used: /),
  'mask-one-token-wide': says(
    /query \d+ reads key \d+, which is after it/,
    /pairs that no query may read are read at level/,
  ),
  'decay-of-the-key-included-but-the-first': says(/D\[t,s\] has exp\(g_s \+ … \+ g_t\)/),
  'decay-of-the-query-undone': says(/D\[t,s\] has exp\(g_\{s\+1\} \+ … \+ g_\{t-1\}\), and D\[t,t\] exp\(-g_t\)/),
  'decay-of-the-token-before': says(/D\[t,s\] has exp\(g_s \+ … \+ g_\{t-1\}\)/),
  'decay-of-the-token-after': says(/D\[t,s\] has exp\(g_\{s\+2\} \+ … \+ g_\{t\+1\}\)/),
  'decay-ignored': says(/there is no decay at all/),
  'decay-sign-flipped': says(/decays have the wrong sign: exp\(-g\)/),
  'decay-twice': says(/every log decay counts twice/),
  'insert-before-transition': says(/D\[t,s\] has exp\(g_s \+ … \+ g_t\)/),
  'heads-before-tokens': says(/memory is taken for \[B,H,T,·\]/),
  'values-interleaved': says(/v is taken for \[B,T,V,H\]/),
  'outputs-interleaved': says(/o is stored as \[B,T,V,H\]/),
  'keys-interleaved': says(/q and k are taken for \[B,T,K,G\]/),
  'value-halves-interleaved': says(
    /halves of the value channels are interleaved|value channels 1 and 2 hold what is right for 2 and 1/,
  ),
  'key-half-dropped': says(/second half of the key channels|key channels? (from )?\d+( on)? (is|are) not read/),
  'value-half-missing': says(
    /(o|finalState) are wrong: the second half of the value channels.*hold 0|fault is in the value channels.* are 0/,
  ),
  'values-reversed-in-a-chunk': says(/the values of each chunk are read in reversed order/),
  'outputs-reversed-in-a-chunk': says(/the outputs of each chunk are stored in reversed order/),
  'state-of-the-head-before': says(/goes on with the state that the head before it left/, /from row to row/),
  'state-of-the-row-before': says(/goes on with the state that .*(row|sequence) before it left/),
  'state-of-the-head-before-in-its-row': {
    says: [/goes on with the state that the head before it left/],
    not: [/from row to row/],
  },
  'scale-of-the-key-size': says(/scale \(.*\) is ignored, and 1 \/ sqrt\(K\) used/),
  'scale-of-the-key-size-by-default': says(/no scale is given.*1 \/ sqrt\(K\)/),
  'scale-and-that-of-the-key-size': says(/1 \/ sqrt\(K\) is multiplied to scale/),
  // what is handed out has scale in it
  'scale-on-the-values': says(
    /in the final state is wrong: .*it holds .*scale/,
    /comes in with the state is read wrongly: .*without scale/,
  ),
  'scale-on-the-final-state': says(/in the final state is wrong: .*it holds .*scale/),
  'outputs-divided-by-their-weights': says(/outputs are divided by the sum of their weights, as softmax does/),
  'outputs-divided-by-one-or-more': says(/outputs are divided by the sum of their weights, where that is more than 1/),
  'softmax-of-the-scores': says(/softmax is taken of the scores/),
  'query-and-key-swapped': says(/o holds what is right with q and k exchanged/),
  'outputs-in-bfloat16': says(/elements of o are wrong.*to 8 bits, as bfloat16 has/),
  'outputs-in-float16': says(/elements of o are wrong.*to 11 bits, as float16 has/),
  'final-state-in-bfloat16': says(/elements of finalState are wrong.*to 8 bits, as bfloat16 has/),
  'dq-averaged-over-its-group': says(/gradient of q .*times the right value .*of the heads of a group.* mean/),
  'dq-with-scale-twice': says(/gradient of q .*times the right value \(.*scale is there once more/),
  'dk-without-scale': says(/gradient of k .*times the right value \(.*scale is missing/),
  'dk-with-scale-twice': says(/gradient of k .*times the right value \(.*scale is there once more/),
  'dv-without-scale': says(/gradient of v .*times the right value \(.*scale is missing/),
  'dv-without-lambda': says(/gradient of v .*hold what is right with every level scale 1/),
  'dv-without-decay': says(/gradient of v .*hold what is right without any decay/),
  'dscores-without-lambda': says(
    /gradient of q .*hold what is right with every level scale 1/,
    /gradient of k .*hold what is right with every level scale 1/,
  ),
  'dscores-without-decay': says(
    /gradient of q .*hold what is right without any decay/,
    /gradient of k .*hold what is right without any decay/,
  ),
  'dq-and-dg-without-scale': says(
    /gradient of q .*times the right value \(.*scale is missing/,
    /gradient of g .*follows from its own dq and dk/,
  ),
  'dk-and-dg-without-scale': says(
    /gradient of k .*times the right value \(.*scale is missing/,
    /gradient of g .*follows from its own dq and dk/,
  ),
  'dscores-and-dg-without-lambda': says(
    /gradient of q .*hold what is right with every level scale 1/,
    /gradient of k .*hold what is right with every level scale 1/,
    /gradient of g .*(follows from its own dq and dk|with every level scale 1)/,
  ),
  'dscores-and-dg-without-decay': says(
    /gradient of q .*hold what is right without any decay/,
    /gradient of k .*hold what is right without any decay/,
    /gradient of g .*(follows from its own dq and dk|without any decay)/,
  ),
  'dq-with-levels-reversed': says(/gradient of q .*levels of lambda in reversed order/),
  'dk-with-lambda-of-the-key': says(/gradient of k .*level scales of the key/),
  'dv-with-lambda-of-the-key': says(/gradient of v .*level scales of the key/),
  'dv-untransposed': says(/gradient of v .*(query and position exchanged|not transposed)/),
  'dk-untransposed': says(/gradient of k .*dA is not transposed/),
  'dq-transposed': says(/gradient of q .*dA is transposed/),
  'dq-and-dk-swapped': says(/gradient of q .*hold what is right for k/, /gradient of k .*hold what is right for q/),
  'dk-of-the-last-head': says(/gradient of k .*last head of each group alone/),
  'dk-of-the-last-chunk': says(/gradient of k .*(queries of the last chunk alone|queries in the first chunk.*hold 0)/),
  'dk-of-its-own-chunk': says(
    /gradient of k .*(queries of its own chunk alone|an earlier chunk than the query's.*hold 0)/,
  ),
  'dg-without-the-sum': says(/gradient of g .*a sum over positions is missing/),
  'dg-summed-forwards': says(/gradient of g .*sum over positions that runs from the first one on/),
  'dg-from-exclusive-sums': says(/gradient of g .*one position later/),
  'dg-summed-inside-chunks': says(/gradient of g .*sum over positions ends with each chunk/),
  'dg-negated': says(/gradient of g .*(the right value negated|-1 times the right value)/),
  'dlambda-of-the-key': says(/gradient of lambda .*stored at the key/),
  'dlambda-without-scale': says(/gradient of lambda .*times the right value \(.*scale is missing/),
  'dlambda-without-decay': says(/gradient of lambda .*hold what is right without any decay/),
  'dbeta-without-the-value': says(/gradient of beta .*through the erase alone/),
  'doutput-ignored': says(/cotangent of o is not used/),
  'dstate-without-decay': says(/gradient of initialState .*hold what is right without any decay/),
};

/** Whether a text says what has to be said of a mutant. */
export const isMet = ({ says: all, not = [] }: Expectation, text: string): boolean =>
  all.every((each) => each.test(text)) && !not.some((each) => each.test(text));

export const textOf = ({ where, what }: Said): string => [...where, ...what].join('\n');

/** What came of one mutant. */
export interface Located {
  name: string;
  /** Null where all cases that were asked are right, by the bounds of the precision. */
  isRight: boolean | null;
  text: string;
}

/** All mutants in a precision, blind and without the dictionary. */
export async function locateAll(
  precision: Precision,
  among: readonly Mutant[] = mutants,
  onEach: (name: string) => void = () => {},
): Promise<Located[]> {
  const all: Located[] = [];
  for (const mutant of among) {
    const said = await saidOf(mutant, precision);
    const text = textOf(said);
    all.push({ name: mutant.name, isRight: said.failure && isMet(expectations[mutant.name], text), text });
    onEach(mutant.name);
  }
  return all;
}

/** By mutant, the share of the texts of all others that meet its expectation as well: an expectation that says something has few. */
export const echoesOf = (located: readonly Located[]): Map<string, number> =>
  new Map(
    located.map(({ name }) => {
      const others = located.filter((each) => each.name !== name && each.isRight !== null);
      const met = others.filter(({ text }) => isMet(expectations[name], text)).length;
      return [name, met / Math.max(others.length, 1)];
    }),
  );
