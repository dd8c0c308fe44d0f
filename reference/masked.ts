/**
 * The masked-matrix form, O(T²): o = P w, some rows at a time, straight from the formula.
 *
 *   P[t,s] = scale * lambda[t, level(t,s)] * (q_t^T F_t F_{t-1} … F_{s+1} k_s)   for s <= t, and nothing above the diagonal
 *
 * For a scalar decay the product is (q k^T) ∘ D with D[t,s] = exp(g_{s+1} + … + g_t), so that P = (scale q k^T) ∘ M with the mask
 * M = lambda ∘ D of arXiv 2506.04761. The log decay is summed over the segment (s,t] itself, never as c_t - c_s
 * (decay.ts shows why). For any other transition the query walks back through the transposed F.
 */

import { addRowsLower, addScaled, addTransposedProduct, copyFrom, dot, timesRowsLower } from './dense.ts';
import { exp } from './elementary.ts';
import { type Form, type Head, type HeadGradients, type HeadOutput, zeroGradients } from './head.ts';
import { contentLevels } from './levels.ts';

/** Rows of a scalar decay that are worked on together, so that keys and values come from cache: nothing but speed depends on it. */
const STRIP = 30;

/** The products of `count` rows t = first + r, before scale and lambda: pairs[r,s] = q_t^T F_t … F_{s+1} k_s. */
interface Rows {
  first: number;
  count: number;
  /** [count,T], entries s <= t */
  pairs: Float64Array;
  /** Scalar decay: D[t,s], [count,T], s <= t. Else one row: the walked query F_{s+1}^T … F_t^T q_t, [T,K], for each s <= t. */
  path: Float64Array;
  /** [count,K], F_0^T … F_t^T q_t: how the query reads what came before this call. */
  start: Float64Array;
  /** [count], scalar decay: exp(g_0 + … + g_t). */
  startDecay: Float64Array;
}

/** Scalar decay, row T-1: D[T-1,s] [T], and exp(g_0 + … + g_{T-1}). How everything reaches the end of the call. */
interface LastRow {
  path: Float64Array;
  startDecay: number;
}

/** Calls `use` with every row of the head, a strip at a time. */
function forEachStrip(x: Head, use: (rows: Rows) => void): LastRow {
  const { T, K } = x;
  const most = x.transition.scalar ? Math.min(STRIP, T) : 1;
  const rows: Rows = {
    first: 0,
    count: most,
    pairs: new Float64Array(most * T),
    path: new Float64Array(x.transition.scalar ? most * T : T * K),
    start: new Float64Array(most * K),
    startDecay: new Float64Array(most),
  };
  for (let first = 0; first < T; first += most) {
    rows.first = first;
    rows.count = Math.min(most, T - first);
    fillRows(x, rows);
    use(rows);
  }
  return { path: rows.path.subarray((rows.count - 1) * T), startDecay: rows.startDecay[rows.count - 1] };
}

function fillRows(x: Head, { first, count, pairs, path, start, startDecay }: Rows): void {
  const { T, K, q, k, g } = x;
  if (x.transition.scalar) {
    timesRowsLower(pairs, T, q, first * K, count, k, 0, first, K);
    const decays = g.length > 0;
    for (let r = 0; r < count; r++) {
      let segment = 0;
      for (let s = first + r, at = r * T + s; s >= 0; s--, at--) {
        path[at] = segment === 0 ? 1 : exp(segment);
        pairs[at] *= path[at];
        if (decays) segment += g[s];
      }
      startDecay[r] = exp(segment);
      for (let i = 0; i < K; i++) start[r * K + i] = startDecay[r] * q[(first + r) * K + i];
    }
    return;
  }
  const y = q.slice(first * K, (first + 1) * K);
  for (let s = first; s >= 0; s--) {
    path.set(y, s * K);
    pairs[s] = dot(y, 0, k, s * K, K);
    x.transition.applyTransposed(x, s, y, 1);
  }
  start.set(y);
}

/** Adds the gradients by q, k, g, beta, given those of `rows`: dPairs, [count,T] and s <= t, and dStart [count,K]. */
function backRows(x: Head, rows: Rows, dPairs: Float64Array, dStart: Float64Array, grads: HeadGradients): void {
  const { T, K, q, k, g } = x;
  const { first, count, pairs, path, start, startDecay } = rows;
  if (x.transition.scalar) {
    for (let r = 0; r < count; r++) {
      // dg_r = sum over s < r <= t of dPairs ∘ pairs: each decay on the way counts once
      let crossing = dot(dStart, r * K, start, r * K, K);
      const dq = (first + r) * K;
      addScaled(grads.q, dq, startDecay[r], dStart, r * K, K);
      for (let s = 0; s <= first + r; s++) {
        if (g.length > 0) grads.g[s] += crossing;
        crossing += dPairs[r * T + s] * pairs[r * T + s];
        // dA = dPairs ∘ D, A = q k^T
        dPairs[r * T + s] *= path[r * T + s];
        addScaled(grads.k, s * K, dPairs[r * T + s], q, dq, K);
      }
    }
    addRowsLower(grads.q, first * K, dPairs, T, count, k, 0, first, K);
    return;
  }
  const dy = dStart.slice();
  const y = new Float64Array(K);
  for (let s = 0; s <= first; s++) {
    // y_{s-1} = F_s^T y_s, and pairs[s] = y_s · k_s
    copyFrom(y, path, s * K);
    x.transition.gradients(x, s, dy, y, 1, grads);
    x.transition.apply(x, s, dy, 1);
    addScaled(dy, 0, dPairs[s], k, s * K, K);
    addScaled(grads.k, s * K, dPairs[s], y, 0, K);
  }
  addScaled(grads.q, first * K, 1, dy, 0, K);
}

/**
 * X := F_{T-1} … F_from X for a panel X [K, columns]. `last` holds the product of scalar decays as one number.
 * For any other transition row t of `passed` [T, K columns] receives what F_t found, if the caller wants it for the backward.
 */
function carryToEnd(
  x: Head,
  from: number,
  X: Float64Array,
  columns: number,
  last: LastRow,
  passed?: Float64Array,
): void {
  if (x.transition.scalar) {
    const decay = from === 0 ? last.startDecay : last.path[from - 1];
    for (let i = 0; i < X.length; i++) X[i] *= decay;
    return;
  }
  for (let t = from; t < x.T; t++) {
    passed?.set(X, t * X.length);
    x.transition.apply(x, t, X, columns);
  }
}

/** Given X at the end and the gradient dX there: adds the gradients by what F reads, and dX becomes the gradient at `from`. */
function carryToEndBackward(
  x: Head,
  from: number,
  X: Float64Array,
  dX: Float64Array,
  columns: number,
  last: LastRow,
  passed: Float64Array,
  grads: HeadGradients,
): void {
  if (x.transition.scalar) {
    // d exp(g_from + … + g_{T-1}) X / dg_t = exp(…) X for every t on the way
    const through = dot(dX, 0, X, 0, X.length);
    if (x.g.length > 0) for (let t = from; t < x.T; t++) grads.g[t] += through;
    const decay = from === 0 ? last.startDecay : last.path[from - 1];
    for (let i = 0; i < dX.length; i++) dX[i] *= decay;
    return;
  }
  const found = new Float64Array(X.length);
  for (let t = x.T - 1; t >= from; t--) {
    copyFrom(found, passed, t * X.length);
    x.transition.gradients(x, t, found, dX, columns, grads);
    x.transition.applyTransposed(x, t, dX, columns);
  }
}

/** One level of the incoming state. */
interface Incoming {
  /** Where it starts in the state. */
  at: number;
  /** [K,V] */
  content: Float64Array;
  /** Nothing in it: then it is not read, whatever its level scales are, and only its own gradient can be other than 0. */
  isEmpty: boolean;
  /** [T], the level at which each query reads it, or -1 */
  readBy: Int32Array;
}

function incoming(x: Head): Incoming[] {
  const { state, K, V, L, T, position } = x;
  if (!state) return [];
  return Array.from({ length: L }, (_, l) => {
    const content = state.slice(l * K * V, (l + 1) * K * V);
    const isEmpty = content.every((value) => value === 0);
    return { at: l * K * V, content, isEmpty, readBy: contentLevels(x.levels, position, l, T) };
  });
}

function forward(x: Head): HeadOutput {
  const { T, K, V, L, w, lambda, scale, position, levels } = x;
  const o = new Float64Array(T * V);
  const before = incoming(x);
  const last = forEachStrip(x, ({ first, count, pairs: P, start }) => {
    for (let r = 0, t = first; r < count; r++, t++) {
      for (let s = 0; s <= t; s++) {
        P[r * T + s] *= scale * lambda[t * L + levels.level(position + t, position + s)];
      }
      for (const { content, isEmpty, readBy } of before) {
        if (isEmpty || readBy[t] < 0) continue;
        const factor = scale * lambda[t * L + readBy[t]];
        for (let i = 0; i < K; i++) addScaled(o, t * V, factor * start[r * K + i], content, i * V, V);
      }
    }
    addRowsLower(o, first * V, P, T, count, w, 0, first, V);
  });
  return { o, state: finalState(x, last) };
}

/** state[level(T-1,s)] += key w_s^T with key = F_{T-1} … F_{s+1} k_s, and what came in, carried the same way */
function finalState(x: Head, last: LastRow): Float64Array {
  const { T, K, V, L, k, w, position, levels } = x;
  const state = new Float64Array(L * K * V);
  if (T === 0) return x.state ? x.state.slice() : state;
  const keys = new Float64Array(T * K);
  const key = new Float64Array(K);
  for (let s = 0; s < T; s++) {
    copyFrom(key, k, s * K);
    carryToEnd(x, s + 1, key, 1, last);
    keys.set(key, s * K);
  }
  const level = (s: number): number => levels.level(position + T - 1, position + s);
  for (let s = 0, end = 0; s < T; s = end) {
    while (end < T && level(end) === level(s)) end++;
    addTransposedProduct(state, level(s) * K * V, keys, s * K, w, s * V, K, end - s, V);
  }
  for (const { content, isEmpty, readBy } of incoming(x)) {
    if (isEmpty || readBy[T - 1] < 0) continue;
    carryToEnd(x, 0, content, V, last);
    addScaled(state, readBy[T - 1] * K * V, 1, content, 0, K * V);
  }
  return state;
}

function backward(x: Head, dOut: HeadOutput): HeadGradients {
  const { T, K, V, L, w, lambda, scale, position, levels } = x;
  const grads = zeroGradients(x);
  const before = incoming(x);
  const dO = dOut.o;
  const last = forEachStrip(x, (rows) => {
    const { first, count, pairs, start } = rows;
    const dP = new Float64Array(count * T);
    const dStart = new Float64Array(count * K);
    // o = P w:  dP = dO w^T on s <= t, dw = P^T dO
    timesRowsLower(dP, T, dO, first * V, count, w, 0, first, V);
    for (let r = 0, t = first; r < count; r++, t++) {
      for (let s = 0; s <= t; s++) {
        // P = scale lambda pairs
        const entry = t * L + levels.level(position + t, position + s);
        const factor = scale * lambda[entry];
        addScaled(grads.w, s * V, factor * pairs[r * T + s], dO, t * V, V);
        grads.lambda[entry] += scale * dP[r * T + s] * pairs[r * T + s];
        dP[r * T + s] *= factor;
      }
      // o_t += scale lambda state^T start
      for (const { at, content, isEmpty, readBy } of before) {
        if (readBy[t] < 0) continue;
        const entry = t * L + readBy[t];
        for (let i = 0; i < K; i++) {
          addScaled(grads.state, at + i * V, scale * lambda[entry] * start[r * K + i], dO, t * V, V);
          if (isEmpty) continue;
          const read = dot(content, i * V, dO, t * V, V);
          grads.lambda[entry] += scale * start[r * K + i] * read;
          dStart[r * K + i] += scale * lambda[entry] * read;
        }
      }
    }
    backRows(x, rows, dP, dStart, grads);
  });
  finalStateBackward(x, dOut.state, last, grads);
  return grads;
}

function finalStateBackward(x: Head, dState: Float64Array, last: LastRow, grads: HeadGradients): void {
  const { T, K, V, k, w, position, levels } = x;
  if (T === 0) {
    grads.state.set(dState);
    return;
  }
  if (dState.every((value) => value === 0)) return;
  const passed = new Float64Array(x.transition.scalar ? 0 : T * K);
  const key = new Float64Array(K);
  const dKey = new Float64Array(K);
  for (let s = 0; s < T; s++) {
    // state[level] += key w_s^T
    copyFrom(key, k, s * K);
    carryToEnd(x, s + 1, key, 1, last, passed);
    const at = levels.level(position + T - 1, position + s) * K * V;
    for (let i = 0; i < K; i++) {
      dKey[i] = dot(dState, at + i * V, w, s * V, V);
      addScaled(grads.w, s * V, key[i], dState, at + i * V, V);
    }
    carryToEndBackward(x, s + 1, key, dKey, 1, last, passed, grads);
    addScaled(grads.k, s * K, 1, dKey, 0, K);
  }
  for (const { at, content, readBy } of incoming(x)) {
    if (readBy[T - 1] < 0) continue;
    // state[readBy] += F_{T-1} … F_0 content
    const found = new Float64Array(x.transition.scalar ? 0 : T * K * V);
    carryToEnd(x, 0, content, V, last, found);
    const dContent = dState.slice(readBy[T - 1] * K * V, (readBy[T - 1] + 1) * K * V);
    carryToEndBackward(x, 0, content, dContent, V, last, found, grads);
    addScaled(grads.state, at, 1, dContent, 0, K * V);
  }
}

export const masked: Form = { forward, backward };
