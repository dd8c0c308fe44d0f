/**
 * The product o = P w with other entries of P = scale * A * M: the weight that a level gives, or the decay between two tokens. For the
 * tokens of this call; what comes in with the state, and the final state, stay right, and so does every bit where the entries are
 * the right ones.
 */
import type { Head, HeadOutput } from '../../reference/head.ts';
import { deltaRule } from '../../reference/transitions.ts';

export interface ProductChange {
  /** What multiplies the decayed product of query and key; right: scale * lambda[t, level(t,s)] for s <= t, else 0. */
  weight?: (x: Head, t: number, s: number) => number;
  /** D[t,s] from the log decays [T] of the head, or of one channel; right: exp(g_{s+1} + … + g_t). */
  decay?: (x: Head, g: Float64Array, t: number, s: number) => number;
}

/** exp of the log decay of tokens from … to, both included. */
export function decayOver(g: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let r = from; r <= to; r++) sum += g.length > 0 ? g[r] : 0;
  return Math.exp(sum);
}

export const levelOf = (x: Head, t: number, s: number): number => x.levels.level(x.position + t, x.position + s);

/** lambda[t,l], at the first or last level where there is none. */
export const scaleAt = (x: Head, t: number, l: number): number => x.lambda[t * x.L + Math.min(Math.max(l, 0), x.L - 1)];

export const rightWeight = (x: Head, t: number, s: number): number =>
  s > t ? 0 : x.scale * x.lambda[t * x.L + levelOf(x, t, s)];

const rightDecay = (_x: Head, g: Float64Array, t: number, s: number): number => (s > t ? 1 : decayOver(g, s + 1, t));

/** Whether log decays are by channel; with one channel it makes no difference. */
const byChannel = (x: Head): boolean => x.g.length > x.T;

/** Whether some entry of P changes. */
export const changesProduct = ({ weight, decay }: ProductChange): boolean => Boolean(weight ?? decay);

/** q_t · k_s */
function dot(x: Head, t: number, s: number): number {
  let score = 0;
  for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
  return score;
}

/** Adds what the changed entries of P make of o. */
export function rewriteProduct(change: ProductChange, x: Head, out: HeadOutput): void {
  if (!changesProduct(change)) return;
  const entries = x.transition.scalar ? scalarEntries(change, x) : entriesThroughTime(change, x);
  for (let t = 0; t < x.T; t++) {
    for (let s = 0; s < x.T; s++) {
      const [apart, score] = entries(t, s);
      if (apart === null) continue;
      for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += apart * score * x.w[s * x.V + j];
    }
  }
}

/** By how much an entry is off, null for not at all, and what that multiplies. */
type Entries = (t: number, s: number) => readonly [apart: number | null, score: number];

function scalarEntries({ weight = rightWeight, decay = rightDecay }: ProductChange, x: Head): Entries {
  return (t, s) => {
    const right = rightWeight(x, t, s) * rightDecay(x, x.g, t, s);
    const entry = weight(x, t, s);
    const wrong = s > t && entry === 0 ? 0 : entry * decay(x, x.g, t, s);
    return Object.is(wrong, right) ? [null, 0] : [wrong - right, dot(x, t, s)];
  };
}

/** Decays by channel, and the delta rule: the query meets the key through every step between them. */
function entriesThroughTime({ weight = rightWeight, decay }: ProductChange, x: Head): Entries {
  const right = pairsOf(x);
  const wrong = decay ? otherDecay(x, decay) : null;
  return (t, s) => {
    const score = s > t ? dot(x, t, s) : right[t * x.T + s];
    const [mine, its] = [weight(x, t, s), rightWeight(x, t, s)];
    if (!wrong) return Object.is(mine, its) ? [null, 0] : [mine - its, score];
    return [mine * (s > t ? score : wrong[t * x.T + s]) - its * score, 1];
  };
}

/** q_t · (step t … step s+1 of k_s) for s <= t. */
function walked(x: Head, step: (r: number, column: Float64Array) => void): Float64Array {
  const entries = new Float64Array(x.T * x.T);
  for (let s = 0; s < x.T; s++) {
    const column = x.k.slice(s * x.K, (s + 1) * x.K);
    for (let t = s; t < x.T; t++) {
      if (t > s) step(t, column);
      for (let i = 0; i < x.K; i++) entries[t * x.T + s] += x.q[t * x.K + i] * column[i];
    }
  }
  return entries;
}

/** q_t · F_t … F_{s+1} k_s for s <= t, [T,T]: the entries of P before scale and lambda. */
export const pairsOf = (x: Head): Float64Array => walked(x, (r, column) => x.transition.apply(x, r, column, 1));

/** The products with another decay; null where decays by channel lie between erases, and have no sum. */
function otherDecay(x: Head, decay: NonNullable<ProductChange['decay']>): Float64Array | null {
  const erases = x.transition.erases > 0;
  if (erases && byChannel(x)) return null;
  const entries = erases ? walked(x, (r, column) => deltaRule.apply(x, r, column, 1)) : new Float64Array(x.T * x.T);
  const channels = Array.from({ length: byChannel(x) ? x.K : 1 }, (_, i) =>
    byChannel(x) ? Float64Array.from({ length: x.T }, (_, t) => x.g[t * x.K + i]) : x.g,
  );
  for (let t = 0; t < x.T; t++) {
    for (let s = 0; s <= t; s++) {
      if (erases) {
        entries[t * x.T + s] *= decay(x, x.g, t, s);
        continue;
      }
      for (let i = 0; i < x.K; i++)
        entries[t * x.T + s] += x.q[t * x.K + i] * x.k[s * x.K + i] * decay(x, channels[i % channels.length], t, s);
    }
  }
  return entries;
}
