/**
 * Known ways to get softmax wrong, each as a P of its own: the scores, who is read, and what a row is divided by. The implementation's P is
 * held against each, on the failing case and on one of ordinary numbers, which tells more of them apart.
 */
import { noise } from '../../properties/arbitraries/noise.ts';
import { range, sizesOf, tensorBy, withInputs } from '../../properties/edit.ts';
import { largestFinite } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { brief } from '../localise/relation.ts';
import { lossOf } from '../rounding.ts';
import { held, type Lab, type Matrices, readMatrices, rightMatrices, shapeFor, squareOf } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

type OfPair = (t: number, s: number) => number;
type IsPair = (t: number, s: number) => boolean;

interface Variant {
  kind: string;
  words: string;
  /** What goes into exp. */
  score?: OfPair;
  /** Which keys a query reads, and which are in the sum that it divides by. */
  reads?: IsPair;
  sums?: IsPair;
  /** What a row is divided by: its sum, what is left of it where the largest is taken off, or 1. */
  over?: 'sum' | 'largest' | 'one';
}

/** q·k of one group, with what is done to each number of k. */
function productsOf({ c, T, row }: Lab, group: number, change: (k: number) => number = (k) => k): Float64Array {
  const { q, k } = c.inputs as Record<'q' | 'k', Tensor>;
  const channels = range(0, sizesOf(c).K);
  return Float64Array.from({ length: T * T }, (_, at) => {
    const [t, s] = [Math.floor(at / T), at % T];
    return channels.reduce((sum, i) => sum + q.get(row, t, group, i) * change(k.get(row, s, group, i)), 0);
  });
}

const LIMITS = [1, 2, 5, 10, 20, 30, 50, 80];

function variantsFor(lab: Lab): Variant[] {
  const { c, T, H, row, head } = lab;
  const { G, K } = sizesOf(c);
  const scale = c.scale ?? 1;
  const own = Math.floor((head * G) / H);
  const of =
    (products: Float64Array, factor: number): OfPair =>
    (t, s) =>
      factor * products[t * T + s];
  const products = productsOf(lab, own);
  const past: IsPair = (t, s) => isPast(lab, row, t, s);
  const isOne: IsPair = (t, s) => lab.layout.cells[row][t].sequence === lab.layout.cells[row][s].sequence;
  const first = (t: number): number => range(0, t + 1).find((s) => past(t, s)) as number;
  const list: Variant[] = [
    { kind: 'right', words: '' },
    { kind: 'base-two', words: 'exp2 is taken of the scores without log2 e', score: of(products, scale * Math.LN2) },
    {
      kind: 'mask-one-late',
      words: 'the mask is s <= t + 1: each query reads one key of the future',
      reads: (t, s) => isOne(t, s) && s <= t + 1,
    },
    {
      kind: 'mask-one-early',
      words: 'the mask is s < t: the own token is not read',
      reads: (t, s) => past(t, s) && s < t,
    },
    { kind: 'no-mask', words: 'the causal mask is missing: every query reads every key', reads: isOne },
    { kind: 'no-sequences', words: 'packed sequences are computed as one', reads: (t, s) => s <= t },
    { kind: 'not-normalised', words: 'weights are not divided by their sum', over: 'largest' },
    {
      kind: 'not-normalised',
      words: 'weights are not divided by their sum, nor is the largest score taken off',
      over: 'one',
    },
    {
      kind: 'sum-of-all',
      words: 'weights are divided by a sum over all keys, the masked ones too',
      sums: isOne,
    },
    {
      kind: 'sum-misses-first',
      words: 'weights are divided by a sum that misses the first key',
      sums: (t, s) => past(t, s) && s > first(t),
    },
    {
      kind: 'sum-misses-own',
      words: 'weights are divided by a sum that misses the own token',
      sums: (t, s) => past(t, s) && s < t,
    },
    {
      kind: 'sum-one-late',
      words: 'weights are divided by a sum that has a key of the future',
      sums: (t, s) => isOne(t, s) && s <= t + 1,
    },
  ];
  if (scale !== 1) {
    list.push(
      {
        kind: 'scale-missing',
        words: `scale (${brief(scale)}) is missing: the scores are q·k`,
        score: of(products, 1),
      },
      { kind: 'scale-twice', words: `scale (${brief(scale)}) is applied twice`, score: of(products, scale ** 2) },
      {
        kind: 'scale-of-its-own',
        words: `scale (${brief(scale)}) is ignored, and 1 / sqrt(K) used`,
        score: of(products, 1 / Math.sqrt(K)),
      },
    );
  }
  if (K > 1) {
    list.push({
      kind: 'scale-of-its-own',
      words: '1 / sqrt(K) is multiplied to scale',
      score: of(products, scale / Math.sqrt(K)),
    });
  }
  for (const limit of LIMITS) {
    const clipped = productsOf(lab, own, (k) => Math.min(k, limit));
    const within = productsOf(lab, own, (k) => Math.max(-limit, Math.min(k, limit)));
    list.push(
      {
        kind: 'scores-clipped',
        words: `scores are clipped at ${limit}`,
        score: (t, s) => Math.min(scale * products[t * T + s], limit),
      },
      { kind: 'keys-clipped', words: `keys are clipped at ${limit}`, score: of(clipped, scale) },
      { kind: 'keys-clipped', words: `keys are clipped at ±${limit}`, score: of(within, scale) },
    );
  }
  for (const group of range(0, G)) {
    if (group === own) continue;
    list.push({
      kind: 'other-group',
      words: `head ${head} reads q and k of group ${group} instead of group ${own} (H = ${H}, G = ${G})`,
      score: of(productsOf(lab, group), scale),
    });
  }
  return list.map((each) => ({ score: of(products, scale), reads: past, ...each }));
}

/** P of a variant, row by row with the largest score taken off. */
function play({ T }: Lab, { score, reads, sums = reads, over = 'sum' }: Variant): Float64Array {
  const P = new Float64Array(T * T);
  const [of, isRead, isSummed] = [score as OfPair, reads as IsPair, sums as IsPair];
  for (let t = 0; t < T; t++) {
    const keys = range(0, T);
    const largest = keys.reduce(
      (most, s) => (isRead(t, s) || isSummed(t, s) ? Math.max(most, of(t, s)) : most),
      -Infinity,
    );
    const weight = (s: number): number => Math.exp(of(t, s) - (over === 'one' ? 0 : largest));
    const sum = keys.reduce((total, s) => (isSummed(t, s) ? total + weight(s) : total), 0);
    for (const s of keys) if (isRead(t, s)) P[t * T + s] = weight(s) / (over === 'sum' && sum > 0 ? sum : 1);
  }
  return P;
}

/** Whether a P is what was read, and on how many entries it differs from what is right. */
function fits(lab: Lab, variant: Variant, actual: Float64Array, { values: truth, bound }: Matrices) {
  const P = play(lab, variant);
  const steepness =
    1 +
    range(0, P.length).reduce((most, at) => {
      const [t, s] = [Math.floor(at / lab.T), at % lab.T];
      const score = isPast(lab, lab.row, t, s) ? Math.abs((variant.score as OfPair)(t, s)) : 0;
      return Math.max(most, score);
    }, 0);
  let telling = 0;
  for (let at = 0; at < P.length; at++) {
    const more = Math.max(1, Math.abs(P[at] / (truth[at] || P[at] || 1)));
    const allowed = 1.5 * bound[at] * Math.min(more, 1e6) + lossOf(lab.precision) * steepness * P[at] + 1e-30;
    // a row without any key is anything
    if (Number.isNaN(P[at])) continue;
    if (!(Math.abs(actual[at] - P[at]) <= allowed)) return null;
    if (Math.abs(truth[at] - P[at]) > 4 * allowed) telling++;
  }
  return telling;
}

/** Ordinary numbers: scores of a size at which every weight is seen. */
const ordinary = (lab: Lab): Case => {
  const numbers = (name: 'q' | 'k', seed: number): Tensor =>
    tensorBy(shapeFor(lab.c, name), (index) => ((noise(seed, name, index) % 33) - 12) / 8);
  return held(lab, { ...withInputs(lab.c, { q: numbers('q', 21), k: numbers('k', 22) }), scale: 0.75 });
};

/** exp of scores that are too large for the format, where it is just their rows that are no numbers. */
function overflow(lab: Lab, actual: Float64Array): Finding | null {
  const { T, c, row, head, H } = lab;
  const products = productsOf(lab, Math.floor((head * sizesOf(c).G) / H));
  const scale = c.scale ?? 1;
  const most = range(0, T).map((t) =>
    range(0, T).reduce(
      (largest, s) => (isPast(lab, row, t, s) ? Math.max(largest, scale * products[t * T + s]) : largest),
      -Infinity,
    ),
  );
  const isNone = range(0, T).map((t) => range(0, t + 1).some((s) => !Number.isFinite(actual[t * T + s])));
  const limit = Math.log(largestFinite(lab.precision.accumulate));
  const isIt = isNone.every((none, t) => (none ? most[t] > limit / 10 : most[t] < 1.01 * Math.log(Number.MAX_VALUE)));
  if (!isNone.some(Boolean) || !isIt) return null;
  const first = isNone.indexOf(true);
  return {
    kind: 'no-maximum',
    sentence: `exp overflows: of query ${first} the largest score is ${brief(most[first])}; the largest of the row is not subtracted before`,
  };
}

/** Which known way of getting softmax wrong this is; null where none, or P is right. */
export async function softmaxOf(lab: Lab, actual: Float64Array, right: Matrices): Promise<Finding | null> {
  const { row, head } = lab;
  const squares = (of: Matrices): Matrices => ({
    values: squareOf(lab, of.values, row, head),
    bound: squareOf(lab, of.bound, row, head),
  });
  const overflowing = overflow(lab, squareOf(lab, actual, row, head));
  if (overflowing) return overflowing;
  const other: Lab = { ...lab, c: ordinary(lab) };
  const asked = [
    { lab, P: squareOf(lab, actual, row, head), right: squares(right) },
    {
      lab: other,
      P: squareOf(lab, await readMatrices(other, other.c), row, head),
      right: squares(await rightMatrices(other, other.c)),
    },
  ];
  const played = asked.map((each) => {
    const variants = variantsFor(each.lab);
    return variants.map((variant) => fits(each.lab, variant, each.P, each.right));
  });
  const words = asked.map((each) => variantsFor(each.lab));
  // variants by their place in the list: there is the same list for each case but for the scale
  const all = words[0].map((variant, i) => {
    const j = words[1].findIndex(
      ({ kind, words: its }) =>
        kind === variant.kind && its.replace(/\(.*?\)/, '') === variant.words.replace(/\(.*?\)/, ''),
    );
    return { ...variant, fit: [played[0][i], j < 0 ? 0 : played[1][j]] };
  });
  const fitting = all.filter(({ kind, fit }) => kind !== 'right' && fit.every((each) => each !== null));
  const telling = (fit: (number | null)[]): number => fit.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const found = fitting.filter(({ fit }) => telling(fit) > 0).sort((a, b) => telling(b.fit) - telling(a.fit));
  if (found.length === 0) return null;
  const named = [...new Set(found.map((each) => each.words))].slice(0, 2).join(', or ');
  return { kind: found[0].kind, sentence: named };
}
