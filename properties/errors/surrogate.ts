/**
 * How large the terms are that each element of an answer is summed from, and how that grows when every step and source is off by a
 * little: the operator itself, on sizes in place of values.
 *   - Transitions without negative entries (decays): sizes are absolute values.
 *   - Other transitions: absolute values would grow where the operator contracts, so sizes are Euclidean norms along K, and F_t
 *     counts with its spectral norm: a scalar decay with K = 1. (One delta rule a step has a closer model of its own: delta.ts.)
 * Every sum on sizes has positive terms, so it is convex in the log decays: what a change h of them costs at most is
 * (f(s h) - f(0)) / s for any s >= 1, which rounding cannot spoil when h is tiny.
 */

import type { Case } from '../../reference/case.ts';
import { exp, log } from '../../reference/elementary.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { mapTensor, shapeOf, sizesOf, systemOf } from '../edit.ts';
import { type ByElement, byName, combine, mapElements } from './by-element.ts';
import {
  decayGradient,
  differenced,
  logDecays,
  norms,
  perHead,
  plain,
  type StepNorms,
  shareOut,
  spread,
  stepNorms,
} from './layout.ts';
import type { Slips } from './slips.ts';

const absolute = (value: Tensor): DenseTensor => mapTensor(value, Math.abs);

/** Beyond this the difference of two evaluations would be lost in their own rounding. */
const VISIBLE = 2 ** -20;
/** The same for second differences. */
const SQUARES_VISIBLE = 2 ** -8;

export interface Surrogate {
  /** Sizes of the terms, shaped like the answer. */
  size: ByElement;
  /** What `slips` add to `size` at most. */
  growth(slips: Slips): ByElement;
  /** Where sizes are squares: the sum of each times the square of its relative error. */
  squaredGrowth(slips: Slips): ByElement;
  /** Norms of the transitions. */
  steps: StepNorms;
}

export function createSurrogate(c: Case): Surrogate {
  const { B, T, H, G, K } = sizesOf(c);
  const { recurrence, logLinear } = systemOf(c);
  const byNorm = (recurrence?.transition.erases ?? 0) > 0;
  const steps = stepNorms(c);
  const { g, width } = logDecays(c);
  const beta = c.inputs.beta ? toDense(c.inputs.beta).map(Math.abs) : null;
  const isDiagonal = !byNorm && recurrence?.decay === 'channel';
  const sizeOf = (value: Tensor, axis: number): DenseTensor => (byNorm ? norms(value, axis) : absolute(value));
  const logs = byNorm ? steps.value.map(log) : g;
  const q = sizeOf(perHead(c.inputs.q as Tensor, H, G), 3);
  const k = sizeOf(perHead(c.inputs.k as Tensor, H, G), 3);
  const v = absolute(c.inputs.v as Tensor);
  const written = beta ? mapTensor(v, (value, [b, t, h]) => value * beta[(b * T + t) * H + h]) : v;

  function evaluate(slips: Slips | null, factor: number): ByElement {
    const inputs: Case['inputs'] = {
      q,
      k,
      v: slips
        ? mapTensor(written, (value, [b, t, h]) => value * exp(factor * slips.source[(b * T + t) * H + h]))
        : written,
      g: tensor(
        logs.map((log, i) => (slips ? log + factor * slips.step[i] : log)),
        isDiagonal ? [B, T, H, K] : [B, T, H],
      ),
    };
    if (c.inputs.lambda) inputs.lambda = absolute(c.inputs.lambda);
    if (c.inputs.initialState) inputs.initialState = sizeOf(c.inputs.initialState, 3);
    const system = `${logLinear ? 'log-linear-' : ''}${isDiagonal ? 'gla' : 'mamba2'}`;
    const sizes: Case = { ...plain(c), system, inputs, scale: Math.abs(c.scale ?? 1) };
    if (c.cotangents) {
      sizes.cotangents = { o: absolute(c.cotangents.o) };
      if (c.cotangents.finalState) sizes.cotangents.finalState = sizeOf(c.cotangents.finalState, 3);
    }
    return back(sizes, slips, factor);
  }

  /** From the sizes of heads to the shapes of the answer. */
  function back(sizes: Case, slips: Slips | null, factor: number): ByElement {
    const answer = compute(sizes);
    const { V, L, n } = sizesOf(c);
    const stateShape = [n, H, L, byNorm ? 1 : K, V];
    const wide = (value: Float64Array, shape: readonly number[]): Float64Array =>
      byNorm ? spread(value, shape, 3, K) : value;
    const result: ByElement = {
      o: toDense(answer.o),
      finalState: wide(toDense(answer.finalState as DenseTensor), stateShape),
      gradients: {},
    };
    if (!answer.gradients) return result;
    const d = (name: InputName): Float64Array => toDense(answer.gradients?.[name] as DenseTensor);
    const into = result.gradients;
    const inner = byNorm ? 1 : K;
    const toGroups = (value: Float64Array): Float64Array => {
      const sums = new Float64Array(B * T * G * inner);
      value.forEach((each, i) => {
        const [token, h] = [Math.floor(i / (H * inner)), Math.floor(i / inner) % H];
        sums[(token * G + Math.floor((h * G) / H)) * inner + (i % inner)] += each;
      });
      return wide(sums, [B, T, G, inner]);
    };
    const [dq, dk] = [d('q'), d('k')];
    // <dS, F S> through F_t, once the norm of F_t itself is taken out again
    const through = d('g');
    if (byNorm) {
      through.forEach((value, i) => {
        through[i] = steps.value[i] > 0 ? value / steps.value[i] : 0;
        dk[i] += steps.k[i] * through[i];
      });
    }
    into.q = toGroups(dq);
    into.k = toGroups(dk);
    const dw = d('v').map((value, i) => value * (slips ? exp(factor * slips.source[Math.floor(i / V)]) : 1));
    into.v = beta ? dw.map((value, i) => value * beta[Math.floor(i / V)]) : dw;
    if (beta) {
      const values = v.data;
      into.beta = through.map((value, i) => {
        let sum = steps.beta[i] * value;
        for (let j = 0; j < V; j++) sum += values[i * V + j] * dw[i * V + j];
        return sum;
      });
    }
    if (c.inputs.g) {
      const crossing = byNorm ? through.map((value, i) => steps.g[i] * value) : through;
      const byChannel = byNorm && width > 1 ? shareOut(crossing, g, K) : crossing;
      into.g = decayGradient(c, byChannel, differenced(c, q.data, dq, k.data, dk, inner, width));
    }
    if (c.inputs.lambda) into.lambda = d('lambda');
    if (c.inputs.initialState) {
      const shape = shapeOf(c, 'initialState');
      shape[3] = inner;
      into.initialState = wide(d('initialState'), shape);
    }
    return result;
  }

  const size = evaluate(null, 0);
  return {
    size,
    steps,
    growth(slips) {
      const most = Math.max(largest(slips.step), largest(slips.source));
      if (most === 0) return mapElements(size, () => 0);
      const factor = Math.max(1, VISIBLE / most);
      const off = evaluate(slips, factor);
      return combine(size, off, (small, large) => (large === small ? 0 : Math.max(0, large - small) / factor));
    },
    squaredGrowth(slips) {
      const most = Math.max(largest(slips.step), largest(slips.source));
      if (most === 0) return mapElements(size, () => 0);
      // sum a (e^(h x) - 1)^2 / h^2 >= sum a x^2
      const h = SQUARES_VISIBLE / most;
      const [once, twice] = [evaluate(slips, h), evaluate(slips, 2 * h)];
      return mapElements(size, (value, name, at) => {
        const [one, two] = [byName(once, name)[at], byName(twice, name)[at]];
        return one === value ? 0 : Math.max(0, two - 2 * one + value) / h ** 2;
      });
    },
  };
}

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, value), 0);
