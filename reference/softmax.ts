/** Softmax attention, the O(T²) baseline: P = softmax(scale q k^T) over s <= t, o = P v. It has no state and no level scales. */

import { addRows, addScaled, dot, timesRows } from './dense.ts';
import { exp } from './elementary.ts';
import { type Form, type Head, type HeadGradients, type HeadOutput, zeroGradients } from './head.ts';

/** P[t, 0 … t] into row: the largest score is subtracted first, so that no exp overflows. */
function softmaxRow({ q, k, K, scale }: Head, t: number, row: Float64Array): void {
  timesRows(row, q, t * K, k, 0, t + 1, K);
  let largest = -Infinity;
  for (let s = 0; s <= t; s++) {
    row[s] *= scale;
    if (row[s] > largest) largest = row[s];
  }
  let sum = 0;
  for (let s = 0; s <= t; s++) {
    row[s] = exp(row[s] - largest);
    sum += row[s];
  }
  for (let s = 0; s <= t; s++) row[s] /= sum;
}

function forward(x: Head): HeadOutput {
  const o = new Float64Array(x.T * x.V);
  const P = new Float64Array(x.T);
  for (let t = 0; t < x.T; t++) {
    softmaxRow(x, t, P);
    addRows(o, t * x.V, P, x.w, 0, t + 1, x.V);
  }
  return { o, state: new Float64Array(x.L * x.K * x.V) };
}

function backward(x: Head, { o: dO }: HeadOutput): HeadGradients {
  const { T, K, V, q, k, w, scale } = x;
  const grads = zeroGradients(x);
  const P = new Float64Array(T);
  const dP = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    // dP = dO v^T; dA = P ∘ (dP - <P, dP>)
    softmaxRow(x, t, P);
    timesRows(dP, dO, t * V, w, 0, t + 1, V);
    const mean = dot(P, 0, dP, 0, t + 1);
    for (let s = 0; s <= t; s++) {
      addScaled(grads.w, s * V, P[s], dO, t * V, V);
      const dA = scale * P[s] * (dP[s] - mean);
      addScaled(grads.q, t * K, dA, k, s * K, K);
      addScaled(grads.k, s * K, dA, q, t * K, K);
    }
  }
  return grads;
}

export const softmax: Form = { forward, backward };
