/**
 * Where a failure is: for each output how much of it is wrong, and which simple set that is: the last partial chunk, one head, channels
 * from a tile's edge on. Nothing is asked of the implementation here.
 */
import { unravel } from '../../properties/compare.ts';
import type { Precision } from '../../properties/precision.ts';
import type { Failure, OutputErrors } from '../failure.ts';
import { fewPlaces } from './box.ts';
import { type Layout, layoutOf } from './layout.ts';
import type { FoundSet, Localisation, Located, Place } from './localisation.ts';
import { alongAxis, profileOf } from './profile.ts';
import { relationOf } from './relation.ts';
import { type Hypothesis, type Labels, type Scored, sameAs, simplestSet } from './search.ts';
import { setsFor } from './sets.ts';
import { factorWords, sentenceOf, wholeAxes } from './words.ts';

/** A set is named when it has so much of what is wrong, and so much of it is wrong. */
const RECALL = 0.9;
const PRECISION = 0.7;

/** An element that is right although its whole value is within the bound says nothing, nor does one without a promise. */
export function labelsOf({ axes, shape, ratio, expected, bound }: Omit<OutputErrors, 'name' | 'actual'>): Labels {
  const labels = Int8Array.from(ratio, (each, at) => {
    if (!(each <= 1)) return 1;
    return bound[at] === Number.POSITIVE_INFINITY || Math.abs(expected[at]) <= bound[at] ? 0 : -1;
  });
  return { axes, shape, labels };
}

/** Chunks begin where levels do: where a set is both, both are said. */
function levelWords(factor: Hypothesis, hypotheses: readonly Hypothesis[]): string {
  if (!/^every chunk .* after the first/.test(factor.words)) return '';
  const level = sameAs(factor, hypotheses).find(({ words }) => /where level \d+ begins$/.test(words));
  return level ? ` (${level.words}, are the same)` : '';
}

/** The set in words, or null where it is not good enough to be named. */
export function named(scored: Scored | null, hypotheses: readonly Hypothesis[], rest: (axes: string) => string) {
  if (!scored) return null;
  const { wrongInside, rightInside, wrong, factors } = scored;
  const recall = wrongInside / wrong;
  const precision = wrongInside / (wrongInside + rightInside);
  if (recall < RECALL || precision < PRECISION) return null;
  const parts = factors.map((each) => factorWords(each) + levelWords(each, hypotheses));
  const others = rest(factors.map((each) => each.axes).join(''));
  const found: FoundSet = {
    parts,
    words: [...parts, others].filter(Boolean).join(', '),
    also: [...new Set(factors.flatMap((each) => sameAs(each, hypotheses).map(({ words }) => words)))]
      // a mere stretch says no more than the words do
      .filter((each) => !/^positions from \d+ to/.test(each))
      .slice(0, 4),
    recall,
    precision,
  };
  return found;
}

function placeOf(errors: OutputErrors, at: number): Place {
  const { axes, shape, actual, expected, bound, ratio } = errors;
  const index = Object.fromEntries(unravel(at, shape).map((each, axis) => [axes[axis], each]));
  return { index, actual: actual[at], expected: expected[at], bound: bound[at], ratio: ratio[at] };
}

/** One output. */
export function locate(errors: OutputErrors, layout: Layout, precision: Precision): Located {
  const { name, axes, shape, ratio, actual, expected } = errors;
  let [wrong, nonFinite, worst] = [0, 0, -1];
  let first = Number.POSITIVE_INFINITY;
  const time = axes.indexOf('T');
  const t = alongAxis(shape, Math.max(time, 0));
  // between two infinite ratios the larger difference is the worse; NaN before all
  const distance = (at: number): number => {
    const apart = Math.abs(actual[at] - expected[at]);
    return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
  };
  ratio.forEach((each, at) => {
    const isWorse = worst < 0 || each > ratio[worst] || (each === ratio[worst] && distance(at) > distance(worst));
    if (isWorse) worst = at;
    if (each <= 1) return;
    wrong++;
    if (!Number.isFinite(actual[at])) nonFinite++;
    if (time >= 0) first = Math.min(first, t(at));
  });
  const hypotheses = wrong > 0 ? setsFor(errors, layout) : [];
  const rest = (cut: string): string => wholeAxes(axes, shape, cut);
  const labels = labelsOf(errors);
  const located: Omit<Located, 'sentence'> = {
    name,
    axes,
    shape,
    wrong,
    total: ratio.length,
    nonFinite,
    worst: worst < 0 ? null : placeOf(errors, worst),
    first: Number.isFinite(first) ? first : null,
    set: named(simplestSet(labels, hypotheses), hypotheses, rest) ?? fewPlaces(labels),
    relation: relationOf(errors, (name === 'finalState' ? precision.state : precision.output).bits),
    profile: profileOf(errors, layout),
  };
  return { ...located, sentence: sentenceOf(located) };
}

/** Where a failure is, for every output. */
export function localise({ c, precision, outputs, faults }: Failure): Localisation {
  const layout = layoutOf(c);
  const located = outputs.map((errors) => locate(errors, layout, precision));
  const wrong = located.filter((each) => each.wrong > 0);
  const sentences = [...faults, ...wrong.map(({ sentence }) => sentence)];
  return { outputs: located, faults, sentences: sentences.length > 0 ? sentences : ['nothing is wrong'] };
}
