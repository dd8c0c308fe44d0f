/**
 * The chunked form, O(T log T). C is a power of two, so levels 0 … log2 C lie inside a chunk and every higher level is a bucket of
 * whole chunks. Chunks are aligned to global positions; the first and the last may be partial.
 *   1. inside each chunk: the masked product, and what the outside needs of the chunk (chunk-products.ts)
 *   2. one state for each chunk: sum_s key_s w_s^T
 *   3. level by level, the state of each left bucket is carried through the chunks of its right neighbour, which read it on the
 *      way; where it arrives it joins the neighbour's own state: the bucket of the next level
 *   4. what came in with the state is carried and read the same way
 * Source: arXiv 2506.04761. Weak structure, base 2; a flat system is the same with every level at 0.
 */
import {
  type Chunk,
  type ChunkProducts,
  carry,
  carryBackward,
  chunkProducts,
  chunkProductsBackward,
  chunksOf,
  zeroProducts,
} from './chunk-products.ts';
import {
  addOuter,
  addProduct,
  addRowsLower,
  addScaled,
  addTransposedProduct,
  dot,
  timesRows,
  timesRowsLower,
} from './dense.ts';
import { type Form, type Head, type HeadGradients, type HeadOutput, zeroGradients } from './head.ts';
import { contentLevels } from './levels.ts';

/** The level at which token t of a chunk reads a state that enters it; -1: not at all, from there on. */
type LevelOf = (t: number) => number;

/** lambda[t,l] y_t, [rows,K], for the tokens of a chunk that read a state at all, y the queries read back to the chunk's start */
function readers(
  x: Head,
  { start, end }: Chunk,
  p: ChunkProducts,
  levelOf: LevelOf,
): { rows: number; Y: Float64Array } {
  const Y = new Float64Array(p.queries.length);
  let rows = 0;
  for (let t = start, at = 0; t < end; t++, rows++) {
    const l = levelOf(t);
    if (l < 0) break;
    const lambda = x.lambda[t * x.L + l];
    for (let i = 0; i < x.K; i++, at++) Y[at] = lambda * p.queries[at];
  }
  return { rows, Y };
}

/** o_t += lambda[t,l] S^T y_t for the tokens of one chunk */
function read(x: Head, chunk: Chunk, p: ChunkProducts, S: Float64Array, levelOf: LevelOf, o: Float64Array): void {
  const { rows, Y } = readers(x, chunk, p, levelOf);
  addProduct(o, chunk.start * x.V, Y, 0, S, 0, rows, x.K, x.V);
}

/** Adds the gradients of `read` by lambda, by the queries (in d) and by S (in dS). */
function readBackward(
  x: Head,
  chunk: Chunk,
  p: ChunkProducts,
  S: Float64Array,
  levelOf: LevelOf,
  dO: Float64Array,
  d: ChunkProducts,
  dS: Float64Array,
  grads: HeadGradients,
): void {
  const { K, V, L, lambda } = x;
  const { rows, Y } = readers(x, chunk, p, levelOf);
  addTransposedProduct(dS, 0, Y, 0, dO, chunk.start * V, K, rows, V);
  const byChannel = new Float64Array(K);
  for (let r = 0, t = chunk.start; r < rows; r++, t++) {
    const entry = t * L + levelOf(t);
    timesRows(byChannel, dO, t * V, S, 0, K, V);
    grads.lambda[entry] += dot(p.queries, r * K, byChannel, 0, K);
    addScaled(d.queries, r * K, lambda[entry], byChannel, 0, K);
  }
}

/** Chunk numbers are global: chunk n holds the positions n C … (n+1) C - 1. A bucket of level i and index j: chunks j 2^i … (j+1) 2^i - 1. */
interface Merge {
  left: number;
  right: number;
  parent: number;
  /** Chunks of the right bucket that this call has. */
  from: number;
  to: number;
}

/** Pairs of neighbouring buckets of 2^i chunks of which the right one has begun; only the chunks first … last exist. */
function mergesOf(i: number, first: number, last: number): Merge[] {
  const size = 2 ** i;
  const merges: Merge[] = [];
  for (let parent = Math.floor(first / (2 * size)); (2 * parent + 1) * size <= last; parent++) {
    const left = 2 * parent;
    const middle = (left + 1) * size;
    merges.push({
      left,
      right: left + 1,
      parent,
      from: Math.max(middle, first),
      to: Math.min(middle + size - 1, last),
    });
  }
  return merges;
}

interface Sweep {
  first: number;
  last: number;
  chunk: (n: number) => Chunk;
  products: (n: number) => ChunkProducts;
  merges: Merge[][];
  /** buckets[i].get(j): the state [K,V] of that bucket at its own end, from this call's tokens; absent where there are none */
  buckets: Map<number, Float64Array>[];
  /** Level at which the right bucket of a merge reads the left one. */
  level: (i: number) => number;
}

/** Steps 1 to 3. Adds to o what is read inside chunks and from earlier chunks, and to state what is left after the last token. */
function sweep(x: Head, o: Float64Array, state: Float64Array): Sweep {
  const { K, V, position, levels, chunkSize } = x;
  const chunks = chunksOf(x);
  const first = Math.floor(position / chunkSize);
  const last = first + chunks.length - 1;
  const all = chunks.map((chunk) => chunkProducts(x, chunk));
  const chunk = (n: number): Chunk => chunks[n - first];
  const products = (n: number): ChunkProducts => all[n - first];

  const leaves = new Map<number, Float64Array>();
  for (let n = first; n <= last; n++) {
    readInside(x, chunk(n), products(n), o);
    const leaf = new Float64Array(K * V);
    const { start, end } = chunk(n);
    addTransposedProduct(leaf, 0, products(n).keys, 0, x.w, start * V, K, end - start, V);
    leaves.set(n, leaf);
  }

  const level = (i: number): number => levels.level(chunkSize * 2 ** i, chunkSize * 2 ** i - 1);
  const plan: Sweep = { first, last, chunk, products, merges: [], buckets: [leaves], level };
  for (let i = 0; 2 ** i <= last; i++) {
    const merges = mergesOf(i, first, last);
    const parents = new Map<number, Float64Array>();
    const readBy = level(i);
    for (const { left, right, parent, from, to } of merges) {
      const own = plan.buckets[i].get(right);
      const S = plan.buckets[i].get(left)?.slice();
      if (S) {
        for (let n = from; n <= to; n++) {
          read(x, chunk(n), products(n), S, () => readBy, o);
          carry(x, products(n).phi, S);
        }
        if (to === last) addScaled(state, readBy * K * V, 1, S, 0, K * V);
      }
      if (S && own) addScaled(S, 0, 1, own, 0, K * V);
      const sum = S ?? own?.slice();
      if (sum) parents.set(parent, sum);
    }
    plan.merges.push(merges);
    plan.buckets.push(parents);
  }
  const { start, end } = chunk(last);
  for (let s = start; s < end; s++) {
    const at = levels.level(position + end - 1, position + s) * K * V;
    addOuter(state, at, 1, products(last).keys, (s - start) * K, K, x.w, s * V, V);
  }
  return plan;
}

/** P[t,s] = lambda[t, level(t,s)] pairs[t,s] inside one chunk, o = P w */
function readInside(x: Head, { start, end }: Chunk, p: ChunkProducts, o: Float64Array): void {
  const { V, L, w, lambda, levels, position } = x;
  const c = end - start;
  const P = new Float64Array(c * c);
  for (let t = start, row = 0; t < end; t++, row += c) {
    for (let s = start, at = row; s <= t; s++, at++) {
      P[at] = lambda[t * L + levels.level(position + t, position + s)] * p.pairs[at];
    }
  }
  addRowsLower(o, start * V, P, c, c, w, start * V, 0, V);
}

function readInsideBackward(
  x: Head,
  { start, end }: Chunk,
  p: ChunkProducts,
  dO: Float64Array,
  d: ChunkProducts,
  grads: HeadGradients,
): void {
  const { V, L, w, lambda, levels, position } = x;
  const c = end - start;
  const dP = new Float64Array(c * c);
  timesRowsLower(dP, c, dO, start * V, c, w, start * V, 0, V);
  for (let t = start, row = 0; t < end; t++, row += c) {
    for (let s = start, at = row; s <= t; s++, at++) {
      const entry = t * L + levels.level(position + t, position + s);
      grads.lambda[entry] += dP[at] * p.pairs[at];
      d.pairs[at] += dP[at] * lambda[entry];
      addScaled(grads.w, s * V, lambda[entry] * p.pairs[at], dO, t * V, V);
    }
  }
}

/** Whether level l of the incoming state holds nothing: then it is not read, whatever its level scales are. */
const isEmpty = (x: Head, l: number): boolean =>
  (x.state as Float64Array).subarray(l * x.K * x.V, (l + 1) * x.K * x.V).every((value) => value === 0);

/** Step 4: level l of the incoming state. `visit` sees the state as it enters each chunk. Returns it after the last token. */
function carryContent(x: Head, plan: Sweep, l: number, visit: (n: number, S: Float64Array) => void): Float64Array {
  const S = (x.state as Float64Array).slice(l * x.K * x.V, (l + 1) * x.K * x.V);
  for (let n = plan.first; n <= plan.last; n++) {
    visit(n, S);
    carry(x, plan.products(n).phi, S);
  }
  return S;
}

function forward(x: Head): HeadOutput {
  const { T, K, V, L, position } = x;
  const o = new Float64Array(T * V);
  if (T === 0) return { o, state: x.state?.slice() ?? new Float64Array(L * K * V) };
  const state = new Float64Array(L * K * V);
  const plan = sweep(x, o, state);
  for (let l = 0; x.state && l < L; l++) {
    if (isEmpty(x, l)) continue;
    const readBy = contentLevels(x.levels, position, l, T);
    const left = carryContent(x, plan, l, (n, S) => read(x, plan.chunk(n), plan.products(n), S, (t) => readBy[t], o));
    if (readBy[T - 1] >= 0) addScaled(state, readBy[T - 1] * K * V, 1, left, 0, K * V);
  }
  return { o, state };
}

function backward(x: Head, dOut: HeadOutput): HeadGradients {
  const { T, K, V, L, w, position, levels } = x;
  const grads = zeroGradients(x);
  const dState = dOut.state;
  if (T === 0) {
    grads.state.set(dState);
    return grads;
  }
  const plan = sweep(x, new Float64Array(T * V), new Float64Array(L * K * V));
  const { first, last, chunk, products } = plan;
  const all = Array.from({ length: last - first + 1 }, (_, n) => zeroProducts(x, chunk(first + n)));
  const d = (n: number): ChunkProducts => all[n - first];
  const levelOfState = (l: number): Float64Array => dState.slice(l * K * V, (l + 1) * K * V);

  // 4. incoming state
  for (let l = 0; x.state && l < L; l++) {
    const readBy = contentLevels(levels, position, l, T);
    // an empty level gives nothing to any gradient but its own
    const isRead = !isEmpty(x, l);
    const entering: Float64Array[] = [];
    carryContent(x, plan, l, (_n, S) => entering.push(S.slice()));
    const dS = readBy[T - 1] >= 0 ? levelOfState(readBy[T - 1]) : new Float64Array(K * V);
    for (let n = last; n >= first; n--) {
      const S = entering[n - first];
      const into = isRead ? d(n) : zeroProducts(x, chunk(n));
      carryBackward(x, products(n).phi, S, dS, into.phi);
      readBackward(x, chunk(n), products(n), S, (t) => readBy[t], dOut.o, into, dS, isRead ? grads : zeroGradients(x));
    }
    grads.state.set(dS, l * K * V);
  }

  // 3. the up-sweep, from the highest level down
  const dBuckets = plan.buckets.map((level) => new Map([...level.keys()].map((j) => [j, new Float64Array(K * V)])));
  for (let i = plan.merges.length - 1; i >= 0; i--) {
    for (const { left, right, parent, from, to } of plan.merges[i]) {
      const dParent = dBuckets[i + 1].get(parent);
      const dOwn = dBuckets[i].get(right);
      const dLeft = dBuckets[i].get(left);
      const S = plan.buckets[i].get(left)?.slice();
      if (dParent && dOwn) addScaled(dOwn, 0, 1, dParent, 0, K * V);
      if (!S || !dLeft || !dParent) continue;
      const entering: Float64Array[] = [];
      for (let n = from; n <= to; n++) {
        entering.push(S.slice());
        carry(x, products(n).phi, S);
      }
      const dS = dParent.slice();
      const readBy = plan.level(i);
      if (to === last) addScaled(dS, 0, 1, levelOfState(readBy), 0, K * V);
      for (let n = to; n >= from; n--) {
        carryBackward(x, products(n).phi, entering[n - from], dS, d(n).phi);
        readBackward(x, chunk(n), products(n), entering[n - from], () => readBy, dOut.o, d(n), dS, grads);
      }
      addScaled(dLeft, 0, 1, dS, 0, K * V);
    }
  }

  // 2. and 1. chunk states, and the inside of each chunk
  for (let n = first; n <= last; n++) {
    const { start, end } = chunk(n);
    const dBucket = dBuckets[0].get(n) as Float64Array;
    const level = (t: number): number => levels.level(position + end - 1, position + t);
    for (let from = start, to = start; from < end; from = to) {
      // leaf += key w^T; in the last chunk also state[level] += key w^T, for a run of tokens of one level
      while (to < end && (n < last || level(to) === level(from))) to++;
      const dLeaf = dBucket.slice();
      if (n === last) addScaled(dLeaf, 0, 1, dState, level(from) * K * V, K * V);
      for (let s = from, key = (from - start) * K; s < to; s++) {
        for (let i = 0; i < K; i++, key++) d(n).keys[key] += dot(dLeaf, i * V, w, s * V, V);
      }
      addProduct(grads.w, from * V, products(n).keys, (from - start) * K, dLeaf, 0, to - from, K, V);
    }
    readInsideBackward(x, chunk(n), products(n), dOut.o, d(n), grads);
    chunkProductsBackward(x, chunk(n), products(n), d(n), grads);
  }
  return grads;
}

export const chunked: Form = { forward, backward };
