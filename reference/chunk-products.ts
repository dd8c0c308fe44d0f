/**
 * What one chunk [start, end) of tokens gives to the chunked form, from q, k and the transitions alone:
 *   pairs[t,s] = scale q_t^T F_t … F_{s+1} k_s     the masked product without lambda, s <= t
 *   queries[t] = scale F_start^T … F_t^T q_t       the query, read back to the chunk's start
 *   keys[s]    = F_{end-1} … F_{s+1} k_s           the key, carried to the chunk's end
 *   phi        = F_{end-1} … F_start               the transition over the whole chunk
 * Scalar decays sum logs over segments inside the chunk; any other transition moves one panel of columns [I | k_start … k_t]
 * through the chunk, from which all four are read.
 */

import { addProduct, addRows, addScaled, addTransposedProduct, dot, timesRowsLower } from './dense.ts';
import { exp } from './elementary.ts';
import type { Head, HeadGradients } from './head.ts';

/** Indices into the call's tokens. */
export interface Chunk {
  start: number;
  end: number;
}

export interface ChunkProducts {
  /** [c,c] for the c tokens of the chunk; zero above the diagonal */
  pairs: Float64Array;
  /** [c,K] */
  queries: Float64Array;
  /** [c,K] */
  keys: Float64Array;
  /** [1] for a scalar decay, else [K,K] */
  phi: Float64Array;
}

/** Chunks end at multiples of C in global positions; the first and the last may be partial. */
export function chunksOf(x: Head): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < x.T; ) {
    const end = Math.min(x.T, start + x.chunkSize - ((x.position + start) % x.chunkSize));
    chunks.push({ start, end });
    start = end;
  }
  return chunks;
}

export function zeroProducts(x: Head, chunk: Chunk): ChunkProducts {
  const c = chunk.end - chunk.start;
  return {
    pairs: new Float64Array(c * c),
    queries: new Float64Array(c * x.K),
    keys: new Float64Array(c * x.K),
    phi: new Float64Array(x.transition.scalar ? 1 : x.K * x.K),
  };
}

export const chunkProducts = (x: Head, chunk: Chunk): ChunkProducts =>
  x.transition.scalar ? scalarProducts(x, chunk) : panelProducts(x, chunk);

/** Adds the gradients by q, k, g and beta, given those of the products. */
export function chunkProductsBackward(x: Head, chunk: Chunk, p: ChunkProducts, d: ChunkProducts, grads: HeadGradients) {
  if (x.transition.scalar) scalarProductsBackward(x, chunk, p, d, grads);
  else panelProductsBackward(x, chunk, d, grads);
}

/** S := Phi S */
export function carry(x: Head, phi: Float64Array, S: Float64Array): void {
  if (x.transition.scalar) {
    for (let i = 0; i < S.length; i++) S[i] *= phi[0];
    return;
  }
  const before = S.slice();
  S.fill(0);
  addProduct(S, 0, phi, 0, before, 0, x.K, x.K, x.V);
}

/** S' = Phi S: adds dS' S^T to dPhi, and dS' becomes Phi^T dS'. */
export function carryBackward(x: Head, phi: Float64Array, S: Float64Array, dS: Float64Array, dPhi: Float64Array): void {
  const { K, V } = x;
  if (x.transition.scalar) {
    dPhi[0] += dot(dS, 0, S, 0, K * V);
    for (let i = 0; i < dS.length; i++) dS[i] *= phi[0];
    return;
  }
  const dAfter = dS.slice();
  dS.fill(0);
  addTransposedProduct(dS, 0, phi, 0, dAfter, 0, K, K, V);
  for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) dPhi[i * K + j] += dot(dAfter, i * V, S, j * V, V);
}

/** exp of the log decay summed from `from` up to and including `to`; the empty sum gives 1. */
interface LocalDecay {
  /** [c]: over start … t */
  fromStart: Float64Array;
  /** [c]: over s+1 … end-1 */
  toEnd: Float64Array;
  whole: number;
}

function localDecay(x: Head, { start, end }: Chunk): LocalDecay {
  const c = end - start;
  const g = (i: number): number => (x.g.length > 0 ? x.g[start + i] : 0);
  const fromStart = new Float64Array(c);
  const toEnd = new Float64Array(c);
  let sum = 0;
  for (let i = 0; i < c; i++) {
    sum += g(i);
    fromStart[i] = exp(sum);
  }
  const whole = exp(sum);
  sum = 0;
  for (let i = c - 1; i >= 0; i--) {
    toEnd[i] = exp(sum);
    sum += g(i);
  }
  return { fromStart, toEnd, whole };
}

/** row[s] = D[t,s] = exp(g_{s+1} + … + g_t) for the tokens s <= t of the chunk */
function decayRow(x: Head, start: number, t: number, row: Float64Array): void {
  let segment = 0;
  for (let s = t; s >= start; s--) {
    row[s - start] = segment === 0 ? 1 : exp(segment);
    if (x.g.length > 0) segment += x.g[s];
  }
}

function scalarProducts(x: Head, chunk: Chunk): ChunkProducts {
  const { K, q, k, scale } = x;
  const { start, end } = chunk;
  const c = end - start;
  const p = zeroProducts(x, chunk);
  const { fromStart, toEnd, whole } = localDecay(x, chunk);
  p.phi[0] = whole;
  const decay = new Float64Array(c);
  timesRowsLower(p.pairs, c, q, start * K, c, k, start * K, 0, K);
  for (let i = 0; i < c; i++) {
    decayRow(x, start, start + i, decay);
    for (let j = 0; j <= i; j++) p.pairs[i * c + j] *= scale * decay[j];
    addScaled(p.queries, i * K, scale * fromStart[i], q, (start + i) * K, K);
    addScaled(p.keys, i * K, toEnd[i], k, (start + i) * K, K);
  }
  return p;
}

function scalarProductsBackward(
  x: Head,
  { start, end }: Chunk,
  p: ChunkProducts,
  d: ChunkProducts,
  grads: HeadGradients,
): void {
  const { K, q, k, scale } = x;
  const c = end - start;
  const { fromStart, toEnd } = localDecay(x, { start, end });
  const decay = new Float64Array(c);
  const dg = new Float64Array(c);
  // d exp(sum) = exp(sum) for every g in the sum: what each product gives to the tokens that its segment crosses
  let crossingToEnd = d.phi[0] * p.phi[0];
  for (let i = 0; i < c; i++) {
    const t = start + i;
    dg[i] += crossingToEnd;
    crossingToEnd += dot(d.keys, i * K, p.keys, i * K, K);
    addScaled(grads.k, t * K, toEnd[i], d.keys, i * K, K);
    let crossing = dot(d.queries, i * K, p.queries, i * K, K);
    addScaled(grads.q, t * K, scale * fromStart[i], d.queries, i * K, K);
    decayRow(x, start, t, decay);
    for (let j = 0; j <= i; j++) {
      const dPair = d.pairs[i * c + j];
      dg[j] += crossing;
      crossing += dPair * p.pairs[i * c + j];
      addScaled(grads.q, t * K, dPair * scale * decay[j], k, (start + j) * K, K);
      addScaled(grads.k, (start + j) * K, dPair * scale * decay[j], q, t * K, K);
    }
  }
  if (x.g.length > 0) addScaled(grads.g, start, 1, dg, 0, c);
}

/**
 * Moves the panel [I | k_start … k_t], [K, K+c], through the chunk; columns of tokens to come are unused. `visit` sees it before
 * any token and after each; it is returned as it is after the last.
 */
function movePanel(x: Head, { start, end }: Chunk, visit: (panel: Float64Array, tokens: number) => void): Float64Array {
  const { K } = x;
  const columns = K + end - start;
  const panel = new Float64Array(K * columns);
  for (let i = 0; i < K; i++) panel[i * columns + i] = 1;
  visit(panel, 0);
  for (let t = start; t < end; t++) {
    x.transition.apply(x, t, panel, columns);
    for (let i = 0; i < K; i++) panel[i * columns + K + t - start] = x.k[t * K + i];
    visit(panel, t - start + 1);
  }
  return panel;
}

function panelProducts(x: Head, chunk: Chunk): ChunkProducts {
  const { K, q, scale } = x;
  const { start, end } = chunk;
  const c = end - start;
  const columns = K + c;
  const p = zeroProducts(x, chunk);
  const query = new Float64Array(K);
  const row = new Float64Array(columns);
  const panel = movePanel(x, chunk, (after, tokens) => {
    if (tokens === 0) return;
    // [queries[t] | pairs[t,:]] = scale q_t^T [F_t … F_start | F_t … F_{s+1} k_s]
    const i = tokens - 1;
    for (let j = 0; j < K; j++) query[j] = scale * q[(start + i) * K + j];
    row.fill(0);
    addRows(row, 0, query, after, 0, K, columns);
    for (let j = 0; j < K; j++) p.queries[i * K + j] = row[j];
    for (let s = 0; s <= i; s++) p.pairs[i * c + s] = row[K + s];
  });
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) p.phi[i * K + j] = panel[i * columns + j];
    for (let s = 0; s < c; s++) p.keys[s * K + i] = panel[i * columns + K + s];
  }
  return p;
}

function panelProductsBackward(x: Head, chunk: Chunk, d: ChunkProducts, grads: HeadGradients): void {
  const { K, q, scale } = x;
  const { start, end } = chunk;
  const c = end - start;
  const columns = K + c;
  const after: Float64Array[] = [];
  movePanel(x, chunk, (panel) => after.push(panel.slice()));
  const dPanel = new Float64Array(K * columns);
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) dPanel[i * columns + j] = d.phi[i * K + j];
    for (let s = 0; s < c; s++) dPanel[i * columns + K + s] = d.keys[s * K + i];
  }
  const dRow = new Float64Array(columns);
  for (let t = end - 1; t >= start; t--) {
    const i = t - start;
    // row = scale q_t^T panel
    dRow.fill(0);
    dRow.set(d.queries.subarray(i * K, (i + 1) * K));
    dRow.set(d.pairs.subarray(i * c, i * c + i + 1), K);
    for (let j = 0; j < K; j++) {
      grads.q[t * K + j] += scale * dot(after[i + 1], j * columns, dRow, 0, columns);
      addScaled(dPanel, j * columns, scale * q[t * K + j], dRow, 0, columns);
      // panel[:, t] = k_t
      grads.k[t * K + j] += dPanel[j * columns + K + i];
      dPanel[j * columns + K + i] = 0;
    }
    // panel = F_t panel
    x.transition.gradients(x, t, after[i], dPanel, columns, grads);
    x.transition.applyTransposed(x, t, dPanel, columns);
  }
}
