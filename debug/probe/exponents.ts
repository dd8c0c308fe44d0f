/** Exponents of D[t,s], read off where every q·k is 1. */
import type { Tensor } from '../../reference/tensor.ts';
import { held, type Lab, plainCase, readMatrices, readPlain, rightMatrices, squareOf, unitChannel } from './lab.ts';
import { isPast } from './pairs.ts';

/** Of one head, -log of what is left of a key's value: NaN where nothing is read at all. */
export interface Exponents {
  actual: Float64Array;
  truth: Float64Array;
  /** How far off the logarithm may be. */
  slack: Float64Array;
}

/** Exponents under log decays g over those under none, so that what is wrong without any decay does not count. */
export async function exponentsOf(lab: Lab, g: Tensor, channel: number) {
  const plain = await readPlain(lab, channel);
  const probe = held(lab, plainCase(lab, { ...unitChannel(lab, channel), g }));
  const square = (values: Float64Array): Float64Array => squareOf(lab, values, lab.row, lab.head);
  const values = square(await readMatrices(lab, probe));
  const right = await rightMatrices(lab, probe);
  const [truth, bound] = [square(right.values), square(right.bound)];
  const exponents: Exponents = {
    actual: values.map((value, at) => (plain.isRead(at) ? -Math.log(value / plain.actual[at]) : Number.NaN)),
    truth: truth.map((value, at) => -Math.log(value / plain.truth[at])),
    slack: truth.map((value, at) => (3 * bound[at]) / Math.abs(value) + 2 ** -48),
  };
  return { exponents, values, plain, g: probe.inputs.g as Tensor };
}

/** Longer than this, some of the queries have to do. */
const MANY = 96;

/** Pairs of one sequence; of many queries those at the edges of chunks and some between. */
export function* pairsOf(lab: Lab): Generator<[number, number]> {
  const stride = Math.ceil(lab.T / MANY);
  for (let t = 0; t < lab.T; t++) {
    if (t % stride > 0 && t % lab.chunkSize > 1) continue;
    for (let s = 0; s <= t; s++) if (isPast(lab, lab.row, t, s)) yield [t, s];
  }
}

/** How well an explanation does. */
export interface Agreement {
  /** Share of the pairs on which the exponent is what it says. */
  share: number;
  /** Pairs that tell it from the truth. */
  telling: number;
  /** Mean distance, in what the precision allows. */
  misfit: number;
}

export function agreement(
  lab: Lab,
  { actual, truth, slack }: Exponents,
  expected: (t: number, s: number) => number,
): Agreement {
  let [pairs, hits, telling, misfit] = [0, 0, 0, 0];
  for (const [t, s] of pairsOf(lab)) {
    const at = t * lab.T + s;
    const wanted = expected(t, s);
    if (Number.isNaN(actual[at]) || Number.isNaN(wanted)) continue;
    // a decay that leaves other than the right amount is off by as much, relatively
    const allowed = slack[at] * Math.max(1, Math.exp(Math.min(wanted - truth[at], 30)));
    const apart = Math.abs(actual[at] - wanted);
    pairs++;
    if (apart <= allowed) hits++;
    misfit += Math.min(apart / allowed, 10);
    if (Math.abs(truth[at] - wanted) > 2 * allowed) telling++;
  }
  return { share: pairs === 0 ? 1 : hits / pairs, telling, misfit: pairs === 0 ? 0 : misfit / pairs };
}

/** What each position decays by, from neighbouring pairs, where all exponents are sums of it; null where they are not. */
export function stepsOf(lab: Lab, { actual, truth, slack }: Exponents): number[] | null {
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
