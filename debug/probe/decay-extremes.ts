/** Strong decays and resets: where exponents are clamped, overflow, or are what is left of differences of large sums. */
import { tensorBy } from '../../properties/edit.ts';
import { brief } from '../localise/relation.ts';
import { exponentsOf, pairsOf } from './exponents.ts';
import { held, type Lab, plainCase, readMatrices, readPlain, shapeFor, squareOf } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

/** The same strong decay at each position: e to the sum of a few of them is beyond the format, between neighbours it is not. */
async function overflowOf(lab: Lab): Promise<Finding | null> {
  const { T } = lab;
  const { maxExponent } = lab.precision.output;
  const each = Math.floor(0.55 * maxExponent * Math.LN2);
  const g = tensorBy(shapeFor(lab.c, 'g'), ([b, t]) => (lab.layout.cells[b][t].index === 0 ? 0 : -each));
  const { values, plain } = await exponentsOf(lab, g, 0);
  for (const [t, s] of pairsOf(lab)) {
    const at = t * T + s;
    // nothing decays between a query and its own key, and what is no number without any decay says nothing of decays
    if (s === t || Number.isFinite(values[at]) || !Number.isFinite(plain.actual[at])) continue;
    return {
      kind: 'overflow',
      sentence: `strong decays overflow: with g = -${each} at every position P[${t},${s}] is ${values[at]}, as where the query carries exp(c_t) and the key exp(-c_s)`,
    };
  }
  return null;
}

/** Strong decays: clamps, overflow, and what is left of differences of large sums. */
export async function strongDecays(lab: Lab): Promise<Finding | null> {
  const { T, row } = lab;
  const shape = shapeFor(lab.c, 'g');
  if (shape.length === 1) return null;
  const overflowing = await overflowOf(lab);
  if (overflowing) return overflowing;
  // stronger and stronger, as far as what is left of one step can be told, and weak ones between them
  const strengths = lab.precision.accumulate.bits === 53 ? [1, 8, 30, 100, 200] : [1, 4, 8, 16, 24];
  const strength = (t: number): number => (t % 4 === 3 ? 0.3 : strengths[Math.floor(t / 4) % 5] + (t % 4));
  const g = tensorBy(shape, ([b, t]) => (lab.layout.cells[b][t].index === 0 ? 0 : -strength(t)));
  const { exponents, values, plain } = await exponentsOf(lab, g, 0);
  for (const [t, s] of pairsOf(lab)) {
    const at = t * T + s;
    if (s === t || Number.isFinite(values[at]) || !Number.isFinite(plain.actual[at])) continue;
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
  const digits = lab.precision.output.bits < 24 ? 2 : 4;
  const amounts = wrong.map((r) => exponents.actual[r * T + r - 1]);
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
  const all = wrong.every((r) => exponents.truth[r * T + r - 1] >= least - 1e-6);
  if (wrong.length > 1 && most - least < 1e-3 * most && all)
    return { kind: 'clamped', sentence: `log decays are clamped at -${Number(least.toPrecision(digits))}` };
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
export async function resets(lab: Lab): Promise<Finding | null> {
  const { T, row, head } = lab;
  const shape = shapeFor(lab.c, 'g');
  if (lab.subject.abilities.resets === false || shape.length === 1 || T < 3) return null;
  const at = Math.floor(T / 2);
  const g = tensorBy(shape, ([b, t]) =>
    t === at ? Number.NEGATIVE_INFINITY : lab.layout.cells[b][t].index === 0 ? 0 : -0.125,
  );
  const P = squareOf(lab, await readMatrices(lab, held(lab, plainCase(lab, { g }))), row, head);
  const plain = await readPlain(lab);
  for (const [t, s] of pairsOf(lab)) {
    const value = P[t * T + s];
    if (s === t || Number.isNaN(plain.actual[t * T + s])) continue;
    if (Number.isNaN(value)) {
      return {
        kind: 'reset-is-nan',
        sentence: `after a reset (g = -Infinity at position ${at}) P[${t},${s}] is NaN: a difference of prefix sums is Infinity - Infinity, or 0 is multiplied by exp(Infinity)`,
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
