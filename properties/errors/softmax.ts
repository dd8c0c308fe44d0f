/**
 * Softmax attention: the sizes of the terms, and what errors of the scores do to the weights.
 *
 * A score that is off by d_i, |d_i| <= x_i, gives the weights w_i e^(d_i) / Z, Z = sum_j w_j e^(d_j). They still sum to 1, so what
 * they are multiplied with counts by its distance from the mean:
 *   |sum_i (w_i e^(d_i) / Z - w_i) a_i| = |sum_i w_i (e^(d_i) - 1) (a_i - mean)| / Z.
 */

import type { Case } from '../../reference/case.ts';
import { exp, expm1, log } from '../../reference/elementary.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { sizesOf } from '../edit.ts';
import { type Precision, unitRoundoff } from '../precision.ts';
import type { ByElement } from './by-element.ts';
import type { Costs } from './costs.ts';
import { certain, type Measure } from './measure.ts';

/** Scale, maximum, difference, base-2 logarithm, each rounded once, with some to spare. */
const FEW = 6;

/** A growth times a size: what is 0 passes on no error, not even one of any size. */
const passed = (grown: number, size: number): number => (size === 0 ? 0 : grown * size);

/** One query: for each key that it sees, its weight and how much that may move. */
interface Row {
  weights: Float64Array;
  /** w_i (e^(x_i) - 1) / least Z */
  moved: Float64Array;
  /** Most that a backward's weight may be off by. */
  off: Float64Array;
}

/** Scores, the sums of the sizes of their terms, and what they measure. */
interface Scores {
  scores: Float64Array;
  sizes: Float64Array;
  measured: Float64Array;
}

function rowOf({ scores, sizes, measured }: Scores, costs: Costs, K: number, m: Measure): Row {
  const count = scores.length;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) largest = Math.max(largest, scores[i]);
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    weights[i] = exp(scores[i] - largest);
    total += weights[i];
  }
  const logarithm = Math.abs(largest) + log(total);
  const factors = m.roundings(2, costs.factors + costs.inputs);
  const [moved, off] = [new Float64Array(count), new Float64Array(count)];
  let [least, all] = [0, 0];
  for (let i = 0; i < count; i++) {
    const sums = m.of((K + FEW) * costs.sums * sizes[i]) + m.of(2 * costs.sums * (scores[i] - largest));
    const x = m.to(sums + factors * measured[i]);
    weights[i] /= total;
    // e^(s + x) - e^s: where the weight underflows its error need not
    const grown = x < 1 ? weights[i] * expm1(x) : exp(scores[i] - largest + x) / total - weights[i];
    moved[i] = m.of(grown);
    least += weights[i] * exp(-x);
    all += moved[i];
  }
  for (let i = 0; i < count; i++) {
    // a backward makes the weight anew, from a score that is rounded anew and the logarithm of Z: nothing cancels
    moved[i] /= m.of(least);
    off[i] = moved[i] + m.of(weights[i]) * (all / m.of(least) + m.of(FEW * costs.sums * logarithm));
  }
  return { weights, moved, off };
}

/** Sizes of the terms of each element, and what errors of the scores add. */
export function softmaxSizes(
  c: Case,
  p: Precision,
  costs: Costs,
  m: Measure = certain,
): { size: ByElement; growth: ByElement } {
  const { B, T, G, H, K, V } = sizesOf(c);
  const scale = c.scale ?? 1;
  const [q, k, v] = [c.inputs.q, c.inputs.k, c.inputs.v].map((value) => toDense(value as Tensor));
  const dO = c.cotangents ? toDense(c.cotangents.o) : null;
  // the sum of dO o is often taken from the output as it was stored
  const stored = p.output.bits < p.accumulate.bits ? unitRoundoff(p.output) : 0;
  const starts = c.cuSeqlens ?? [0, T];
  const empty = (): ByElement => ({
    o: new Float64Array(v.length),
    finalState: new Float64Array(0),
    gradients: dO
      ? { q: new Float64Array(q.length), k: new Float64Array(k.length), v: new Float64Array(v.length) }
      : {},
  });
  const [size, growth] = [empty(), empty()];

  function addQuery(b: number, h: number, t: number): void {
    const first = starts.reduce((last, start) => (start <= t ? Math.max(last, start) : last), 0);
    const group = Math.floor((h * G) / H);
    const keyAt = (s: number): number => ((b * T + s) * G + group) * K;
    const valueAt = (s: number): number => ((b * T + s) * H + h) * V;
    const count = t - first + 1;
    const [scores, sizes, measured] = [0, 0, 0].map(() => new Float64Array(count));
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < K; j++) {
        const product = scale * q[keyAt(t) + j] * k[keyAt(first + i) + j];
        scores[i] += product;
        sizes[i] += Math.abs(product);
        measured[i] += m.of(product);
      }
    }
    const { weights, moved, off } = rowOf({ scores, sizes, measured }, costs, K, m);
    const value = (i: number, j: number): number => v[valueAt(first + i) + j];
    const means = new Float64Array(V);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < V; j++) {
        means[j] += weights[i] * value(i, j);
        size.o[valueAt(t) + j] += m.of(weights[i] * value(i, j));
      }
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < V; j++) growth.o[valueAt(t) + j] += moved[i] * m.of(value(i, j) - means[j]);
    }
    // an average of the values is never farther from another one than the farthest of them
    for (let j = 0; j < V; j++) {
      let farthest = 0;
      for (let i = 0; i < count; i++) farthest = Math.max(farthest, m.of(value(i, j) - means[j]));
      const at = valueAt(t) + j;
      if (!(growth.o[at] < farthest)) growth.o[at] = farthest;
    }
    const { q: dq, k: dk, v: dv } = size.gradients;
    const { q: grownQ, k: grownK, v: grownV } = growth.gradients;
    if (!dO || !dq || !dk || !dv || !grownQ || !grownK || !grownV) return;
    // where nothing comes back nothing is passed on
    if (dO.subarray(valueAt(t), valueAt(t) + V).every((value) => value === 0)) return;
    const [dP, dPSize] = [new Float64Array(count), new Float64Array(count)];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < V; j++) {
        const product = dO[valueAt(t) + j] * value(i, j);
        dP[i] += product;
        dPSize[i] += m.of(product);
      }
    }
    let [mean, meanSize, meanMoved] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      mean += weights[i] * dP[i];
      meanSize += m.of(weights[i]) * dPSize[i];
    }
    let farthest = 0;
    for (let i = 0; i < count; i++) {
      meanMoved += moved[i] * m.of(dP[i] - mean);
      farthest = Math.max(farthest, m.of(dP[i] - mean));
    }
    if (!(meanMoved < farthest)) meanMoved = farthest;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < V; j++) {
        dv[valueAt(first + i) + j] += m.of(weights[i] * dO[valueAt(t) + j]);
        grownV[valueAt(first + i) + j] += passed(off[i], m.of(dO[valueAt(t) + j]));
      }
      const dA = m.of(scale * weights[i]) * (dPSize[i] + meanSize);
      const whole = m.of(weights[i]) + off[i];
      const grown = m.of(scale) * (off[i] * m.of(dP[i] - mean) + whole * (meanMoved + m.of(stored) * meanSize));
      for (let j = 0; j < K; j++) {
        const [toQ, toK] = [keyAt(t) + j, keyAt(first + i) + j];
        dq[toQ] += dA * m.of(k[toK]);
        dk[toK] += dA * m.of(q[toQ]);
        grownQ[toQ] += passed(grown, m.of(k[toK]));
        grownK[toK] += passed(grown, m.of(q[toQ]));
      }
    }
  }

  for (let b = 0; b < B; b++) for (let h = 0; h < H; h++) for (let t = 0; t < T; t++) addQuery(b, h, t);
  return { size, growth };
}
