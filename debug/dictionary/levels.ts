/** Wrong levels, wrong level scales, wrong triangle. */

import type { Head } from '../../reference/head.ts';
import { bitLength, type Levels } from '../../reference/levels.ts';
import { decayOver, levelOf, maskForward, mutant, rightPair, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** The head with another level map. */
const withLevel =
  (level: (x: Head, t: number, s: number) => number) =>
  (x: Head): Head => {
    const levels: Levels = { ...x.levels, level: (t, s) => Math.min(level(x, t, s), x.L - 1) };
    return withHead(x, { levels });
  };

const scaleAt = (x: Head, t: number, l: number): number => x.lambda[t * x.L + Math.min(Math.max(l, 0), x.L - 1)];

export const levels = [
  mutant(
    'level-off-by-one',
    SYSTEM,
    'one-hot-values-read-the-mask',
    'Every bucket but the own token is read one level too high.',
    {
      head: withLevel((x, t, s) => (s === t ? 0 : x.levels.level(t, s) + 1)),
    },
  ),
  mutant(
    'level-from-floating-logarithm',
    SYSTEM,
    'forward-equals-recurrent',
    'The level is 1 + floor(log(t xor s) / log 2) in float32, which is 13 for 2^13.',
    {
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
    {
      head: withLevel((_x, t, s) => bitLength(t - s)),
    },
  ),
  mutant(
    'level-inside-chunk-only',
    SYSTEM,
    'forward-equals-masked',
    'Between chunks the level counts chunks and forgets to add log2 C.',
    {
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
    {
      head: withLevel((x, t, s) => x.levels.level(t, (s ^ 2) <= t && (s ^ t) < 4 && s >> 1 !== t >> 1 ? s ^ 2 : s)),
      ...maskForward((x, t, s) =>
        s > t ? 0 : rightPair(x, t, s === t || s >> 2 !== t >> 2 || (s ^ 1) > t ? s : s ^ 1),
      ),
    },
  ),
  mutant(
    'level-table-too-short',
    SYSTEM,
    'forward-equals-recurrent',
    'The level table ends at 6 levels; farther buckets are read at the last one.',
    {
      head: withLevel((x, t, s) => Math.min(x.levels.level(t, s), 5)),
    },
  ),
  mutant(
    'lambda-of-the-key',
    SYSTEM,
    'forward-equals-masked',
    'The level scale of position s is used instead of that of t.',
    {
      ...maskForward((x, t, s) => (s > t ? 0 : x.scale * scaleAt(x, s, levelOf(x, t, s)) * decayOver(x, s + 1, t))),
    },
  ),
  mutant(
    'lambda-levels-reversed',
    SYSTEM,
    'forward-equals-definition',
    'Level scales are stored from the coarsest to the finest.',
    {
      head: (x) => withHead(x, { lambda: x.lambda.map((_, i) => x.lambda[i - (i % x.L) + (x.L - 1 - (i % x.L))]) }),
    },
  ),
  mutant(
    'own-token-without-lambda',
    SYSTEM,
    'linear-in-lambda',
    'The own token is read with scale 1 instead of lambda at level 0.',
    {
      ...maskForward((x, t, s) => (s === t ? x.scale : rightPair(x, t, s))),
    },
  ),
  mutant('strictly-causal', SYSTEM, 'prefix', 'The own token is left out (s < t).', {
    ...maskForward((x, t, s) => (s === t ? 0 : rightPair(x, t, s))),
    // a mask that depends on T as well, as a kernel's that masks whole rows of its last tile
    output(x, out) {
      maskForward((y, t, s) => (s === t && t === y.T - 1 ? 0 : rightPair(y, t, s))).output?.(x, out);
    },
  }),
  mutant('own-token-missing', SYSTEM, 'forward-equals-chunked', 'The diagonal is masked too (s < t).', {
    ...maskForward((x, t, s) => (s === t ? 0 : rightPair(x, t, s))),
  }),
  mutant('one-position-of-the-future', SYSTEM, 'causal-forward', 'The mask is s <= t + 1.', {
    ...maskForward((x, t, s) => (s === t + 1 ? x.scale / 2 : rightPair(x, t, s))),
  }),
  mutant(
    'masked-zero-times-later-values',
    SYSTEM,
    'causal-forward-nonfinite',
    'Entries above the diagonal are multiplied by 0 instead of left out: 0 times NaN is NaN.',
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
    {
      ...maskForward((x, t, s) => {
        const own = s === t && x.position + t > 0 && ((x.position + t) & 1) === 0 ? scaleAt(x, t, 1) : 0;
        return rightPair(x, t, s) + own * x.scale;
      }),
    },
  ),
];
