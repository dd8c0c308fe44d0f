/**
 * Which tokens' log decays are in the exponent of D[t,s]. With every q·k = 1 and log decays that differ from token to token,
 * -log P[t,s] is the sum of those that count. Where it is a sum over the positions from s + 1 to t after all, what each
 * position decays by is read off neighbouring pairs; where not, sets of positions are tried.
 */
import { noise } from '../../properties/arbitraries/noise.ts';
import { systemOf, tensorBy } from '../../properties/edit.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { brief } from '../localise/relation.ts';
import {
  GENTLE,
  held,
  type Lab,
  type Plain,
  plainCase,
  readMatrices,
  readPlain,
  rightMatrices,
  shapeFor,
  squareOf,
} from './lab.ts';
import { isPast, positionOf } from './pairs.ts';
import type { Finding } from './probed.ts';

/** Exponents of one head: NaN where nothing is read. */
interface Exponents {
  /** -log of what is left of the key's value. */
  actual: Float64Array;
  truth: Float64Array;
  /** How far off the logarithm may be. */
  slack: Float64Array;
}

/** Log decays of one head by position; 0 at the start of a sequence, where nothing is there to decay. */
type Decays = readonly number[];

interface Terms {
  kind: string;
  words: string;
  /** How often the decay of position r counts between s and t. */
  count(t: number, s: number, r: number): number;
}

function termsFor(lab: Lab): Terms[] {
  const { chunkSize: C, row } = lab;
  const chunk = (t: number): number => Math.floor(positionOf(lab, row, t) / C);
  const inside = (t: number, s: number, r: number): boolean => r > s && r <= t;
  const of = (holds: (t: number, s: number, r: number) => boolean) => (t: number, s: number, r: number) =>
    Number(holds(t, s, r));
  return [
    { kind: 'right', words: '', count: of(inside) },
    {
      kind: 'key-included',
      words: "D[t,s] has exp(g_s + … + g_t): the decay of the key's own position is included",
      count: of((t, s, r) => r >= s && r <= t),
    },
    {
      kind: 'query-excluded',
      words: "D[t,s] has exp(g_{s+1} + … + g_{t-1}): the decay of the query's position is left out",
      count: of((t, s, r) => r > s && r < t),
    },
    {
      kind: 'one-early',
      words: 'D[t,s] has exp(g_s + … + g_{t-1}): every decay is one position early',
      count: of((t, s, r) => r >= s && r < t),
    },
    {
      kind: 'one-late',
      words: 'D[t,s] has exp(g_{s+2} + … + g_{t+1}): every decay is one position late',
      count: of((t, s, r) => r > s + 1 && r <= t + 1),
    },
    {
      kind: 'newest-missing',
      words:
        'D[t,s] has exp(g_{s+2} + … + g_t): the first decay after the key is left out, as when a token is merged after the transition',
      count: of((t, s, r) => r > s + 1 && r <= t),
    },
    { kind: 'no-decay', words: 'there is no decay at all', count: () => 0 },
    {
      kind: 'chunk-start-missing',
      words: `the decay of the first token of a chunk is missing when a state crosses into it (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(r) === chunk(r - 1)),
    },
    {
      kind: 'chunk-end-missing',
      words: `the decay of the last token of a chunk is missing when a state leaves it (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(r) === chunk(t) || chunk(r) === chunk(r + 1))),
    },
    {
      kind: 'chunks-missing',
      words: `whole chunks between key and query do not decay what passes them (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(r) === chunk(s) || chunk(r) === chunk(t))),
    },
    {
      kind: 'query-chunk-missing',
      words: `what comes from earlier chunks is not decayed inside the query's chunk (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(s) === chunk(t) || chunk(r) !== chunk(t))),
    },
    {
      kind: 'key-chunk-missing',
      words: `a chunk's state is not decayed to the end of its chunk (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(s) === chunk(t) || chunk(r) !== chunk(s))),
    },
    {
      kind: 'inside-chunks-only',
      words: `what crosses from chunk to chunk does not decay (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(s) === chunk(t)),
    },
    {
      kind: 'between-chunks-only',
      words: `inside a chunk nothing decays (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(s) !== chunk(t)),
    },
    {
      kind: 'chunk-start-twice',
      words: `the decay of the first token of a chunk counts twice when a state crosses into it (C = ${C})`,
      count: (t, s, r) => (inside(t, s, r) ? (chunk(r) === chunk(r - 1) ? 1 : 2) : 0),
    },
    {
      kind: 'prefix-of-query',
      words: 'D[t,s] has exp(g_0 + … + g_t): it does not depend on the key',
      count: of((t, _s, r) => r <= t),
    },
  ];
}

/** Log decays that no few of them add up to another one of: all their bits are used, between -1/16 and -1/2. */
const amount = (index: readonly number[]): number => -(1 / 16 + (noise(3, 'log decay', index) / 2 ** 32) * (7 / 16));

/** Exponents under log decays g over those under none, so that what is wrong without any decay does not count. */
async function exponentsOf(lab: Lab, g: Tensor, channel: number) {
  const unit = (name: 'q' | 'k'): Tensor => tensorBy(shapeFor(lab.c, name), ([, , , i]) => (i === channel ? 1 : 0));
  const own = { q: unit('q'), k: unit('k') };
  const plain = await readPlain(lab, own);
  const probe = held(lab, plainCase(lab, { ...own, g }));
  const square = (values: Float64Array): Float64Array => squareOf(lab, values, lab.row, lab.head);
  const values = square(await readMatrices(lab, probe));
  const right = await rightMatrices(lab, probe);
  const [truth, bound] = [square(right.values), square(right.bound)];
  // what a delta rule erases of so little is not in proportion to the decay
  const erased = systemOf(lab.c).recurrence?.beta ? 4 * GENTLE : 0;
  const exponents: Exponents = {
    actual: values.map((value, at) => (plain.isRead(at) ? -Math.log(value / plain.actual[at]) : Number.NaN)),
    truth: truth.map((value, at) => -Math.log(value / plain.truth[at])),
    slack: truth.map(
      (value, at) => (4 * bound[at]) / Math.abs(value) + 2 ** -48 + erased * (Math.floor(at / lab.T) - (at % lab.T)),
    ),
  };
  return { exponents, values, plain, g: probe.inputs.g as Tensor };
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

/** Pairs of one sequence. */
function* pairsOf(lab: Lab): Generator<[number, number]> {
  for (let t = 0; t < lab.T; t++) for (let s = 0; s <= t; s++) if (isPast(lab, lab.row, t, s)) yield [t, s];
}

/** Share of the pairs on which the exponent is what `expected` says, and how many of them tell it from the truth. */
function agreement(
  lab: Lab,
  { actual, truth, slack }: Exponents,
  expected: (t: number, s: number) => number,
): { share: number; telling: number } {
  let [pairs, hits, telling] = [0, 0, 0];
  for (const [t, s] of pairsOf(lab)) {
    const at = t * lab.T + s;
    if (Number.isNaN(actual[at])) continue;
    const wanted = expected(t, s);
    // a decay that leaves other than the right amount is off by as much, relatively
    const allowed = slack[at] * Math.max(1, Math.exp(Math.min(wanted - truth[at], 30)));
    pairs++;
    if (Math.abs(actual[at] - wanted) <= allowed) hits++;
    if (Math.abs(truth[at] - wanted) > 2 * allowed) telling++;
  }
  return { share: pairs === 0 ? 1 : hits / pairs, telling };
}

const isRight = (lab: Lab, exponents: Exponents): boolean =>
  agreement(lab, exponents, (t, s) => exponents.truth[t * lab.T + s]).share === 1;

/** What each position decays by, from neighbouring pairs, where all exponents are sums of it; null where they are not. */
function stepsOf(lab: Lab, { actual, truth, slack }: Exponents): number[] | null {
  const { T, row } = lab;
  const steps = Array.from({ length: T }, (_, r) => (r > 0 && isPast(lab, row, r, r - 1) ? actual[r * T + r - 1] : 0));
  if (steps.some(Number.isNaN)) return null;
  for (const [t, s] of pairsOf(lab)) {
    let [sum, allowed] = [0, slack[t * T + s]];
    for (let r = s + 1; r <= t; r++) {
      sum += steps[r];
      allowed += slack[r * T + r - 1];
    }
    if (Number.isNaN(actual[t * T + s])) continue;
    allowed *= Math.max(1, Math.exp(Math.min(sum - truth[t * T + s], 30)));
    if (!(Math.abs(actual[t * T + s] - sum) <= allowed)) return null;
  }
  return steps;
}

interface Source {
  kind: string;
  words: string;
  of(r: number): number | null;
}

/** Whose decay each position has, by what it amounts to. */
function sourceOf(
  lab: Lab,
  steps: readonly number[],
  { slack }: Exponents,
  decays: Decays,
  others: Source[],
): Finding | null {
  const { T, row } = lab;
  const positions = steps.map((_, r) => r).filter((r) => r > 0 && isPast(lab, row, r, r - 1));
  const fits = (of: Source['of']): boolean => {
    const usable = positions.filter((r) => of(r) !== null);
    const near = usable.filter((r) => Math.abs(steps[r] - (of(r) as number)) <= 4 * slack[r * T + r - 1] + 1e-9);
    return usable.length >= Math.min(2, positions.length) && near.length === usable.length && usable.length > 0;
  };
  const simple: Source[] = [
    {
      kind: 'base-two',
      words: 'exp2 is taken of a log decay in natural logarithms: each counts ln 2 = 0.693 times',
      of: (r) => -decays[r] * Math.LN2,
    },
    {
      kind: 'base-e-of-base-two',
      words: 'exp is taken of a log decay times log2 e: each counts 1.443 times',
      of: (r) => -decays[r] * Math.LOG2E,
    },
    { kind: 'growth', words: 'decays have the wrong sign: exp(-g)', of: (r) => decays[r] },
    { kind: 'twice', words: 'every log decay counts twice', of: (r) => -2 * decays[r] },
    { kind: 'half', words: 'every log decay counts half', of: (r) => -decays[r] / 2 },
    { kind: 'one-early', words: 'the decay of position t - 1 is applied at t', of: (r) => -decays[r - 1] },
    {
      kind: 'one-late',
      words: 'the decay of position t + 1 is applied at t',
      of: (r) => (r + 1 < T ? -decays[r + 1] : null),
    },
    ...others,
  ];
  for (const { kind, words, of } of simple) if (fits(of)) return { kind, sentence: words };
  const differences = positions.map((r) => steps[r] + decays[r]);
  const [first] = positions;
  if (first !== undefined && fits((r) => differences[0] - decays[r])) {
    const more = differences[0];
    return {
      kind: 'constant',
      sentence: `every position decays by exp(-${brief(more)}) ${more > 0 ? 'more' : 'less'} than its g says`,
    };
  }
  const ratio = first === undefined ? Number.NaN : -steps[first] / decays[first];
  if (Number.isFinite(ratio) && fits((r) => -ratio * decays[r]))
    return { kind: 'factor', sentence: `every log decay counts ${brief(ratio)} times` };
  const byPosition = positions.length > 1 && fits((r) => (-decays[r] * (r + 1)) / T);
  if (byPosition) return { kind: 'by-position', sentence: 'the decay grows with the position: g (t + 1) / T' };
  return null;
}

/** Positions that decay by what no rule says. */
function oddSteps(lab: Lab, steps: readonly number[], { slack }: Exponents, decays: Decays): Finding | null {
  const { T, row } = lab;
  const positions = steps.map((_, r) => r).filter((r) => r > 0 && isPast(lab, row, r, r - 1));
  const wrong = positions.filter((r) => Math.abs(steps[r] + decays[r]) > 4 * slack[r * T + r - 1] + 1e-9);
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

/** Sets of positions, one after the other. */
function setOf(lab: Lab, exponents: Exponents, decays: Decays): Finding | null {
  let best: { kind: string; words: string; share: number } | null = null;
  for (const { kind, words, count } of termsFor(lab)) {
    const { share, telling } = agreement(lab, exponents, (t, s) => {
      let sum = 0;
      for (let r = 0; r < lab.T; r++) if (decays[r] !== 0) sum -= count(t, s, r) * decays[r];
      return sum;
    });
    if (kind === 'right') {
      if (share === 1) return null;
      continue;
    }
    if (telling > 0 && (!best || share > best.share)) best = { kind, words, share };
  }
  if (best && best.share === 1) return { kind: best.kind, sentence: best.words };
  if (best && best.share >= 0.95)
    return { kind: best.kind, sentence: `${best.words} (on ${Math.floor(100 * best.share)} % of the pairs)` };
  return null;
}

function unexplained(lab: Lab, { actual, truth, slack }: Exponents): Finding | null {
  for (const [t, s] of pairsOf(lab)) {
    const at = t * lab.T + s;
    if (Math.abs(actual[at] - truth[at]) <= slack[at]) continue;
    return {
      kind: 'other-exponent',
      sentence: `D[${t},${s}] is exp(${brief(-actual[at])}), where exp(${brief(-truth[at])}) is right`,
    };
  }
  return null;
}

/** Decays of every head and channel that a step could have been taken from. */
function sources(lab: Lab, g: Tensor, channel: number): Source[] {
  const { B, H, row, head } = lab;
  const at = (b: number, t: number, h: number, i: number): number =>
    g.shape.length > 3 ? g.get(b, t, h, i) : g.get(b, t, h);
  const list: Source[] = [];
  for (let h = 0; h < Math.min(H, 64); h++)
    if (h !== head)
      list.push({
        kind: 'other-head',
        words: `head ${head} decays as head ${h} does`,
        of: (r) => -at(row, r, h, channel),
      });
  for (let b = 0; b < B; b++)
    if (b !== row)
      list.push({
        kind: 'other-row',
        words: `row ${row} decays as row ${b} does`,
        of: (r) => -at(b, r, head, channel),
      });
  const K = g.shape[3] ?? 1;
  for (let i = 0; i < K; i++) {
    if (i !== channel)
      list.push({
        kind: 'other-channel',
        words: `key channel ${channel} decays as channel ${i} does`,
        of: (r) => -at(row, r, head, i),
      });
    if (i !== channel)
      list.push({
        kind: 'channels-mixed',
        words: `key channel ${channel} decays by the mean of its own g and that of channel ${i}`,
        of: (r) => -(at(row, r, head, i) + at(row, r, head, channel)) / 2,
      });
  }
  return list;
}

/** Log decays of one number each, of an ordinary size: what is added up, and of whom. */
async function ordinaryDecays(lab: Lab): Promise<Finding | null> {
  const { T, row, head } = lab;
  const shape = shapeFor(lab.c, 'g');
  const isByHead = shape.length === 1;
  const starts = (b: number, t: number): boolean => lab.layout.cells[b][t].index === 0;
  // the first decay of a sequence decays nothing, whatever it is: 0, so that nothing depends on it
  const g = tensorBy(shape, (index) => (isByHead ? amount(index) : starts(index[0], index[1]) ? 0 : amount(index)));
  const K = shape[3] ?? 1;
  const channels = [0, 1, K - 1].filter((i, n, all) => i < K && all.indexOf(i) === n);
  for (const channel of channels) {
    const { exponents, plain, g: used } = await exponentsOf(lab, g, channel);
    const base = baseDecay(lab, plain);
    if (base) return base;
    if (isRight(lab, exponents)) continue;
    const decays = Array.from({ length: T }, (_, r) => {
      if (starts(row, r)) return 0;
      return isByHead ? used.get(head) : shape.length > 3 ? used.get(row, r, head, channel) : used.get(row, r, head);
    });
    const steps = stepsOf(lab, exponents);
    const lost = lostDigits(lab, exponents, steps, decays);
    if (lost) return lost;
    const others = isByHead ? headSources(lab, used) : sources(lab, used, channel);
    const isConsistent = steps?.some((step) => step !== 0);
    const found = isConsistent && steps ? sourceOf(lab, steps, exponents, decays, others) : null;
    return (
      found ??
      setOf(lab, exponents, decays) ??
      (steps && oddSteps(lab, steps, exponents, decays)) ??
      unexplained(lab, exponents)
    );
  }
  return null;
}

const headSources = (lab: Lab, g: Tensor): Source[] =>
  Array.from({ length: Math.min(lab.H, 64) }, (_, h) => h)
    .filter((h) => h !== lab.head)
    .map((h) => ({ kind: 'other-head', words: `head ${lab.head} decays as head ${h} does`, of: () => -g.get(h) }));

/** Strong decays: clamps, overflow, and what is left of differences of large sums. */
async function strongDecays(lab: Lab): Promise<Finding | null> {
  const { T, row } = lab;
  const shape = shapeFor(lab.c, 'g');
  if (shape.length === 1) return null;
  // stronger and stronger, as far as what is left of one step can be told, and weak ones between them
  const strengths = lab.precision.accumulate.bits === 53 ? [1, 8, 30, 100, 200] : [1, 4, 8, 16, 24];
  const strength = (t: number): number => (t % 4 === 3 ? 0.3 : strengths[Math.floor(t / 4) % 5] + (t % 4));
  const g = tensorBy(shape, ([b, t]) => (lab.layout.cells[b][t].index === 0 ? 0 : -strength(t)));
  const { exponents, values } = await exponentsOf(lab, g, 0);
  for (const [t, s] of pairsOf(lab)) {
    const at = t * T + s;
    if (Number.isFinite(values[at])) continue;
    return {
      kind: 'overflow',
      sentence: `strong decays overflow: P[${t},${s}] is ${values[at]}, as where the query carries exp(c_t) and the key exp(-c_s)`,
    };
  }
  // neighbours alone: what lies farther apart may have underflowed
  const wrong = Array.from({ length: T }, (_, r) => r).filter((r) => {
    const at = r * T + r - 1;
    return (
      r > 0 &&
      isPast(lab, row, r, r - 1) &&
      !Number.isNaN(exponents.actual[at]) &&
      !(Math.abs(exponents.actual[at] - exponents.truth[at]) <= exponents.slack[at])
    );
  });
  if (wrong.length === 0) return null;
  const amounts = wrong.map((r) => exponents.actual[r * T + r - 1]);
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
  const all = wrong.every((r) => exponents.truth[r * T + r - 1] >= least - 1e-6);
  if (wrong.length > 1 && most - least < 1e-3 * most && all)
    return { kind: 'clamped', sentence: `log decays are clamped at -${brief(least)}` };
  const apart = wrong.map((r) => Math.abs(exponents.actual[r * T + r - 1] - exponents.truth[r * T + r - 1]));
  if (Math.max(...apart) < 0.1) {
    return {
      kind: 'prefix-differences',
      sentence: `short segments lose digits after strong decays (by up to ${brief(Math.max(...apart))} in the exponent): D is taken from differences of prefix sums`,
    };
  }
  return {
    kind: 'strong-decays',
    sentence: `strong decays are off: position ${wrong[0]} decays by exp(${brief(-amounts[0])}), where g is -${brief(strength(wrong[0]))}`,
  };
}

/** A reset in the middle: nothing of before may be left, and nothing may become NaN. */
async function resets(lab: Lab): Promise<Finding | null> {
  const { T, row, head } = lab;
  const shape = shapeFor(lab.c, 'g');
  if (lab.subject.abilities.resets === false || shape.length === 1 || T < 3) return null;
  const at = Math.floor(T / 2);
  const g = tensorBy(shape, ([b, t]) =>
    t === at ? Number.NEGATIVE_INFINITY : lab.layout.cells[b][t].index === 0 ? 0 : -0.125,
  );
  const P = squareOf(lab, await readMatrices(lab, held(lab, plainCase(lab, { g }))), row, head);
  for (const [t, s] of pairsOf(lab)) {
    const value = P[t * T + s];
    if (Number.isNaN(value)) {
      return {
        kind: 'reset-is-nan',
        sentence: `after a reset (g = -Infinity at position ${at}) P[${t},${s}] is NaN: a difference of prefix sums is Infinity - Infinity`,
      };
    }
    if (t >= at && s < at && value !== 0) {
      return {
        kind: 'reset-leaks',
        sentence: `P[${t},${s}] is ${brief(value)} across a reset at position ${at}, where exactly 0 is right`,
      };
    }
  }
  return null;
}

/** The first thing that is wrong with decays; null where nothing is, or the system has none. */
export async function decayOf(lab: Lab): Promise<Finding | null> {
  if ((systemOf(lab.c).recurrence?.decay ?? 'none') === 'none' || lab.T < 2) return null;
  return (await ordinaryDecays(lab)) ?? (await strongDecays(lab)) ?? (await resets(lab));
}
