/**
 * Which simple set a number of wrong elements is. Sets are masks over some of the axes; the best one is that with which it takes the
 * fewest bits to say which elements are wrong: the bits that name the set, plus those for the exceptions inside and outside of it
 * (Rissanen's minimum description length). So a set has to pay for its own complexity, and an exact simple one always wins.
 */
import { elements } from '../../reference/tensor.ts';

/** What is known of every element: 1 wrong, -1 right, 0 right where an error could not show. */
export interface Labels {
  axes: string;
  shape: readonly number[];
  labels: Int8Array;
}

/** A simple set along some of the axes, in the order that they have in the labels. */
export interface Hypothesis {
  axes: string;
  /** Row-major over these axes. */
  mask: Uint8Array;
  /** "the last partial chunk (C = 4)" */
  words: string;
  /** Bits that it takes to name it. */
  cost: number;
}

export interface Scored {
  /** Sets that are cut with one another; none for everything. */
  factors: Hypothesis[];
  wrongInside: number;
  rightInside: number;
  wrong: number;
  right: number;
  bits: number;
}

/** Wrong and right elements by their place along some axes. */
interface Projection {
  wrong: Float64Array;
  right: Float64Array;
}

/** So many of the best sets of each axis are cut with those of others. */
const WIDTH = 6;
/** A set that is not exactly what is wrong has to save so much of the bits that the wrong elements take without one. */
const GAIN = 0.25;
/** Bits for cutting with one more set. */
const PER_FACTOR = 4;

/** Bits that say which `wrong` of `wrong + right` elements are wrong, the count included. */
function bitsOf(wrong: number, right: number): number {
  const n = wrong + right;
  const part = (count: number): number => (count === 0 ? 0 : count * Math.log2(n / count));
  return Math.log2(n + 1) + part(wrong) + part(right);
}

/** The place along `letters` of every place along `axes`. */
function placesAlong(axes: string, shape: readonly number[], letters: string): Int32Array {
  const strides = [...axes].map((letter) => {
    const at = letters.indexOf(letter);
    return at < 0 ? 0 : elements([...letters.slice(at + 1)].map((each) => shape[axes.indexOf(each)]));
  });
  const places = new Int32Array(elements(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, place = 0; i < places.length; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return places;
}

const sorted = (axes: string, letters: string): string => [...axes].filter((each) => letters.includes(each)).join('');

/** The simplest set, and how good it is; null where nothing is wrong. */
export function simplestSet({ axes, shape, labels }: Labels, hypotheses: readonly Hypothesis[]): Scored | null {
  const projections = new Map<string, Projection>();
  const shapeOf = (letters: string): number[] => [...letters].map((letter) => shape[axes.indexOf(letter)]);
  const project = (letters: string): Projection => {
    const known = projections.get(letters);
    if (known) return known;
    const size = elements(shapeOf(letters));
    const found: Projection = { wrong: new Float64Array(size), right: new Float64Array(size) };
    const places = placesAlong(axes, shape, letters);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] > 0) found.wrong[places[i]]++;
      else if (labels[i] < 0) found.right[places[i]]++;
    }
    projections.set(letters, found);
    return found;
  };
  const whole = project('');
  const [wrong, right] = [whole.wrong[0], whole.right[0]];
  if (wrong === 0) return null;

  const score = (factors: Hypothesis[]): Scored => {
    const letters = sorted(axes, factors.map((each) => each.axes).join(''));
    const cells = project(letters);
    const masks = factors.map((each) => ({
      mask: each.mask,
      places: each.axes === letters ? null : placesAlong(letters, shapeOf(letters), each.axes),
    }));
    let wrongInside = 0;
    let rightInside = 0;
    for (let i = 0; i < cells.wrong.length; i++) {
      if (!masks.every(({ mask, places }) => mask[places ? places[i] : i])) continue;
      wrongInside += cells.wrong[i];
      rightInside += cells.right[i];
    }
    const [wrongOutside, rightOutside] = [wrong - wrongInside, right - rightInside];
    // a set is where the errors are, not where they are not
    const isDenser = wrongInside * rightOutside > wrongOutside * rightInside;
    const cost = factors.reduce((sum, each) => sum + each.cost, PER_FACTOR * Math.max(factors.length - 1, 0));
    const bits = isDenser
      ? cost + bitsOf(wrongInside, rightInside) + bitsOf(wrongOutside, rightOutside)
      : Number.POSITIVE_INFINITY;
    return { factors, wrongInside, rightInside, wrong, right, bits };
  };

  const everything: Scored = {
    factors: [],
    wrongInside: wrong,
    rightInside: right,
    wrong,
    right,
    bits: bitsOf(wrong, right),
  };
  const byAxes = new Map<string, Scored[]>();
  for (const each of hypotheses) {
    const list = byAxes.get(each.axes) ?? [];
    list.push(score([each]));
    byAxes.set(each.axes, list);
  }
  const least = (a: Scored, b: Scored): number => a.bits - b.bits;
  const singles = [...byAxes.values()].flatMap((list) => distinct(list.sort(least)).slice(0, WIDTH));
  let best = [everything, ...singles].reduce((a, b) => (b.bits < a.bits ? b : a));
  let beam = singles.filter(({ bits }) => bits < everything.bits);
  for (let depth = 2; depth <= 3; depth++) {
    const longer = beam.flatMap(({ factors }) =>
      singles
        .filter((single) => single.bits < everything.bits + 64)
        .map((single) => single.factors[0])
        .filter((next) => factors.every((each) => each.axes < next.axes))
        .map((next) => score([...factors, next])),
    );
    beam = longer.sort(least).slice(0, 2 * WIDTH);
    for (const each of beam) if (each.bits < best.bits) best = each;
  }
  const isExact = best.wrongInside === wrong && best.rightInside === 0;
  return isExact || best.bits <= (1 - GAIN) * everything.bits ? best : everything;
}

/** The first of those with the same counts: they are the same set by other names, or as good. */
function distinct(list: Scored[]): Scored[] {
  const seen = new Set<string>();
  return list.filter(({ wrongInside, rightInside }) => {
    const key = `${wrongInside}/${rightInside}`;
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}

/** Other hypotheses with the very same elements, the cheapest first. */
export const sameAs = (one: Hypothesis, hypotheses: readonly Hypothesis[]): Hypothesis[] =>
  hypotheses
    .filter((each) => each !== one && each.axes === one.axes && each.mask.every((value, i) => value === one.mask[i]))
    .sort((a, b) => a.cost - b.cost);
