/** Relative errors of decays and steps, token by token. */

import type { Case } from '../../reference/case.ts';
import { exp } from '../../reference/elementary.ts';
import { sizesOf, systemOf } from '../edit.ts';
import type { Costs } from './costs.ts';
import { chunkOf, chunksOf, logDecays, type StepNorms, storedEvery } from './layout.ts';

/** Relative errors of the parts of one evaluation. */
export interface Slips {
  /** Of exp(g_t), or of F_t: [B,T,H], or [B,T,H,K] for a diagonal decay that is not replaced by norms. */
  step: Float64Array;
  /** Of what token s adds to the state, for every later token: [B,T,H]. */
  source: Float64Array;
}

/** Roundings of one exp, one product with it, and a sum or two. */
const FEW = 4;
/** A decay below e^-2 hides what came before it: an error of the prefix may be put there without counting for much. */
const STRONG = -2;

/** Log decays by size: for norms, of the channels that still count beside the slowest decay of their token. */
function sizesOfDecays(g: Float64Array, width: number, channels: number): Float64Array {
  if (channels === width) return g.map((value) => (Number.isFinite(value) ? Math.abs(value) : 0));
  return Float64Array.from({ length: g.length / width }, (_, i) => {
    const row = g.subarray(i * width, (i + 1) * width);
    const slowest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    return row.reduce(
      (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value) * exp(value - slowest)) : most),
      0,
    );
  });
}

/**
 * Errors of the decays.
 *   - exponent: a sum of n log decays, one after the other, is off by up to n u times the sum of |g|; exp adds a few u
 *   - prefix sums: c_t - c_s inside a chunk is off by the size of c_s as well
 *   - rounded g: an input that the format does not hold
 *   - states in memory: one rounding for each chunk that a state goes through
 * `longest`: positions of the longest sequence. `kept`: positions before which states are kept once more, there and back.
 */
export function decaySlips(c: Case, costs: Costs, longest: number, kept: readonly number[]): Slips {
  const { B, T, H } = sizesOf(c);
  const { g, width } = logDecays(c);
  const channels = (systemOf(c).recurrence?.transition.erases ?? 0) > 0 ? 1 : width;
  const sizes = sizesOfDecays(g, width, channels);
  const once = c.inputs.g ? FEW * costs.exponent : 0;
  const step = sizes.map((size) => once + (costs.exponent * (longest + FEW) + costs['rounded g']) * size);
  const source = new Float64Array(B * T * H);
  if (costs['prefix sums'] > 0) {
    const unit = 2 * costs['prefix sums'] * (Math.min(longest, chunkOf(c)) + FEW);
    addPrefixSlips(c, { g, width, channels, unit }, { step, source });
  }
  if (costs['states in memory'] > 0) {
    const keep = (row: number, times: number): void => {
      for (let i = row * H * channels; i < (row + 1) * H * channels; i++) step[i] += times * costs['states in memory'];
    };
    for (const { first } of chunksOf(c, storedEvery(c)).flat()) keep(first, 1);
    for (const t of kept) for (let b = 0; b < B && t < T; b++) keep(b * T + t, 2);
  }
  return { step, source };
}

/** The error of c_s, for each token s that a later one of its chunk, or the end of the chunk, is told from. */
function addPrefixSlips(
  c: Case,
  decays: { g: Float64Array; width: number; channels: number; unit: number },
  into: Slips,
): void {
  const { g, width, channels, unit } = decays;
  const { H } = sizesOf(c);
  const size = (row: number, j: number): number =>
    Number.isFinite(g[row * width + j]) ? Math.abs(g[row * width + j]) : 0;
  for (const chunks of chunksOf(c)) {
    // a kernel's chunks may begin elsewhere: what the one before has summed counts too
    let before = new Float64Array(H * width);
    const last = chunks[chunks.length - 1]?.end ?? 0;
    for (const { first, end } of chunks) {
      const prefix = new Float64Array(H * width);
      for (let t = first; t < end; t++) {
        for (let h = 0; h < H; h++) {
          const [row, next] = [t * H + h, (t + 1) * H + h];
          for (let j = 0; j < width; j++) prefix[h * width + j] += size(row, j);
          // the last token is told from its own sum: an exact difference
          if (t + 1 === last) continue;
          const slowest = slowestOf(g, width, next);
          let most = 0;
          for (let j = 0; j < width; j++) {
            const slip = unit * (prefix[h * width + j] + before[h * width + j]);
            const decay = g[next * width + j];
            if (channels < width) most = Math.max(most, slip * (decay === slowest ? 1 : exp(decay - slowest)));
            else if (decay < STRONG) into.step[next * width + j] += slip;
            else into.source[row] = Math.max(into.source[row], slip);
          }
          if (channels === width) continue;
          if (slowest < STRONG) into.step[next] += most;
          else into.source[row] = Math.max(into.source[row], most);
        }
      }
      before = prefix;
    }
  }
}

/** The log decay of the slowest channel of a token and head. */
function slowestOf(g: Float64Array, width: number, row: number): number {
  let slowest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < width; j++) slowest = Math.max(slowest, g[row * width + j]);
  return slowest;
}

/** Errors of the steps of a transition that is known by its norms alone, one after the other. */
export function stepSlips(
  steps: StepNorms,
  beta: Float64Array | null,
  costs: Costs,
  K: number,
  length: number,
): Float64Array {
  const factor = costs.factors + costs.inputs;
  return steps.value.map((_, i) => {
    const erased = beta ? Math.abs(beta[i]) * steps.beta[i] : 1;
    return FEW * costs.sums + ((K + length + FEW) * costs.sums + FEW * factor) * erased * (1 + erased * length);
  });
}
