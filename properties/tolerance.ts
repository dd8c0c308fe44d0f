/**
 * The error model: for each element of each answer, how far a correct implementation may be from the exact value.
 *
 *   bound = c * u * n * condition + floor
 *
 * u is the unit roundoff, n counts the roundings that can meet in one element, and `condition` is the size of the terms that are
 * summed, element by element. docs/numerics.md derives each factor.
 *   - Transitions without negative entries (decays): the condition is the same operator on absolute values.
 *   - Other transitions (the delta rule): absolute values would grow where the operator contracts, so vectors are replaced by their
 *     Euclidean norms and F_t by its spectral norm: a scalar-decay operator with K = 1.
 *   - Softmax: the same formulas on absolute values, with the score's own error in the exponent.
 */
import type { Case } from '../reference/case.ts';
import type { Head, TransitionNorms } from '../reference/head.ts';
import { compute, headOf } from '../reference/operator.ts';
import { checkCase } from '../reference/shapes.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../reference/tensor.ts';
import { axes, inputNames, mapTensor, shapeOf, sizesOf, systemOf } from './edit.ts';
import { type ByElement, softmaxCondition } from './tolerance-softmax.ts';

/** Unit roundoff of round-to-nearest in float64. */
export const UNIT_ROUNDOFF = 2 ** -53;
/** Each sum, product, exp and storage rounds at most this often in one term, in any of the orders that implementations use. */
const ROUNDINGS = 4;
const SMALLEST = 2 ** -1074;

/** One number for each element of o, finalState and every gradient. */
export type Bounds = ByElement;

const absolute = (value: Tensor): DenseTensor => mapTensor(value, Math.abs);

/** The same case with every tensor that enters linearly replaced by its absolute values. */
function absoluteCase(c: Case): Case {
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    const value = c.inputs[name] as Tensor;
    inputs[name] = name === 'g' ? value : absolute(value);
  }
  return withCotangents({ ...c, inputs, scale: Math.abs(c.scale ?? 1) }, absolute);
}

function withCotangents(c: Case, change: (value: Tensor) => DenseTensor): Case {
  if (!c.cotangents) return c;
  const { o, finalState } = c.cotangents;
  return { ...c, cotangents: finalState ? { o: change(o), finalState: change(finalState) } : { o: change(o) } };
}

/** Euclidean norms along one axis, which keeps the size 1. */
function norms(value: Tensor, axis: number): DenseTensor {
  const data = toDense(value);
  const shape = [...value.shape];
  const size = shape[axis];
  const inner = elements(shape.slice(axis + 1));
  shape[axis] = 1;
  const out = new Float64Array(elements(shape));
  for (let i = 0; i < out.length; i++) {
    const outer = Math.floor(i / inner);
    const at = outer * size * inner + (i % inner);
    out[i] = Math.hypot(...Array.from({ length: size }, (_, j) => data[at + j * inner]));
  }
  return tensor(out, shape);
}

/** Every element along one axis, repeated `size` times. */
function spread(data: Float64Array, shape: readonly number[], axis: number, size: number): Float64Array {
  const inner = elements(shape.slice(axis + 1));
  const out = new Float64Array(data.length * size);
  for (let i = 0; i < out.length; i++) {
    const outer = Math.floor(i / (inner * size));
    out[i] = data[outer * inner + (i % inner)];
  }
  return out;
}

const NOTHING: TransitionNorms = { value: 1, g: 0, beta: 0, k: 0 };

/** Norms of F_t and its derivatives for every token and head, each [B,T,H]. */
function transitionNorms(c: Case): { value: Float64Array; g: Float64Array; beta: Float64Array; k: Float64Array } {
  const p = checkCase('bounds', withoutOptions(c));
  const size = p.B * p.T * p.H;
  const all = {
    value: new Float64Array(size),
    g: new Float64Array(size),
    beta: new Float64Array(size),
    k: new Float64Array(size),
  };
  p.sequences.forEach(({ row, start }, n) => {
    for (let h = 0; h < p.H; h++) {
      const head: Head = headOf(p, n, h);
      for (let t = 0; t < head.T; t++) {
        const at = (row * p.T + start + t) * p.H + h;
        // the first transition of a sequence without a state transforms nothing
        const norm = t === 0 && !head.state ? NOTHING : head.transition.norms(head, t);
        for (const key of ['value', 'g', 'beta', 'k'] as const) all[key][at] = norm[key];
      }
    }
  });
  return all;
}

const withoutOptions = ({ form: _form, law: _law, seed: _seed, path: _path, ...c }: Case): Case => c;

/** The operator on norms, K = 1, with the norm of F_t as its decay; then each norm bounds every channel that went into it. */
function normCondition(c: Case): ByElement {
  const { B, T, H, G, K, V, L, n } = sizesOf(c);
  const name = systemOf(c).logLinear ? 'log-linear-mamba2' : 'mamba2';
  const f = transitionNorms(c);
  const beta = c.inputs.beta ? toDense(c.inputs.beta).map(Math.abs) : null;
  const written = mapTensor(
    absolute(c.inputs.v as Tensor),
    (value, [b, t, h]) => value * (beta ? beta[(b * T + t) * H + h] : 1),
  );
  const inputs: Case['inputs'] = {
    q: norms(c.inputs.q as Tensor, 3),
    k: norms(c.inputs.k as Tensor, 3),
    v: written,
    g: tensor(f.value.map(Math.log), [B, T, H]),
  };
  if (c.inputs.lambda) inputs.lambda = absolute(c.inputs.lambda);
  if (c.inputs.initialState) inputs.initialState = norms(c.inputs.initialState, 3);
  const onNorms: Case = { ...withoutOptions(c), system: name, inputs, scale: Math.abs(c.scale ?? 1) };
  if (c.cotangents) {
    onNorms.cotangents = { o: absolute(c.cotangents.o) };
    if (c.cotangents.finalState) onNorms.cotangents.finalState = norms(c.cotangents.finalState, 3);
  }
  const answer = compute(onNorms);
  const stateShape = [n, H, L, 1, V];
  const condition: ByElement = {
    o: toDense(answer.o),
    finalState: spread(toDense(answer.finalState as DenseTensor), stateShape, 3, K),
    gradients: {},
  };
  if (!answer.gradients) return condition;
  const d = (input: InputName): Float64Array => toDense(answer.gradients?.[input] as DenseTensor);
  const dv = d('v');
  // <dS, F S> through F_t, per token and head, once the norm of F_t itself is taken out again
  const through = d('g').map((value, i) => (f.value[i] > 0 ? value / f.value[i] : 0));
  const into = condition.gradients;
  into.q = spread(d('q'), [B, T, G, 1], 3, K);
  const dk = d('k');
  for (let i = 0; i < through.length; i++) {
    const [row, h] = [Math.floor(i / H), i % H];
    dk[row * G + Math.floor((h * G) / H)] += f.k[i] * through[i];
  }
  into.k = spread(dk, [B, T, G, 1], 3, K);
  into.v = dv.map((value, i) => value * (beta ? beta[Math.floor(i / V)] : 1));
  if (beta) {
    const v = toDense(c.inputs.v as Tensor);
    into.beta = through.map((value, i) => {
      let sum = f.beta[i] * value;
      for (let j = 0; j < V; j++) sum += Math.abs(v[i * V + j]) * dv[i * V + j];
      return sum;
    });
  }
  if (c.inputs.g) {
    const byToken = through.map((value, i) => f.g[i] * value);
    const letters = axes(c, 'g');
    if (letters === 'BTH') into.g = byToken;
    else if (letters === 'BTHK') into.g = byChannel(byToken, toDense(c.inputs.g), K);
    else {
      const perHead = new Float64Array(H);
      byToken.forEach((value, i) => {
        perHead[i % H] += value;
      });
      into.g = perHead;
    }
  }
  if (c.inputs.lambda) into.lambda = d('lambda');
  if (c.inputs.initialState) {
    const shape = shapeOf(c, 'initialState');
    shape[3] = 1;
    into.initialState = spread(d('initialState'), shape, 3, K);
  }
  return condition;
}

/** The share of each key channel in what passes through diag(exp(g)): its decay against the slowest one, which the norm stands for. */
function byChannel(byToken: Float64Array, g: Float64Array, K: number): Float64Array {
  return g.map((value, i) => {
    const token = Math.floor(i / K);
    const slowest = g.subarray(token * K, (token + 1) * K).reduce((most, each) => Math.max(most, each));
    return value === Number.NEGATIVE_INFINITY ? 0 : byToken[token] * Math.exp(value - slowest);
  });
}

function absoluteCondition(c: Case): ByElement {
  const answer = compute(withoutOptions(absoluteCase(c)));
  const gradients: ByElement['gradients'] = {};
  for (const [name, value] of Object.entries(answer.gradients ?? {})) gradients[name as InputName] = toDense(value);
  return { o: toDense(answer.o), finalState: toDense(answer.finalState as DenseTensor), gradients };
}

export function conditionOf(c: Case): ByElement {
  const { recurrence } = systemOf(c);
  if (recurrence === null) return softmaxCondition(c);
  return recurrence.transition.monotone ? absoluteCondition(c) : normCondition(c);
}

/** Largest sum of |g| over one sequence and head: how many units the exponent's argument can be off by. */
function exponentLength(c: Case): number {
  if (!c.inputs.g) return 0;
  const g = toDense(c.inputs.g);
  const letters = axes(c, 'g');
  const { T } = sizesOf(c);
  if (letters === 'H')
    return T * g.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const rest = elements(c.inputs.g.shape.slice(2));
  const sums = new Float64Array(c.inputs.g.shape[0] * rest);
  g.forEach((value, i) => {
    if (Number.isFinite(value)) sums[Math.floor(i / (T * rest)) * rest + (i % rest)] += Math.abs(value);
  });
  return sums.reduce((most, value) => Math.max(most, value), 0);
}

/** Roundings that can meet in one element: lengths of the sums, and the error of the exponent. */
function roundings(c: Case): number {
  const { B, T, H, K, V, L } = sizesOf(c);
  const sums = K + V + B * T + H + L;
  const recurrence = systemOf(c).recurrence;
  // a non-monotone transition rounds its K-long products anew at every step
  const steps = recurrence && !recurrence.transition.monotone ? K * (T + 1) * (c.inputs.beta ? localGrowth(c) : 1) : 0;
  // a sum of T logs, one after the other, is off by up to T u times the sum of |g|
  return ROUNDINGS * (sums + steps) + Math.max(ROUNDINGS, T) * exponentLength(c);
}

/** One step of the delta rule subtracts terms of size beta |k|^2 times the state. */
function localGrowth(c: Case): number {
  const { beta: squares } = transitionNorms(c);
  const beta = toDense(c.inputs.beta as Tensor);
  return squares.reduce((most, square, i) => Math.max(most, 1 + 2 * Math.abs(beta[i]) * square), 1);
}

/**
 * What underflow may cost one element: each product may lose up to half the smallest subnormal number, times what it is multiplied
 * with later.
 */
export const underflowOf = (c: Case): number => roundings(c) * underflowOfOne(c);

function underflowOfOne(c: Case): number {
  const largest = (value: Tensor): number =>
    toDense(value).reduce((most, entry) => (Number.isFinite(entry) ? Math.max(most, Math.abs(entry)) : most), 1);
  let product = Math.max(1, Math.abs(c.scale ?? 1));
  for (const name of inputNames(c)) if (name !== 'g') product *= largest(c.inputs[name] as Tensor);
  if (c.cotangents) product *= largest(c.cotangents.o);
  if (c.cotangents?.finalState) product *= largest(c.cotangents.finalState);
  return SMALLEST * product;
}

/**
 * Bounds for a case in float64, shaped like its answer.
 * @throws InvalidInput where `compute` does
 */
export function boundsOf(c: Case): Bounds {
  const condition = conditionOf(c);
  const n = roundings(c);
  const floor = n * underflowOfOne(c);
  const bound = (values: Float64Array): Float64Array => values.map((value) => UNIT_ROUNDOFF * n * value + floor);
  const gradients: Bounds['gradients'] = {};
  for (const [name, values] of Object.entries(condition.gradients)) gradients[name as InputName] = bound(values);
  return { o: bound(condition.o), finalState: bound(condition.finalState), gradients };
}
