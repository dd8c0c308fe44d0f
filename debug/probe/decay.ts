/**
 * Which tokens' log decays are in the exponent of D[t,s]. With every q·k = 1 and log decays that differ from token to token,
 * -log P[t,s] is the sum of those that count; known ways to get that sum wrong are held against it, and the nearest one is named.
 */
import { noise } from '../../properties/arbitraries/noise.ts';
import { systemOf, tensorBy } from '../../properties/edit.ts';
import { brief } from '../localise/relation.ts';
import { resets, strongDecays } from './decay-extremes.ts';
import { type Decays, type Explanation, explanationsFor } from './decay-terms.ts';
import { type Agreement, agreement, type Exponents, exponentsOf, pairsOf, stepsOf } from './exponents.ts';
import { gentle, type Lab, type Plain, shapeFor } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

/** Log decays that no few of them add up to another one of: all their bits are used. Narrow formats need larger ones to tell them apart. */
function amountFor({ precision }: Lab): (index: readonly number[]) => number {
  const [least, most] = precision.output.bits < 24 ? [1 / 4, 5 / 4] : [1 / 16, 1 / 2];
  return (index) => -(least + (noise(3, 'log decay', index) / 2 ** 32) * (most - least));
}

/** What every position decays by without any log decay; null where that is nothing, as it should be. */
function baseDecay(lab: Lab, { actual, truth, isRead }: Plain): Finding | null {
  let step = Number.NaN;
  let [pairs, hits] = [0, 0];
  for (const [t, s] of pairsOf(lab)) {
    const at = t * lab.T + s;
    if (t === s || !isRead(at)) continue;
    const each = -Math.log(actual[at] / truth[at]) / (t - s);
    if (Number.isNaN(step)) step = each;
    pairs++;
    if (Math.abs(each - step) <= 1e-2 * Math.abs(step)) hits++;
  }
  if (!(Math.abs(step) > 0.02) || hits < pairs) return null;
  return { kind: 'constant', sentence: `every position decays by exp(${brief(-step)}) even where g = 0` };
}

/** Positions that decay by what no rule says. */
function oddSteps(lab: Lab, steps: readonly number[], { slack }: Exponents, decays: Decays): Finding | null {
  const { T, row } = lab;
  const positions = steps.map((_, r) => r).filter((r) => r > 0 && isPast(lab, row, r, r - 1));
  // a delta rule erases as well, if little
  const erased = systemOf(lab.c).recurrence?.beta ? 2 * gentle(lab) : 0;
  const wrong = positions.filter((r) => Math.abs(steps[r] + decays[r]) > 4 * slack[r * T + r - 1] + 1e-9 + erased);
  if (wrong.length === 0) return null;
  const [r] = wrong;
  const which =
    wrong.length === positions.length ? 'positions decay' : `${wrong.length} of ${positions.length} positions decay`;
  return {
    kind: 'other-amount',
    sentence: `${which} by another amount than g says: position ${r} by exp(${brief(-steps[r])}), where g is ${brief(decays[r])}`,
  };
}

/** Exponents that are right but for some digits. */
function lostDigits(
  lab: Lab,
  { actual, truth, slack }: Exponents,
  steps: readonly number[] | null,
  decays: Decays,
): Finding | null {
  let most = 0;
  for (const [t, s] of pairsOf(lab)) {
    const at = t * lab.T + s;
    if (!Number.isNaN(actual[at])) most = Math.max(most, Math.abs(actual[at] - truth[at]));
  }
  if (most > 0.01) return null;
  const isRounded = steps?.every(
    (step, r) => r === 0 || Math.abs(step + Math.fround(decays[r])) <= 2 * slack[r * lab.T + r - 1] + 2 ** -50,
  );
  if (isRounded && decays.some((each) => Math.fround(each) !== each)) {
    return { kind: 'log-decays-in-float32', sentence: 'log decays are rounded to float32' };
  }
  return {
    kind: 'prefix-differences',
    sentence: `exponents are off by up to ${brief(most)}: sums of log decays lose digits, as differences of prefix sums in a narrower format do`,
  };
}

/** So many single decays are tried. */
const SINGLES = 24;

/** The first wrong exponent, and which log decays are in it: each is asked alone. */
async function unexplained(lab: Lab, { actual, truth, slack }: Exponents, channel: number): Promise<Finding | null> {
  const { T, row } = lab;
  for (const [t, s] of pairsOf(lab)) {
    const at = t * T + s;
    if (Number.isNaN(actual[at]) || Math.abs(actual[at] - truth[at]) <= slack[at]) continue;
    const values = `D[${t},${s}] is exp(${brief(-actual[at])}), where exp(${brief(-truth[at])}) is right`;
    const terms: string[] = [];
    const shape = shapeFor(lab.c, 'g');
    if (shape.length === 1 || t >= SINGLES) return { kind: 'other-exponent', sentence: values };
    for (let r = 0; r <= Math.min(t + 1, T - 1); r++) {
      if (lab.layout.cells[row][r].index === 0) continue;
      const { exponents } = await exponentsOf(
        lab,
        tensorBy(shape, ([, other]) => (other === r ? -0.5 : 0)),
        channel,
      );
      const times = exponents.actual[at] / 0.5;
      if (Math.abs(times) > 0.1) terms.push(Math.abs(times - 1) < 0.05 ? `g_${r}` : `${brief(times)} g_${r}`);
    }
    const right = Array.from({ length: t - s }, (_, i) => `g_${s + 1 + i}`).join(' + ') || '0';
    const found = terms.join(' + ') || '0';
    if (found === right) return { kind: 'other-exponent', sentence: values };
    return { kind: 'other-exponent', sentence: `D[${t},${s}] has exp(${found}), where exp(${right}) is right` };
  }
  return null;
}

/** The explanation that comes nearest, of those that agree with nearly all pairs and differ from the truth. */
function nearest(lab: Lab, exponents: Exponents, explanations: readonly Explanation[]): Finding | null {
  let best: (Agreement & Explanation) | null = null;
  for (const each of explanations) {
    const found = { ...each, ...agreement(lab, exponents, each.exponent) };
    if (found.telling === 0 || found.share < 0.95) continue;
    const isBetter =
      !best || (found.share === 1) !== (best.share === 1)
        ? found.share > (best?.share ?? 0)
        : found.misfit < best.misfit;
    if (isBetter) best = found;
  }
  if (!best) return null;
  const share = best.share === 1 ? '' : ` (on ${Math.floor(100 * best.share)} % of the pairs)`;
  return { kind: best.kind, sentence: `${best.words}${share}` };
}

/** A factor or a constant on every log decay, read off the first position. */
function fitted(lab: Lab, steps: readonly number[], decays: Decays): Explanation[] {
  const first = steps.findIndex((_, r) => r > 0 && isPast(lab, lab.row, r, r - 1) && decays[r] !== 0);
  if (first < 0) return [];
  const [more, ratio] = [steps[first] + decays[first], -steps[first] / decays[first]];
  const sum = (t: number, s: number, of: (r: number) => number): number => {
    let total = 0;
    for (let r = s + 1; r <= t; r++) total += of(r);
    return total;
  };
  return [
    {
      kind: 'factor',
      words: `every log decay counts ${brief(ratio)} times`,
      exponent: (t, s) => sum(t, s, (r) => -ratio * decays[r]),
    },
    {
      kind: 'constant',
      words: `every position decays by exp(${brief(-more)}) ${more > 0 ? 'more' : 'less'} than its g says`,
      exponent: (t, s) => sum(t, s, (r) => more - decays[r]),
    },
  ];
}

/** Log decays of an ordinary size: what is added up, and of whom. */
async function ordinaryDecays(lab: Lab): Promise<Finding | null> {
  const { T, row, head } = lab;
  const shape = shapeFor(lab.c, 'g');
  const amount = amountFor(lab);
  const starts = (b: number, t: number): boolean => lab.layout.cells[b][t].index === 0;
  // the first decay of a sequence decays nothing, whatever it is: 0, so that nothing depends on it
  const isNone = (index: readonly number[]): boolean => shape.length > 1 && starts(index[0], index[1]);
  const g = tensorBy(shape, (index) => (isNone(index) ? 0 : amount(index)));
  const K = shape[3] ?? 1;
  const channels = [0, 1, K - 1].filter((i, n, all) => i < K && all.indexOf(i) === n);
  for (const channel of channels) {
    const { exponents, plain, g: used } = await exponentsOf(lab, g, channel);
    const base = baseDecay(lab, plain);
    if (base) return base;
    if (agreement(lab, exponents, (t, s) => exponents.truth[t * T + s]).share === 1) continue;
    const index = [[head], [], [row, 0, head], [row, 0, head, channel]][shape.length - 1];
    const decays = Array.from({ length: T }, (_, r) => {
      if (starts(row, r)) return 0;
      return used.get(...index.map((each, axis) => (axis === 1 ? r : each)));
    });
    const steps = stepsOf(lab, exponents);
    return (
      lostDigits(lab, exponents, steps, decays) ??
      nearest(lab, exponents, explanationsFor(lab, used, channel, decays)) ??
      (steps && nearest(lab, exponents, fitted(lab, steps, decays))) ??
      (steps && oddSteps(lab, steps, exponents, decays)) ??
      unexplained(lab, exponents, channel)
    );
  }
  return null;
}

/** The first thing that is wrong with decays; null where nothing is, or the system has none. */
export async function decayOf(lab: Lab): Promise<Finding | null> {
  if ((systemOf(lab.c).recurrence?.decay ?? 'none') === 'none' || lab.T < 2) return null;
  return (await ordinaryDecays(lab)) ?? (await strongDecays(lab)) ?? (await resets(lab));
}
