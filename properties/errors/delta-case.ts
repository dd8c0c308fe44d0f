/** The delta rule's sizes and errors on whole cases: head by head (delta.ts), put together as the answer is. */
import type { Case } from '../../reference/case.ts';
import type { HeadOutput } from '../../reference/head.ts';
import { headOf } from '../../reference/operator.ts';
import { checkCase, type Problem } from '../../reference/shapes.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { inputNames, shapeOf } from '../edit.ts';
import type { ByElement } from './by-element.ts';
import type { Costs } from './costs.ts';
import { type DeltaCosts, deltaErrors, type HeadErrors } from './delta.ts';
import { chunkOf, decayGradient, differenced, logDecays, norms, perHead, plain, shareOut } from './layout.ts';
import { certain, type Measure } from './measure.ts';
import type { Slips } from './slips.ts';

/** Tensors of norms, heads apart: [B,T,H], [B,T,H,V] for w, [B,T,H,L], [n,H,L,V]. */
interface Collected {
  o: Float64Array;
  finalState: Float64Array;
  q: Float64Array;
  k: Float64Array;
  w: Float64Array;
  g: Float64Array;
  beta: Float64Array;
  lambda: Float64Array;
  initialState: Float64Array;
}

function collect({ B, T, H, V, L, sequences }: Problem): Collected {
  const [rows, states] = [B * T * H, sequences.length * H * L * V];
  return {
    o: new Float64Array(rows * V),
    finalState: new Float64Array(states),
    q: new Float64Array(rows),
    k: new Float64Array(rows),
    w: new Float64Array(rows * V),
    g: new Float64Array(rows),
    beta: new Float64Array(rows),
    lambda: new Float64Array(rows * L),
    initialState: new Float64Array(states),
  };
}

function addHead(p: Problem, n: number, h: number, from: HeadErrors, into: Collected): void {
  const { row, start, end } = p.sequences[n];
  const { T, H, V, L } = p;
  for (let t = start; t < end; t++) {
    const at = (row * T + t) * H + h;
    const i = t - start;
    for (const key of ['q', 'k', 'g', 'beta'] as const) into[key][at] = from[key][i];
    for (const key of ['o', 'w'] as const) into[key].set(from[key].subarray(i * V, (i + 1) * V), at * V);
    into.lambda.set(from.lambda.subarray(i * L, (i + 1) * L), at * L);
  }
  into.finalState.set(from.state, (n * H + h) * L * V);
  into.initialState.set(from.initial, (n * H + h) * L * V);
}

/** Rows [from, to) of `width` numbers of one head. */
function rowsOf(p: Problem, n: number, h: number, from: Float64Array, width: number): Float64Array {
  const { row, start, end } = p.sequences[n];
  const out = new Float64Array((end - start) * width);
  for (let t = start; t < end; t++) {
    const at = ((row * p.T + t) * p.H + h) * width;
    out.set(from.subarray(at, at + width), (t - start) * width);
  }
  return out;
}

function cotangentsOf(p: Problem, n: number, h: number): HeadOutput | null {
  if (!p.cotangents) return null;
  const size = p.L * p.K * p.V;
  const { o, finalState } = p.cotangents;
  const from = (n * p.H + h) * size;
  return {
    o: rowsOf(p, n, h, o, p.V),
    state: finalState ? finalState.slice(from, from + size) : new Float64Array(size),
  };
}

/** Sizes of the terms of each element, and what errors on the way add. */
export function deltaSizes(
  c: Case,
  costs: Costs,
  slips: Slips,
  m: Measure = certain,
): { size: ByElement; growth: ByElement } {
  const p = checkCase('bounds', plain(c));
  const [size, growth] = [collect(p), collect(p)];
  for (let n = 0; n < p.sequences.length; n++) {
    for (let h = 0; h < p.H; h++) {
      const x = headOf(p, n, h);
      const here: DeltaCosts = {
        sums: costs.sums,
        factors: costs.factors + costs.inputs,
        step: rowsOf(p, n, h, slips.step, 1),
        source: rowsOf(p, n, h, slips.source, 1),
        chunk: chunkOf(c),
      };
      const errors = deltaErrors(x, cotangentsOf(p, n, h), here, m);
      addHead(p, n, h, errors.size, size);
      addHead(p, n, h, errors.growth, growth);
    }
  }
  return { size: together(c, p, size, m), growth: together(c, p, growth, m) };
}

/** As the answer is shaped: one norm for each channel that went into it, heads summed into their groups. */
function together(c: Case, p: Problem, from: Collected, m: Measure): ByElement {
  const { B, T, G, H, K, V, L } = p;
  const across = m.across(K);
  const wide = (values: Float64Array): Float64Array =>
    Float64Array.from({ length: values.length * K }, (_, i) => across * values[Math.floor(i / (K * V)) * V + (i % V)]);
  const result: ByElement = { o: from.o, finalState: wide(from.finalState), gradients: {} };
  if (!c.cotangents) return result;
  const toGroups = (values: Float64Array): Float64Array => {
    const sums = new Float64Array(B * T * G * K);
    values.forEach((value, i) => {
      const [token, group] = [Math.floor(i / H), Math.floor(((i % H) * G) / H)];
      for (let j = 0; j < K; j++) sums[(token * G + group) * K + j] += across * value;
    });
    return sums;
  };
  const v = toDense(c.inputs.v as Tensor);
  const beta = toDense(c.inputs.beta as Tensor);
  const into = result.gradients;
  into.q = toGroups(from.q);
  into.k = toGroups(from.k);
  // w = beta v
  into.v = from.w.map((value, i) => value * m.of(beta[Math.floor(i / V)]));
  into.beta = from.beta.map((value, i) =>
    from.w.subarray(i * V, (i + 1) * V).reduce((sum, each, j) => sum + each * m.of(v[i * V + j]), value),
  );
  if (c.inputs.g) {
    const { g, width } = logDecays(c);
    // one channel's share of an inner product over all of them
    const share = width > 1 ? across : 1;
    const keys = (name: 'q' | 'k'): Float64Array =>
      norms(perHead(c.inputs[name] as Tensor, H, G), 3).data.map((value) => share * across * m.of(value));
    const whole = from.g.map((value) => share * value);
    const crossing = width > 1 ? shareOut(whole, g, K, (decay) => m.of(decay)) : whole;
    into.g = decayGradient(c, crossing, differenced(c, keys('q'), from.q, keys('k'), from.k, 1, width));
  }
  if (c.inputs.lambda) into.lambda = from.lambda;
  if (inputNames(c).includes('initialState')) {
    const levels = shapeOf(c, 'initialState')[2];
    const rows = p.sequences.length * H;
    const kept = new Float64Array(rows * levels * V);
    for (let i = 0; i < rows; i++) {
      kept.set(from.initialState.subarray(i * L * V, (i * L + levels) * V), i * levels * V);
    }
    into.initialState = wide(kept);
  }
  return result;
}
