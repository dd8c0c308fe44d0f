/** Wrong decays. */
import type { Head } from '../../reference/head.ts';
import type { System } from '../../reference/systems/registry.ts';
import { channelDecay, decaying, delta, headDecay, logLinear, summedDecay, tokenDecay } from './change.ts';
import { multiply, mutant, withHead } from './mutant.ts';
import { decayOver } from './product.ts';
import { stepped } from './steps.ts';

const SYSTEM = 'log-linear-mamba2';

const chunkOf = (x: Head, t: number): number => Math.floor((x.position + t) / x.chunkSize);

/** Systems in which something becomes of a state from token to token. */
const changing = (system: System): boolean => decaying(system) || delta(system);

/** Log decays of the tokens so many places on, and 0 where there is none. */
function moved(x: Head, by: number): Float64Array {
  const width = x.T > 0 ? x.g.length / x.T : 1;
  return x.g.map((_, i) => x.g[i + by * width] ?? 0);
}

export const decay = [
  mutant(
    'decay-of-the-key-included',
    SYSTEM,
    'forward-equals-masked',
    'The decay of position s itself is included: exp(g_s + … + g_t).',
    'D[t,s] = exp(g_{s+1} + ... + g_t): the sum starts after s',
    {
      decay: (_x, g, t, s) => decayOver(g, s, t),
      firstDecay: true,
      on: summedDecay,
    },
  ),
  mutant(
    'decay-of-the-key-included-but-the-first',
    SYSTEM,
    'forward-equals-masked',
    'The decay of position s itself is included, exp(g_s + … + g_t), but that of the first token is taken to be 1.',
    'D[t,s] = exp(g_{s+1} + ... + g_t): the sum starts after s',
    {
      decay: (_x, g, t, s) => decayOver(g, s, t),
      on: summedDecay,
    },
  ),
  mutant(
    'decay-of-the-query-excluded',
    SYSTEM,
    'step-by-step',
    'The decay of position t is left out: exp(g_{s+1} + … + g_{t-1}).',
    'D[t,s] = exp(g_{s+1} + ... + g_t): the sum ends with t',
    {
      decay: (_x, g, t, s) => decayOver(g, s + 1, t - 1),
      on: summedDecay,
    },
  ),
  mutant(
    'decay-of-the-query-undone',
    SYSTEM,
    'forward-equals-recurrent',
    'The query has the sum before its own decay and the key the sum with its own: exp(g_{s+1} + … + g_{t-1}), and exp(-g_t) on the diagonal.',
    'D[t,s] = exp(c_t - c_s) with c_t = g_0 + ... + g_t: both sums include their own position, and D[t,t] = 1',
    {
      decay: (_x, g, t, s) => (s === t ? Math.exp(-g[t]) : decayOver(g, s + 1, t - 1)),
      firstDecay: true,
      on: summedDecay,
    },
  ),
  mutant(
    'decay-of-the-token-before',
    SYSTEM,
    'forward-equals-definition',
    'The decay of the token before is applied at each token, as by sums that exclude their own position: exp(g_s + … + g_{t-1}).',
    'D[t,s] = exp(g_{s+1} + ... + g_t): sums of g include their own position',
    { on: tokenDecay, firstDecay: true, forwardOnly: true, head: (x) => withHead(x, { g: moved(x, -1) }) },
  ),
  mutant(
    'decay-of-the-token-after',
    SYSTEM,
    'forward-equals-definition',
    'The decay of the token after is applied at each token: exp(g_{s+2} + … + g_{t+1}).',
    'alpha_t = exp(g_t): g is read at t, not at t + 1',
    { on: tokenDecay, forwardOnly: true, head: (x) => withHead(x, { g: moved(x, 1) }) },
  ),
  mutant(
    'decay-ignored',
    SYSTEM,
    'forward-equals-masked',
    'g is not used: nothing decays.',
    'step 2: F_t decays every state by alpha_t = exp(g_t)',
    {
      on: decaying,
      head: (x) => withHead(x, { g: x.g.map(() => 0) }),
      gradients: (_x, { g }) => multiply(g, 0),
    },
  ),
  mutant(
    'decay-sign-flipped',
    SYSTEM,
    'forward-equals-masked',
    'exp(-g) is taken: states grow where they should decay.',
    'alpha_t = exp(g_t), with g <= 0 as it is given',
    {
      on: decaying,
      head: (x) => withHead(x, { g: x.g.map((g) => -g) }),
      gradients: (_x, { g }) => multiply(g, -1),
    },
  ),
  mutant(
    'decay-twice',
    SYSTEM,
    'forward-equals-definition',
    'Every decay is applied twice: exp(2 g).',
    'alpha_t = exp(g_t), once for each token between s and t',
    {
      on: decaying,
      head: (x) => withHead(x, { g: x.g.map((g) => 2 * g) }),
      gradients: (_x, { g }) => multiply(g, 2),
    },
  ),
  mutant(
    'decay-missing-between-chunks',
    SYSTEM,
    'chunk-size-invariance',
    'A state passes whole chunks without their decay.',
    'chunked form, steps 4 and 5: a bucket state carried over whole chunks decays by their sums of g',
    {
      decay: (x, g, t, s) => {
        let sum = 0;
        for (let r = s + 1; r <= t; r++)
          if (chunkOf(x, r) === chunkOf(x, s) || chunkOf(x, r) === chunkOf(x, t)) sum += g[r];
        return Math.exp(sum);
      },
      on: summedDecay,
    },
  ),
  mutant(
    'decay-dropped-at-chunk-start',
    SYSTEM,
    'forward-equals-recurrent',
    'The decay of the first token of a chunk is dropped when a state crosses into it.',
    'chunked form, step 5: the state at the start of a chunk is read with the local cumulative g, its first token included',
    {
      decay: (x, g, t, s) => {
        let sum = 0;
        for (let r = s + 1; r <= t; r++) if (r === 0 || chunkOf(x, r) === chunkOf(x, r - 1)) sum += g[r];
        return Math.exp(sum);
      },
      on: summedDecay,
    },
  ),
  mutant(
    'decay-from-prefix-differences',
    SYSTEM,
    'reset-forgets',
    'D is exp(c_t - c_s) from prefix sums: Infinity - Infinity is NaN after a reset.',
    'D[t,s] = exp(g_{s+1} + ... + g_t): sum over the segment, not c_t - c_s, which is Infinity - Infinity after a reset',
    {
      decay: (_x, g, t, s) => {
        const prefix = (end: number): number => g.subarray(0, end + 1).reduce((sum, g) => sum + g, 0);
        return s === t ? 1 : Math.exp(prefix(t) - prefix(s));
      },
      firstDecay: true,
      on: summedDecay,
    },
  ),
  mutant(
    'decay-from-long-prefix-sums',
    SYSTEM,
    'forward-equals-recurrent',
    'D is exp(c_t - c_s) from prefix sums in float32 over the whole sequence: what is left of two large numbers.',
    'D[t,s] = exp(g_{s+1} + ... + g_t): sum over the segment or within a chunk, not c_t - c_s over the whole sequence',
    {
      decay: (_x, g, t, s) => {
        // resets are looked after, as a kernel that knows of them would
        if (g.subarray(s + 1, t + 1).includes(Number.NEGATIVE_INFINITY)) return 0;
        const prefix = (end: number): number =>
          g.subarray(0, end + 1).reduce((sum, g) => (Number.isFinite(g) ? Math.fround(sum + g) : sum), 0);
        return s === t ? 1 : Math.exp(prefix(t) - prefix(s));
      },
      firstDecay: true,
      on: summedDecay,
    },
  ),
  mutant(
    'decay-from-both-sides',
    SYSTEM,
    'finite-in-finite-out',
    'The query carries exp(c_t) and the key exp(-c_s): the exp of a large positive number.',
    'D[t,s]: exp of the difference, not exp(c_t) on the query times exp(-c_s) on the key',
    {
      decay: (_x, g, t, s) => {
        const prefix = (end: number): number => g.subarray(0, end + 1).reduce((sum, g) => sum + Math.max(g, -1e5), 0);
        return Math.exp(prefix(t)) * Math.exp(-prefix(s));
      },
      firstDecay: true,
      on: summedDecay,
    },
  ),
  mutant(
    'decay-base-two',
    SYSTEM,
    'forward-equals-definition',
    'exp2 is used for a log decay in natural logarithms.',
    'alpha_t = exp(g_t): with exp2, g has to be multiplied by log2(e) first',
    { on: decaying, head: (x) => withHead(x, { g: x.g.map((g) => g * Math.LN2) }) },
  ),
  mutant(
    'decay-clamped',
    SYSTEM,
    'forward-equals-chunked',
    'Log decays are clamped at -5, for stability.',
    'alpha_t = exp(g_t): g as it is, without a lower limit',
    { on: decaying, head: (x) => withHead(x, { g: x.g.map((g) => Math.max(g, -5)) }) },
  ),
  mutant(
    'decay-never-one',
    'mamba2',
    'zero-decay-collapses',
    'A quarter is taken off every log decay, as a floor under its parameter does: even g = 0 decays.',
    'alpha_t = exp(g_t): nothing is added to g, and g = 0 decays nothing',
    { on: decaying, head: (x) => withHead(x, { g: x.g.map((g) => g - 0.25) }) },
  ),
  mutant(
    'decay-of-first-channel',
    'log-linear-gla',
    'forward-equals-masked',
    'Every key channel decays as the first one does.',
    'diagonal decay, A[t,s] = sum_i q_ti k_si exp(sum g_ri): each key channel i has its own g',
    { on: channelDecay, head: (x) => withHead(x, { g: x.g.map((_, i) => x.g[i - (i % x.K)]) }) },
  ),
  mutant(
    'decay-channels-weighted',
    'gla',
    'equal-channels-collapse',
    'The decay of a channel is read half a channel off: the mean of it and its neighbour, with 0 past the last.',
    'diagonal decay, A[t,s] = sum_i q_ti k_si exp(sum g_ri): the channel index of g is that of k',
    {
      on: channelDecay,
      head: (x) => withHead(x, { g: x.g.map((g, i) => (i % x.K === x.K - 1 ? g / 2 : (g + x.g[i + 1]) / 2)) }),
    },
  ),
  mutant(
    'retention-decays-by-position',
    'retention',
    'constant-decay-collapses',
    'The fixed decay grows with the position: exp(g (t+1) / T).',
    'retention: alpha_h = exp(g_h) at every position, the same for all t',
    { on: headDecay, head: (x) => withHead(x, { g: x.g.map((g, t) => (g * (t + 1)) / x.T) }) },
  ),
  mutant(
    'merge-after-transition',
    SYSTEM,
    'forward-equals-masked',
    'The transition is applied to levels >= 1 and the merge comes after it, so the newest token misses a decay.',
    'order of steps 1 and 2 of the recurrence: merge first, then F_t on every level >= 1, the merged token included',
    { on: (system) => logLinear(system) && changing(system), output: stepped({ transitionBeforeMerge: true }) },
  ),
  mutant(
    'insert-before-transition',
    SYSTEM,
    'forward-equals-recurrent',
    'The token is inserted before the transition, and decays (or is erased) with the rest.',
    'order of steps 2 and 3 of the recurrence: F_t on what came before, then u_t is inserted',
    { on: changing, firstDecay: true, output: stepped({ insertBeforeTransition: true }) },
  ),
  mutant(
    'merge-keeps-lower-levels',
    SYSTEM,
    'unit-lambda-collapses',
    'Merged levels are not emptied: their content is read at the old level as well, until something is merged into it.',
    'step 1 of the recurrence: after S^(0..z) are merged into S^(z+1), S^(1..z) are 0',
    { on: logLinear, output: stepped({ keepsMerged: true }) },
  ),
  mutant(
    'log-decays-in-float32',
    'log-linear-mamba2',
    'forward-within-its-noise',
    'Log decays go through a float32 buffer.',
    'g on its way in: it is rounded to float32 before it is summed',
    { on: decaying, head: (x) => withHead(x, { g: Float64Array.from(Float32Array.from(x.g)) }) },
  ),
];
