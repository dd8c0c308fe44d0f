/**
 * The decay over a segment, D[t,s] = exp(g_{s+1} + … + g_t), in the two ways in which code has it. The forms sum the segment itself.
 */
import { exp } from './elementary.ts';

/** D[t,s] for every s <= t, from the sum over the segment (s,t] itself: [T,T], zeros above the diagonal. g: [T] log decays. */
export function segmentDecay(g: Float64Array): Float64Array {
  const T = g.length;
  const D = new Float64Array(T * T);
  for (let t = 0; t < T; t++) {
    let segment = 0;
    for (let s = t; s >= 0; s--) {
      D[t * T + s] = exp(segment);
      segment += g[s];
    }
  }
  return D;
}

/**
 * The same from differences of prefix sums, exp(c_t - c_s) with c_t = g_0 + … + g_t. Unstable, and kept to show it: the difference
 * is off by about |c_t| units in the last place however short the segment is, and once g holds -Infinity it is
 * Infinity - Infinity, which is NaN. No form uses it.
 */
export function segmentDecayUnstable(g: Float64Array): Float64Array {
  const T = g.length;
  const prefix = new Float64Array(T);
  for (let t = 0; t < T; t++) prefix[t] = (t > 0 ? prefix[t - 1] : 0) + g[t];
  const D = new Float64Array(T * T);
  for (let t = 0; t < T; t++) for (let s = 0; s <= t; s++) D[t * T + s] = exp(prefix[t] - prefix[s]);
  return D;
}
