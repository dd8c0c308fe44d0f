/**
 * The recurrent form: one state for each level, O(log T) of them alive. At step t, with z trailing zero bits in t:
 *   1. merge:      S^(z+1) := S^(0) + … + S^(z), and those are empty again
 *   2. transition: S^(l) := F_t S^(l) for every level
 *   3. insert:     S^(0) := k_t w_t^T
 *   4. read:       o_t = scale * sum_l lambda[t,l] (S^(l))^T q_t
 * Source: arXiv 2506.04761. A flat system keeps everything at level 0, which is then the plain recurrence.
 */
import { addOuter, addScaled, dot } from './dense.ts';
import { type Form, type Head, type HeadGradients, type HeadOutput, zeroGradients } from './head.ts';

/** State by level: [K,V], or null where a level is empty. */
export type LevelStates = (Float64Array | null)[];

/** The levels of a dense state [L,K,V]; all-zero ones are empty. */
export function unpackState(x: Pick<Head, 'K' | 'V' | 'L'>, state: Float64Array | null): LevelStates {
  const size = x.K * x.V;
  return Array.from({ length: x.L }, (_, l) => {
    const level = state?.slice(l * size, (l + 1) * size);
    return level?.some((value) => value !== 0) ? level : null;
  });
}

export function packState(x: Pick<Head, 'K' | 'V' | 'L'>, states: LevelStates): Float64Array {
  const packed = new Float64Array(x.L * x.K * x.V);
  states.forEach((level, l) => {
    if (level) packed.set(level, l * x.K * x.V);
  });
  return packed;
}

/** Steps 1 to 3: the states after the token at index t. Takes over the arrays in `states`. */
function advance(x: Head, t: number, states: LevelStates): LevelStates {
  const merged: LevelStates = new Array(x.L).fill(null);
  states.forEach((level, l) => {
    if (!level) return;
    const target = x.levels.advance(x.position + t, l);
    if (target < 0) return;
    const sum = merged[target];
    if (sum) addScaled(sum, 0, 1, level, 0, level.length);
    else merged[target] = level;
  });
  for (const level of merged) if (level) x.transition.apply(x, t, level, x.V);
  merged[0] ??= new Float64Array(x.K * x.V);
  addOuter(merged[0], 0, 1, x.k, t * x.K, x.K, x.w, t * x.V, x.V);
  return merged;
}

/** Step 4, added to row t of o. */
function read(x: Head, t: number, states: LevelStates, o: Float64Array): void {
  states.forEach((level, l) => {
    if (!level) return;
    const factor = x.scale * x.lambda[t * x.L + l];
    for (let i = 0; i < x.K; i++) addScaled(o, t * x.V, factor * x.q[t * x.K + i], level, i * x.V, x.V);
  });
}

/** One token, x.T = 1: writes its output to o [V], returns the states after it. Takes over the arrays in `states`. */
export function stepHead(x: Head, states: LevelStates, o: Float64Array): LevelStates {
  const next = advance(x, 0, states);
  read(x, 0, next, o);
  return next;
}

function forward(x: Head): HeadOutput {
  const o = new Float64Array(x.T * x.V);
  let states = unpackState(x, x.state);
  for (let t = 0; t < x.T; t++) {
    states = advance(x, t, states);
    read(x, t, states, o);
  }
  return { o, state: packState(x, states) };
}

const copy = (states: LevelStates): LevelStates => states.map((level) => level?.slice() ?? null);

/**
 * The reverse of each step, last token first. The states before each step are recomputed from a checkpoint every √T steps, so
 * that memory stays O(√T log T).
 */
function backward(x: Head, dOut: HeadOutput): HeadGradients {
  const grads = zeroGradients(x);
  const stride = Math.max(1, Math.ceil(Math.sqrt(x.T)));
  const checkpoints: LevelStates[] = [];
  let states = unpackState(x, x.state);
  for (let t = 0; t < x.T; t++) {
    if (t % stride === 0) checkpoints.push(copy(states));
    states = advance(x, t, states);
  }
  let dStates = unpackState(x, dOut.state);
  for (let segment = checkpoints.length - 1; segment >= 0; segment--) {
    const first = segment * stride;
    const before: LevelStates[] = [];
    states = checkpoints[segment];
    for (let t = first; t < Math.min(first + stride, x.T); t++) {
      before.push(copy(states));
      states = advance(x, t, states);
    }
    for (let t = first + before.length - 1; t >= first; t--) {
      const previous = before.pop() as LevelStates;
      dStates = stepBackward(x, t, previous, dOut.o, dStates, grads);
    }
  }
  grads.state.set(packState(x, dStates));
  return grads;
}

/** Given the gradients by the states after step t, those by the states before it; adds the token's own to grads. */
function stepBackward(
  x: Head,
  t: number,
  previous: LevelStates,
  dO: Float64Array,
  dAfter: LevelStates,
  grads: HeadGradients,
): LevelStates {
  const { K, V, L, q, k, w, lambda, scale } = x;
  const after = advance(x, t, copy(previous));
  // 4. o_t = scale sum_l lambda[t,l] S^T q_t
  for (let l = 0; l < L; l++) {
    const factor = scale * lambda[t * L + l];
    dAfter[l] ??= new Float64Array(K * V);
    addOuter(dAfter[l] as Float64Array, 0, factor, q, t * K, K, dO, t * V, V);
    const S = after[l];
    if (!S) continue;
    for (let i = 0; i < K; i++) {
      const readByChannel = dot(S, i * V, dO, t * V, V);
      grads.q[t * K + i] += factor * readByChannel;
      grads.lambda[t * L + l] += scale * q[t * K + i] * readByChannel;
    }
  }
  // 3. S^(0) += k_t w_t^T
  const dInserted = dAfter[0] as Float64Array;
  for (let i = 0; i < K; i++) {
    grads.k[t * K + i] += dot(dInserted, i * V, w, t * V, V);
    addScaled(grads.w, t * V, k[t * K + i], dInserted, i * V, V);
  }
  // 1. and 2. for each level before the step: S^(target) += F_t S^(l)
  return previous.map((level, l) => {
    const target = x.levels.advance(x.position + t, l);
    const dTarget = target < 0 ? null : (dAfter[target] as Float64Array);
    if (!dTarget) return null;
    const dLevel = dTarget.slice();
    if (level) x.transition.gradients(x, t, level, dLevel, V, grads);
    x.transition.applyTransposed(x, t, dLevel, V);
    return dLevel;
  });
}

export const recurrent: Form = { forward, backward };
