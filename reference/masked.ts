/**
 * The masked-matrix form, O(T²): o = P w, row by row, straight from the formula.
 *
 *   P[t,s] = scale * lambda[t, level(t,s)] * (q_t^T F_t F_{t-1} … F_{s+1} k_s)   for s <= t, and nothing above the diagonal
 *
 * For a scalar decay the product is (q k^T) ∘ D with D[t,s] = exp(g_{s+1} + … + g_t), so that P = (scale q k^T) ∘ M with the mask
 * M = lambda ∘ D of arXiv 2506.04761, eq. 4. The log decay is summed over the segment (s,t] itself, never as c_t - c_s
 * (decay.ts shows why). For any other transition the query walks back through the transposed F.
 */
import { addOuter, addRows, addScaled, dot, timesRows } from './dense.ts';
import { type Form, type Head, type HeadGradients, type HeadOutput, zeroGradients } from './head.ts';
import { contentLevels } from './levels.ts';

/** The products of row t, before scale and lambda: pairs[s] = q_t^T F_t … F_{s+1} k_s. */
interface Row {
  /** [T], entries 0 … t */
  pairs: Float64Array;
  /** Scalar decay: D[t,s] for s = 0 … t. Else: the walked query F_{s+1}^T … F_t^T q_t, [T,K], one row for each s <= t. */
  path: Float64Array;
  /** F_0^T … F_t^T q_t: how the query reads what came before this call. */
  start: Float64Array;
  /** Scalar decay: exp(g_0 + … + g_t). */
  startDecay: number;
}

const newRow = (x: Head): Row => ({
  pairs: new Float64Array(x.T),
  path: new Float64Array(x.transition.scalar ? x.T : x.T * x.K),
  start: new Float64Array(x.K),
  startDecay: 1,
});

function fillRow(x: Head, t: number, row: Row): void {
  const { K, q, k, g } = x;
  if (x.transition.scalar) {
    timesRows(row.pairs, q, t * K, k, 0, t + 1, K);
    let segment = 0;
    for (let s = t; s >= 0; s--) {
      row.path[s] = segment === 0 ? 1 : Math.exp(segment);
      row.pairs[s] *= row.path[s];
      if (g.length > 0) segment += g[s];
    }
    row.startDecay = Math.exp(segment);
    for (let i = 0; i < K; i++) row.start[i] = row.startDecay * q[t * K + i];
    return;
  }
  const y = q.slice(t * K, (t + 1) * K);
  for (let s = t; s >= 0; s--) {
    row.path.set(y, s * K);
    row.pairs[s] = dot(y, 0, k, s * K, K);
    x.transition.applyTransposed(x, s, y, 1);
  }
  row.start.set(y);
}

/** Adds the gradients by q, k, g, beta, given those of row t: dPairs [0 … t] and dStart [K]. */
function backRow(x: Head, t: number, row: Row, dPairs: Float64Array, dStart: Float64Array, grads: HeadGradients): void {
  const { K, q, k, g } = x;
  if (x.transition.scalar) {
    // dg_r = sum over s < r <= t of dPairs ∘ pairs: each decay on the way counts once
    let crossing = dot(dStart, 0, row.start, 0, K);
    addScaled(grads.q, t * K, row.startDecay, dStart, 0, K);
    for (let s = 0; s <= t; s++) {
      if (g.length > 0) grads.g[s] += crossing;
      const dA = dPairs[s] * row.path[s];
      addScaled(grads.q, t * K, dA, k, s * K, K);
      addScaled(grads.k, s * K, dA, q, t * K, K);
      crossing += dPairs[s] * row.pairs[s];
    }
    return;
  }
  const dy = dStart.slice();
  for (let s = 0; s <= t; s++) {
    // y_{s-1} = F_s^T y_s, and pairs[s] = y_s · k_s
    const y = row.path.slice(s * K, (s + 1) * K);
    x.transition.gradients(x, s, dy, y, 1, grads);
    x.transition.apply(x, s, dy, 1);
    addScaled(dy, 0, dPairs[s], k, s * K, K);
    addScaled(grads.k, s * K, dPairs[s], y, 0, K);
  }
  addScaled(grads.q, t * K, 1, dy, 0, K);
}

/** Keys carried to the end of the call, F_{T-1} … F_{s+1} k_s, in every position on the way: path[t] for t = s … T-1. */
function keyToEnd(x: Head, s: number, path: Float64Array): void {
  const { K, T } = x;
  const key = x.k.slice(s * K, (s + 1) * K);
  path.set(key, s * K);
  for (let t = s + 1; t < T; t++) {
    x.transition.apply(x, t, key, 1);
    path.set(key, t * K);
  }
}

/** The levels of the incoming state: where each one starts, its content [K,V], and the level at which each query reads it. */
function incoming(x: Head): { at: number; content: Float64Array; readBy: Int32Array }[] {
  const { state, K, V, L, T, position } = x;
  if (!state) return [];
  return Array.from({ length: L }, (_, l) => ({
    at: l * K * V,
    content: state.slice(l * K * V, (l + 1) * K * V),
    readBy: contentLevels(x.levels, position, l, T),
  }));
}

function forward(x: Head): HeadOutput {
  const { T, K, V, L, w, lambda, scale, position, levels } = x;
  const o = new Float64Array(T * V);
  const row = newRow(x);
  const P = new Float64Array(T);
  const before = incoming(x);
  for (let t = 0; t < T; t++) {
    fillRow(x, t, row);
    for (let s = 0; s <= t; s++) {
      P[s] = scale * lambda[t * L + levels.level(position + t, position + s)] * row.pairs[s];
    }
    addRows(o, t * V, P, w, 0, t + 1, V);
    for (const { content, readBy } of before) {
      if (readBy[t] < 0) continue;
      const factor = scale * lambda[t * L + readBy[t]];
      for (let i = 0; i < K; i++) addScaled(o, t * V, factor * row.start[i], content, i * V, V);
    }
  }
  return { o, state: finalState(x) };
}

function finalState(x: Head): Float64Array {
  const { T, K, V, L, w, position, levels } = x;
  const state = new Float64Array(L * K * V);
  if (T === 0) return x.state ? x.state.slice() : state;
  const last = position + T - 1;
  const path = new Float64Array(T * K);
  for (let s = 0; s < T; s++) {
    keyToEnd(x, s, path);
    const at = levels.level(last, position + s) * K * V;
    addOuter(state, at, 1, path, (T - 1) * K, K, w, s * V, V);
  }
  for (const { content, readBy } of incoming(x)) {
    if (readBy[T - 1] < 0) continue;
    for (let t = 0; t < T; t++) x.transition.apply(x, t, content, V);
    addScaled(state, readBy[T - 1] * K * V, 1, content, 0, K * V);
  }
  return state;
}

function backward(x: Head, dOut: HeadOutput): HeadGradients {
  const { T, K, V, L, w, lambda, scale, position, levels } = x;
  const grads = zeroGradients(x);
  const row = newRow(x);
  const P = new Float64Array(T);
  const dP = new Float64Array(T);
  const dStart = new Float64Array(K);
  const before = incoming(x);
  const dO = dOut.o;
  for (let t = 0; t < T; t++) {
    fillRow(x, t, row);
    // o_t = P[t,:] w:  dP = dO w^T on s <= t, dw = P^T dO
    timesRows(dP, dO, t * V, w, 0, t + 1, V);
    for (let s = 0; s <= t; s++) {
      // P = scale lambda pairs
      const entry = t * L + levels.level(position + t, position + s);
      P[s] = scale * lambda[entry] * row.pairs[s];
      addScaled(grads.w, s * V, P[s], dO, t * V, V);
      grads.lambda[entry] += scale * dP[s] * row.pairs[s];
      dP[s] *= scale * lambda[entry];
    }
    // o_t += scale lambda state^T start
    dStart.fill(0);
    for (const { at, content, readBy } of before) {
      if (readBy[t] < 0) continue;
      const entry = t * L + readBy[t];
      for (let i = 0; i < K; i++) {
        addScaled(grads.state, at + i * V, scale * lambda[entry] * row.start[i], dO, t * V, V);
        const read = dot(content, i * V, dO, t * V, V);
        grads.lambda[entry] += scale * row.start[i] * read;
        dStart[i] += scale * lambda[entry] * read;
      }
    }
    backRow(x, t, row, dP, dStart, grads);
  }
  finalStateBackward(x, dOut.state, grads);
  return grads;
}

function finalStateBackward(x: Head, dState: Float64Array, grads: HeadGradients): void {
  const { T, K, V, w, position, levels } = x;
  if (T === 0) {
    grads.state.set(dState);
    return;
  }
  if (dState.every((value) => value === 0)) return;
  const last = position + T - 1;
  const path = new Float64Array(T * K);
  for (let s = 0; s < T; s++) {
    // state[level] += key w_s^T, key = F_{T-1} … F_{s+1} k_s
    keyToEnd(x, s, path);
    const at = levels.level(last, position + s) * K * V;
    const dKey = new Float64Array(K);
    for (let i = 0; i < K; i++) {
      dKey[i] = dot(dState, at + i * V, w, s * V, V);
      addScaled(grads.w, s * V, path[(T - 1) * K + i], dState, at + i * V, V);
    }
    for (let t = T - 1; t > s; t--) {
      x.transition.gradients(x, t, path.slice((t - 1) * K, t * K), dKey, 1, grads);
      x.transition.applyTransposed(x, t, dKey, 1);
    }
    addScaled(grads.k, s * K, 1, dKey, 0, K);
  }
  for (const { at, content, readBy } of incoming(x)) {
    if (readBy[T - 1] < 0) continue;
    // state[readBy] += F_{T-1} … F_0 content
    const passed: Float64Array[] = [];
    for (let t = 0; t < T; t++) {
      passed.push(content.slice());
      x.transition.apply(x, t, content, V);
    }
    const dContent = dState.slice(readBy[T - 1] * K * V, (readBy[T - 1] + 1) * K * V);
    for (let t = T - 1; t >= 0; t--) {
      x.transition.gradients(x, t, passed[t], dContent, V, grads);
      x.transition.applyTransposed(x, t, dContent, V);
    }
    addScaled(grads.state, at, 1, dContent, 0, K * V);
  }
}

export const masked: Form = { name: 'masked', forward, backward };
