/** Wrong levels, wrong level scales, wrong triangle. */

import type { Head } from '../../reference/head.ts';
import { bitLength, type Levels } from '../../reference/levels.ts';
import { masked } from '../../reference/masked.ts';
import { type Change, channelDecay, decaying, delta, logLinear, summedDecay } from './change.ts';
import { mutant, withHead } from './mutant.ts';
import { decayOver, levelOf, rightWeight, scaleAt } from './product.ts';

const SYSTEM = 'log-linear-mamba2';

/** The head with another level map. */
const withLevel =
  (level: (x: Head, t: number, s: number) => number) =>
  (x: Head): Head => {
    const levels: Levels = { ...x.levels, level: (t, s) => Math.min(level(x, t, s), x.L - 1) };
    return withHead(x, { levels });
  };

/** Another level map for what the outputs read alone: states are merged, kept and handed out as they should be. */
function readAt(level: (x: Head, t: number, s: number) => number): Change {
  const see = withLevel(level);
  return {
    on: logLinear,
    head: see,
    output(x, out) {
      out.state.set(masked.forward(x).state);
    },
    gradients(x, grads, dOut) {
      const [o, state] = [new Float64Array(dOut.o.length), new Float64Array(dOut.state.length)];
      const [read, kept] = [
        masked.backward(see(x), { o: dOut.o, state }),
        masked.backward(x, { o, state: dOut.state }),
      ];
      for (const key of ['q', 'k', 'w', 'g', 'beta', 'lambda', 'state'] as const)
        grads[key].set(read[key].map((value, i) => value + kept[key][i]));
    },
  };
}

/** One level too high, the own token aside; one too low; one too high for every token. */
const tooHigh = (x: Head, t: number, s: number): number => (s === t ? 0 : x.levels.level(t, s) + 1);
const tooLow = (x: Head, t: number, s: number): number => Math.max(x.levels.level(t, s) - 1, 0);
const allTooHigh = (x: Head, t: number, s: number): number => x.levels.level(t, s) + 1;

/** The other position of its pair, in an earlier pair of the same block of four. */
const swapped = (t: number, s: number): number => (s === t || s >> 2 !== t >> 2 || (s ^ 1) > t ? s : s ^ 1);

export const levels = [
  mutant(
    'level-off-by-one',
    SYSTEM,
    'one-hot-values-read-the-mask',
    'Every bucket but the own token is read one level too high.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: level(t,s) is the bit length of t xor s, without a 1 added',
    { on: logLinear, head: withLevel(tooHigh) },
  ),
  mutant(
    'level-one-too-low',
    SYSTEM,
    'one-hot-values-read-the-mask',
    'Every bucket is read one level too low, the nearest one at the level of the own token.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: level(t,s) is the bit length of t xor s, and 0 for s = t alone',
    { on: logLinear, head: withLevel(tooLow) },
  ),
  mutant(
    'level-one-too-high-for-all',
    SYSTEM,
    'one-hot-values-read-the-mask',
    'Every level is one too high, that of the own token too; past the last it is the last.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: level(t,t) = 0, and level(t,s) is the bit length of t xor s',
    { on: logLinear, head: withLevel(allTooHigh) },
  ),
  mutant(
    'level-off-by-one-in-the-read',
    SYSTEM,
    'split-through-state',
    'States are at their levels, and outputs read every bucket but the own token one level too high.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: lambda and S have the same l',
    readAt(tooHigh),
  ),
  mutant(
    'level-one-too-low-in-the-read',
    SYSTEM,
    'forward-equals-recurrent',
    'States are at their levels, and outputs read every bucket one level too low.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: lambda and S have the same l',
    readAt(tooLow),
  ),
  mutant(
    'level-one-too-high-for-all-in-the-read',
    SYSTEM,
    'forward-equals-chunked',
    'States are at their levels, and outputs read every level one too high, the own token too.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: lambda and S have the same l',
    readAt(allTooHigh),
  ),
  mutant(
    'level-from-floating-logarithm',
    SYSTEM,
    'forward-equals-recurrent',
    'The level is 1 + floor(log(t xor s) / log 2) in float32, which is 13 for 2^13.',
    'level(t,s) = bit length of (t xor s), in integers (clz), never floor(log2) in floating point',
    {
      on: logLinear,
      head: withLevel((_x, t, s) =>
        t === s ? 0 : 1 + Math.floor(Math.fround(Math.fround(Math.log(t ^ s)) / Math.fround(Math.LN2))),
      ),
    },
  ),
  mutant(
    'level-by-distance',
    SYSTEM,
    'one-level-reads-its-bucket',
    'The level is the bit length of t - s instead of t xor s.',
    'level(t,s) = bit length of (t xor s), not of t - s',
    { on: logLinear, head: withLevel((_x, t, s) => bitLength(t - s)) },
  ),
  mutant(
    'level-by-distance-in-the-read',
    SYSTEM,
    'one-level-reads-its-bucket',
    'States are at their levels, and outputs take the bit length of t - s for the level, instead of that of t xor s.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: level(t,s) is the bit length of t xor s, not of t - s',
    readAt((_x, t, s) => bitLength(t - s)),
  ),
  mutant(
    'level-inside-chunk-only',
    SYSTEM,
    'forward-equals-masked',
    'Between chunks the level counts chunks and forgets to add log2 C.',
    'chunked form, reading between chunks: the level there is log2(C) + the bit length of (n xor m)',
    {
      on: logLinear,
      head: withLevel((x, t, s) => {
        const [n, m] = [Math.floor(t / x.chunkSize), Math.floor(s / x.chunkSize)];
        return n === m ? x.levels.level(t, s) : bitLength(n ^ m);
      }),
    },
  ),
  mutant(
    'sub-chunks-reversed',
    SYSTEM,
    'one-hot-values-read-the-mask',
    'Blocks of two inside a block of four are visited in reversed order.',
    'intra-chunk product: entry (t,s) belongs to key s and to level(t,s) of that same s',
    {
      head: withLevel((x, t, s) => x.levels.level(t, (s ^ 2) <= t && (s ^ t) < 4 && s >> 1 !== t >> 1 ? s ^ 2 : s)),
      weight: (x, t, s) => (s > t ? 0 : rightWeight(x, t, swapped(t, s))),
      decay: (_x, g, t, s) => decayOver(g, swapped(t, s) + 1, t),
      on: (system) => logLinear(system) && (summedDecay(system) || !decaying(system)),
    },
  ),
  mutant(
    'level-table-too-short',
    SYSTEM,
    'forward-equals-recurrent',
    'The level table ends at 6 levels; farther buckets are read at the last one.',
    'lambda[t, level(t,s)]: levels go up to bit length(T - 1), and the table or loop over them has to as well',
    { on: logLinear, head: withLevel((x, t, s) => Math.min(x.levels.level(t, s), 5)) },
  ),
  mutant(
    'lambda-of-the-key',
    SYSTEM,
    'forward-equals-masked',
    'The level scale of position s is used instead of that of t.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: lambda is that of the query t, not of the key s',
    {
      weight: (x, t, s) => (s > t ? 0 : x.scale * scaleAt(x, s, levelOf(x, t, s))),
      on: logLinear,
    },
  ),
  mutant(
    'lambda-levels-reversed',
    SYSTEM,
    'forward-equals-definition',
    'Level scales are stored from the coarsest to the finest.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: index 0 along L is the own token, the finest level',
    {
      on: logLinear,
      head: (x) => withHead(x, { lambda: x.lambda.map((_, i) => x.lambda[i - (i % x.L) + (x.L - 1 - (i % x.L))]) }),
    },
  ),
  mutant(
    'lambda-twice',
    SYSTEM,
    'linear-in-lambda',
    'Level scales are applied twice: lambda squared.',
    'M[t,s] = lambda[t, level(t,s)] D[t,s]: lambda once',
    {
      on: logLinear,
      head: (x) => withHead(x, { lambda: x.lambda.map((each) => each * each) }),
      gradients: (x, { lambda }) => void lambda.set(lambda.map((d, i) => 2 * x.lambda[i] * d)),
    },
  ),
  mutant(
    'lambda-missing',
    SYSTEM,
    'forward-equals-definition',
    'Level scales are not used: every level is read with 1.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: each level has its scale',
    {
      on: logLinear,
      head: (x) => withHead(x, { lambda: x.lambda.map(() => 1) }),
      gradients: (_x, { lambda }) => void lambda.fill(0),
    },
  ),
  mutant(
    'own-token-without-lambda',
    SYSTEM,
    'linear-in-lambda',
    'The own token is read with scale 1 instead of lambda at level 0.',
    'the diagonal, M[t,t] = lambda[t,0]: the own token is scaled too',
    {
      weight: (x, t, s) => (s === t ? x.scale : rightWeight(x, t, s)),
      on: logLinear,
    },
  ),
  mutant(
    'strictly-causal',
    SYSTEM,
    'prefix',
    'The own token is left out (s < t).',
    'the mask s <= t at the last row of a call: the diagonal belongs to it',
    {
      // a mask that depends on T as well, as a kernel's that masks whole rows of its last tile
      weight: (x, t, s) => (s === t && t === x.T - 1 ? 0 : rightWeight(x, t, s)),
    },
  ),
  mutant(
    'own-token-missing',
    SYSTEM,
    'forward-equals-chunked',
    'The diagonal is masked too (s < t).',
    'the mask is s <= t, not s < t; in the recurrence: insert (step 3) before read (step 4)',
    {
      weight: (x, t, s) => (s === t ? 0 : rightWeight(x, t, s)),
    },
  ),
  mutant(
    'one-position-of-the-future',
    SYSTEM,
    'causal-forward',
    'The mask is s <= t + 1.',
    'the mask is s <= t: P[t,t+1] = 0 exactly',
    {
      weight: (x, t, s) => (s === t + 1 ? x.scale / 2 : rightWeight(x, t, s)),
    },
  ),
  mutant(
    'mask-one-token-wide',
    SYSTEM,
    'causal-forward',
    'The mask is s <= t + 1, and the entry above the diagonal has the level and the decay that the formulas give there.',
    'the mask is s <= t: P[t,t+1] = 0 exactly',
    {
      weight: (x, t, s) => (s === t + 1 ? x.scale * scaleAt(x, t, levelOf(x, t, s)) : rightWeight(x, t, s)),
      decay: (_x, g, t, s) => (s > t ? Math.exp(g.length > 0 ? -g[s] : 0) : decayOver(g, s + 1, t)),
      on: (system) => (summedDecay(system) || !decaying(system)) && !delta(system) && !channelDecay(system),
    },
  ),
  mutant(
    'masked-zero-times-later-values',
    SYSTEM,
    'causal-forward-nonfinite',
    'Entries above the diagonal are multiplied by 0 instead of left out: 0 times NaN is NaN.',
    'o = P v with P[t,s] = 0 exactly above the diagonal: select, do not multiply by 0',
    {
      output(x, out) {
        for (let t = 0; t < x.T; t++) {
          for (let s = t + 1; s < x.T; s++) for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += 0 * x.w[s * x.V + j];
        }
      },
    },
  ),
  mutant(
    'reads-empty-level',
    SYSTEM,
    'unread-level-scales',
    'A level that is empty at t is read as if it held the own token.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: only levels whose bit of t is set (and level 0) hold something',
    {
      weight: (x, t, s) => {
        const own = s === t && x.position + t > 0 && ((x.position + t) & 1) === 0 ? scaleAt(x, t, 1) : 0;
        return rightWeight(x, t, s) + own * x.scale;
      },
      on: logLinear,
    },
  ),
];
