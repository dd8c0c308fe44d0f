/** Wrong decays. */
import type { Head } from '../../reference/head.ts';
import { decayOver, levelOf, maskForward, mutant, rightPair, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

const withDecay = (decay: (x: Head, t: number, s: number) => number) =>
  maskForward((x, t, s) => (s > t ? 0 : x.scale * x.lambda[t * x.L + levelOf(x, t, s)] * decay(x, t, s)));

const chunkOf = (x: Head, t: number): number => Math.floor((x.position + t) / x.chunkSize);

export const decay = [
  mutant(
    'decay-of-the-key-included',
    SYSTEM,
    'forward-equals-masked',
    'The decay of position s itself is included: exp(g_s + … + g_t).',
    {
      ...withDecay((x, t, s) => decayOver(x, s, t)),
    },
  ),
  mutant(
    'decay-of-the-query-excluded',
    SYSTEM,
    'step-by-step',
    'The decay of position t is left out: exp(g_{s+1} + … + g_{t-1}).',
    {
      ...withDecay((x, t, s) => decayOver(x, s + 1, t - 1)),
    },
  ),
  mutant(
    'decay-missing-between-chunks',
    SYSTEM,
    'chunk-size-invariance',
    'A state passes whole chunks without their decay.',
    {
      ...withDecay((x, t, s) => {
        let sum = 0;
        for (let r = s + 1; r <= t; r++)
          if (chunkOf(x, r) === chunkOf(x, s) || chunkOf(x, r) === chunkOf(x, t)) sum += x.g[r];
        return Math.exp(sum);
      }),
    },
  ),
  mutant(
    'decay-dropped-at-chunk-start',
    SYSTEM,
    'forward-equals-recurrent',
    'The decay of the first token of a chunk is dropped when a state crosses into it.',
    {
      ...withDecay((x, t, s) => {
        let sum = 0;
        for (let r = s + 1; r <= t; r++) if (r === 0 || chunkOf(x, r) === chunkOf(x, r - 1)) sum += x.g[r];
        return Math.exp(sum);
      }),
    },
  ),
  mutant(
    'decay-from-prefix-differences',
    SYSTEM,
    'reset-forgets',
    'D is exp(c_t - c_s) from prefix sums: Infinity - Infinity is NaN after a reset.',
    {
      ...withDecay((x, t, s) => {
        const prefix = (end: number): number => x.g.subarray(0, end + 1).reduce((sum, g) => sum + g, 0);
        return s === t ? 1 : Math.exp(prefix(t) - prefix(s));
      }),
    },
  ),
  mutant(
    'decay-from-long-prefix-sums',
    SYSTEM,
    'forward-equals-recurrent',
    'D is exp(c_t - c_s) from prefix sums in float32 over the whole sequence: what is left of two large numbers.',
    {
      ...withDecay((x, t, s) => {
        // resets are looked after, as a kernel that knows of them would
        if (x.g.subarray(s + 1, t + 1).includes(Number.NEGATIVE_INFINITY)) return 0;
        const prefix = (end: number): number =>
          x.g.subarray(0, end + 1).reduce((sum, g) => (Number.isFinite(g) ? Math.fround(sum + g) : sum), 0);
        return s === t ? 1 : Math.exp(prefix(t) - prefix(s));
      }),
    },
  ),
  mutant(
    'decay-from-both-sides',
    SYSTEM,
    'finite-in-finite-out',
    'The query carries exp(c_t) and the key exp(-c_s): the exp of a large positive number.',
    {
      ...withDecay((x, t, s) => {
        const prefix = (end: number): number => x.g.subarray(0, end + 1).reduce((sum, g) => sum + Math.max(g, -1e5), 0);
        return Math.exp(prefix(t)) * Math.exp(-prefix(s));
      }),
    },
  ),
  mutant('decay-base-two', SYSTEM, 'forward-equals-definition', 'exp2 is used for a log decay in natural logarithms.', {
    head: (x) => withHead(x, { g: x.g.map((g) => g * Math.LN2) }),
  }),
  mutant('decay-clamped', SYSTEM, 'forward-equals-chunked', 'Log decays are clamped at -5, for stability.', {
    head: (x) => withHead(x, { g: x.g.map((g) => Math.max(g, -5)) }),
  }),
  mutant(
    'decay-never-one',
    'mamba2',
    'zero-decay-collapses',
    'A quarter is taken off every log decay, as a floor under its parameter does: even g = 0 decays.',
    {
      head: (x) => withHead(x, { g: x.g.map((g) => g - 0.25) }),
    },
  ),
  mutant(
    'decay-of-first-channel',
    'log-linear-gla',
    'forward-equals-masked',
    'Every key channel decays as the first one does.',
    {
      head: (x) => withHead(x, { g: x.g.map((_, i) => x.g[i - (i % x.K)]) }),
    },
  ),
  mutant(
    'decay-channels-weighted',
    'gla',
    'equal-channels-collapse',
    'The decay of a channel is read half a channel off: the mean of it and its neighbour, with 0 past the last.',
    {
      head: (x) => withHead(x, { g: x.g.map((g, i) => (i % x.K === x.K - 1 ? g / 2 : (g + x.g[i + 1]) / 2)) }),
    },
  ),
  mutant(
    'retention-decays-by-position',
    'retention',
    'constant-decay-collapses',
    'The fixed decay grows with the position: exp(g (t+1) / T).',
    {
      head: (x) => withHead(x, { g: x.g.map((g, t) => (g * (t + 1)) / x.T) }),
    },
  ),
  mutant(
    'merge-after-transition',
    SYSTEM,
    'forward-equals-masked',
    'The transition is applied to levels >= 1 and the merge comes after it, so the newest token misses a decay.',
    {
      ...withDecay((x, t, s) => decayOver(x, s + 2, t)),
    },
  ),
  mutant(
    'merge-keeps-lower-levels',
    SYSTEM,
    'unit-lambda-collapses',
    'Merged levels are not emptied: their content is read at the old level as well.',
    {
      ...maskForward((x, t, s) => {
        const right = rightPair(x, t, s);
        const stale =
          s < t && ((x.position + t) & 1) === 0 && levelOf(x, t - 1, Math.min(s, t - 1)) !== levelOf(x, t, s);
        return stale ? right + x.scale * x.lambda[t * x.L + levelOf(x, t - 1, s)] * decayOver(x, s + 1, t) : right;
      }),
    },
  ),
  mutant(
    'log-decays-in-float32',
    'log-linear-mamba2',
    'forward-within-its-noise',
    'Log decays go through a float32 buffer.',
    { head: (x) => withHead(x, { g: Float64Array.from(Float32Array.from(x.g)) }) },
  ),
];
