/** What the error model asks of a case's tensors: rows by head, norms, chunks, and the gradient of the decays. */

import type { Case } from '../../reference/case.ts';
import { exp } from '../../reference/elementary.ts';
import { headOf } from '../../reference/operator.ts';
import { checkCase, DEFAULT_CHUNK_SIZE } from '../../reference/shapes.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { axes, sizesOf, take } from '../edit.ts';

/** Heads read group floor(h G / H): the entries of each group, once for each of its heads. */
export const perHead = (value: Tensor, H: number, G: number): DenseTensor =>
  take(
    value,
    2,
    Array.from({ length: H }, (_, h) => Math.floor((h * G) / H)),
  );

/** Euclidean norm of count entries, `stride` apart, of any size. */
export function normOf(data: ArrayLike<number>, from: number, count: number, stride = 1): number {
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(data[from + i * stride]));
  if (largest === 0 || largest === Number.POSITIVE_INFINITY) return largest;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (data[from + i * stride] / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/** Euclidean norms along one axis, which keeps the size 1. */
export function norms(value: Tensor, axis: number): DenseTensor {
  const data = toDense(value);
  const shape = [...value.shape];
  const size = shape[axis];
  const inner = elements(shape.slice(axis + 1));
  shape[axis] = 1;
  const out = new Float64Array(elements(shape));
  for (let i = 0; i < out.length; i++) {
    const outer = Math.floor(i / inner);
    const at = outer * size * inner + (i % inner);
    out[i] = normOf(data, at, size, inner);
  }
  return tensor(out, shape);
}

/** Every element along one axis, repeated `size` times. */
export function spread(data: Float64Array, shape: readonly number[], axis: number, size: number): Float64Array {
  const inner = elements(shape.slice(axis + 1));
  const out = new Float64Array(data.length * size);
  for (let i = 0; i < out.length; i++) {
    const outer = Math.floor(i / (inner * size));
    out[i] = data[outer * inner + (i % inner)];
  }
  return out;
}

/** Spectral norms of F_t and of its derivatives by g_t, beta_t and k_t, each [B,T,H]. */
export interface StepNorms {
  value: Float64Array;
  g: Float64Array;
  beta: Float64Array;
  k: Float64Array;
}

/** Norms of F_t and of its derivatives for every token and head, each [B,T,H]. */
export function stepNorms(c: Case): StepNorms {
  const p = checkCase('bounds', plain(c));
  const size = p.B * p.T * p.H;
  const all: StepNorms = {
    value: new Float64Array(size).fill(1),
    g: new Float64Array(size),
    beta: new Float64Array(size),
    k: new Float64Array(size),
  };
  p.sequences.forEach(({ row, start }, n) => {
    for (let h = 0; h < p.H; h++) {
      const head = headOf(p, n, h);
      // the first transition of a sequence without a state transforms nothing
      for (let t = head.state ? 0 : 1; t < head.T; t++) {
        const at = (row * p.T + start + t) * p.H + h;
        const norm = head.transition.norms(head, t);
        for (const key of ['value', 'g', 'beta', 'k'] as const) all[key][at] = norm[key];
      }
    }
  });
  return all;
}

/** A case without what does not change its exact answer. */
export const plain = ({ form: _form, chunkSize: _chunk, law: _law, seed: _seed, path: _path, ...c }: Case): Case => c;

/** Log decays of every token and head, [B,T,H,width]. */
export function logDecays(c: Case): { g: Float64Array; width: number } {
  const { B, T, H, K } = sizesOf(c);
  if (!c.inputs.g) return { g: new Float64Array(B * T * H), width: 1 };
  const g = toDense(c.inputs.g);
  const letters = axes(c, 'g');
  if (letters === 'H') return { g: Float64Array.from({ length: B * T * H }, (_, i) => g[i % H]), width: 1 };
  return { g, width: letters === 'BTHK' ? K : 1 };
}

/** The share of each key channel in what passes through diag(exp(g)): its decay against the slowest one, which the norm stands for. */
export function shareOut(
  byToken: Float64Array,
  g: Float64Array,
  K: number,
  measure = (share: number): number => share,
): Float64Array {
  return g.map((value, i) => {
    const token = Math.floor(i / K);
    const slowest = g.subarray(token * K, (token + 1) * K).reduce((most, each) => Math.max(most, each));
    return value === Number.NEGATIVE_INFINITY ? 0 : byToken[token] * measure(exp(value - slowest));
  });
}

/**
 * Terms of dg_r that cancel where a chunk's dg is a reversed cumulative sum of q dq - k dk, as public kernels have it: each pair of
 * tokens that both come after r, in its chunk, is added and taken off again. [B,T,H,width]
 */
export function differenced(
  c: Case,
  q: Float64Array,
  dq: Float64Array,
  k: Float64Array,
  dk: Float64Array,
  inner: number,
  width: number,
): Float64Array {
  const { B, T, H } = sizesOf(c);
  const terms = new Float64Array(B * T * H * width);
  for (let i = 0; i < q.length; i++) {
    const at = Math.floor(i / inner) * width;
    const term = q[i] * dq[i] + k[i] * dk[i];
    if (inner === width) terms[at + (i % inner)] += term;
    else for (let j = 0; j < width; j++) terms[at + j] += term;
  }
  const row = H * width;
  for (const chunks of chunksOf(c)) {
    // a kernel's chunks may begin elsewhere: what comes after r in the next one counts too
    let next = new Float64Array(row);
    for (const { first, end } of chunks.toReversed()) {
      const sum = new Float64Array(row);
      for (let t = end - 1; t >= first; t--) {
        for (let j = 0; j < row; j++) {
          sum[j] += terms[t * row + j];
          terms[t * row + j] = sum[j] + next[j];
        }
      }
      next = sum;
    }
  }
  return terms;
}

/** The gradient of g from what crosses each decay and what cancels there: for each token, or summed for each head. */
export function decayGradient(c: Case, crossing: Float64Array, cancelling: Float64Array): Float64Array {
  const all = crossing.map((value, i) => value + cancelling[i]);
  if (axes(c, 'g') !== 'H') return all;
  const { H } = sizesOf(c);
  const perHeadSums = new Float64Array(H);
  all.forEach((value, i) => {
    perHeadSums[i % H] += value;
  });
  return perHeadSums;
}

/** A state is kept in memory once in so many tokens. */
export const storedEvery = (c: Case): number => c.chunkSize ?? CHUNK;

/** Kernels sum and solve in chunks of at least so many tokens, whatever the case says of ours. */
const CHUNK = DEFAULT_CHUNK_SIZE;
export const chunkOf = (c: Case): number => Math.max(storedEvery(c), CHUNK);

/** The chunks of each sequence, as rows [first, end) of the B·T tokens. They begin at a sequence's first token of the call. */
export function chunksOf(c: Case, size = chunkOf(c)): { first: number; end: number }[][] {
  const { B, T } = sizesOf(c);
  const cuts = c.cuSeqlens ?? [0, T];
  return Array.from({ length: B * (cuts.length - 1) }, (_, n) => {
    const [b, i] = [Math.floor(n / (cuts.length - 1)), n % (cuts.length - 1)];
    const [from, to] = [b * T + cuts[i], b * T + cuts[i + 1]];
    return Array.from({ length: Math.ceil((to - from) / size) }, (_, chunk) => {
      const first = from + chunk * size;
      return { first, end: Math.min(first + size, to) };
    });
  });
}
