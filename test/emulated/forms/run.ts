/**
 * What a run of tokens gives: the masked product inside it, queries read back to its start, keys carried to its end, and how a state
 * passes through it. With D the decays and, for delta systems, N = stril(beta k k^T ∘ D), X = (I + N)^-1 (arXiv 2406.06484, 2412.06464):
 *   pairs   = tril(scale q k^T ∘ D) X
 *   queries = scale q ∘ D_start - tril(scale q k^T ∘ D) W,  W = X (beta k ∘ D_start)
 *   keys    = X^T (k ∘ D_end)
 *   S       becomes D_whole S - (k ∘ D_end)^T W S
 * A decay of one number a channel acts inside of the inner products.
 */
import type { Variant } from '../variant.ts';
import { decayed, pairRow, pairsOf, type RunDecays, runDecays } from './decays.ts';
import { inverse } from './inverse.ts';
import {
  acrossColumns,
  gather,
  levelScales,
  lower,
  type Node,
  rowSums,
  rowsOf,
  scaled,
  type Tape,
  type TapeHead,
} from './on-tape.ts';

export interface Run {
  from: number;
  to: number;
  /** [c,c], scale included, level scales not; zero above the diagonal. */
  pairs: Node;
  /** [c,K], scale included, unless `queryDecay` is still to be applied to what they read. */
  queries: Node;
  queryDecay: Node | null;
  /** [c,K] */
  keys: Node;
  /** [c,V] */
  w: Node;
  decays: RunDecays;
  /** Delta systems. */
  delta: { X: Node; W: Node; toEnd: Node } | null;
}

/** tril(a b^T ∘ D), or strictly below the diagonal. */
function scores(m: Tape, a: Node, b: Node, { pairs, byChannel }: RunDecays, diagonal: boolean): Node {
  const c = a.rows;
  if (!pairs || !byChannel) {
    const masked = lower(m, m.product(a, b, 'second'), diagonal);
    return pairs ? m.mul(masked, pairs) : masked;
  }
  const K = a.columns;
  const { t, s } = pairsOf(c);
  const left = gather(m, a, t.length, K, (row, i) => t[row] * K + i);
  const right = gather(m, b, t.length, K, (row, i) => s[row] * K + i);
  const sums = rowSums(m, m.mul(m.mul(left, pairs), right));
  return gather(m, sums, c, c, (i, j) => (j < i || (diagonal && j === i) ? pairRow(i, j) : -1));
}

/** beta_t times row t of a [c,n] */
const written = (m: Tape, beta: Node, a: Node): Node => m.mul(acrossColumns(m, beta, a.columns), a);

/** @param differences for a flat delta system that writes differences: pairs, queries and keys are left without X */
export function runOf(m: Tape, x: TapeHead, from: number, to: number, v: Variant, differences: boolean): Run {
  const decays = runDecays(m, x, from, to, v);
  const q = rowsOf(m, x.q, from, to);
  const k = rowsOf(m, x.k, from, to);
  const w = rowsOf(m, x.w, from, to);
  const scaledQ = scaled(m, q, x.scale);
  const A = v.factorsFirst ? scores(m, scaledQ, k, decays, true) : scaled(m, scores(m, q, k, decays, true), x.scale);
  const toEnd = decayed(m, k, decays.toEnd);
  if (!x.beta) {
    // a decay of one number a token may wait until the state has been read
    const late = !v.factorsFirst && decays.fromStart?.columns === 1;
    return {
      from,
      to,
      pairs: A,
      queries: late ? scaledQ : decayed(m, scaledQ, decays.fromStart),
      queryDecay: late ? decays.fromStart : null,
      keys: toEnd,
      w,
      decays,
      delta: null,
    };
  }
  const beta = rowsOf(m, x.beta, from, to);
  const betaK = written(m, beta, k);
  const N = v.factorsFirst ? scores(m, betaK, k, decays, false) : written(m, beta, scores(m, k, k, decays, false));
  const X = inverse(m, N, v);
  const W = m.product(X, decayed(m, betaK, decays.fromStart));
  const startQueries = decayed(m, scaledQ, decays.fromStart);
  return {
    from,
    to,
    pairs: differences ? A : m.product(A, X),
    queries: differences ? startQueries : m.sub(startQueries, m.product(A, W)),
    queryDecay: null,
    keys: differences ? toEnd : m.product(X, toEnd, 'first'),
    w,
    decays,
    delta: { X, W, toEnd },
  };
}

/** D_whole S, [K,V] */
export function decayWhole(m: Tape, S: Node, { whole }: RunDecays): Node {
  if (!whole) return S;
  return m.mul(
    S,
    gather(m, whole, S.rows, S.columns, (i) => (whole.columns === 1 ? 0 : i)),
  );
}

/** The state S after the run, without what the run itself writes. */
export function carried(m: Tape, run: Run, S: Node): Node {
  const kept = decayWhole(m, S, run.decays);
  if (!run.delta) return kept;
  return m.sub(kept, m.product(run.delta.toEnd, m.product(run.delta.W, S), 'first'));
}

/** What the queries of a run read from a state that enters it, [c,V]; `level`: of token t, -1 where it reads nothing. */
export function readState(m: Tape, x: TapeHead, run: Run, S: Node, level: (t: number) => number, v: Variant): Node {
  const lambda = x.lambda ? levelScales(m, x.lambda, run.from, run.to, level) : null;
  if (v.factorsFirst && lambda) return m.product(m.mul(acrossColumns(m, lambda, x.K), run.queries), S);
  const read = decayed(m, m.product(run.queries, S), run.queryDecay);
  return decayed(m, read, lambda);
}

/** lambda[t, level(t,s)] on and below the diagonal, [c,c]. */
export const levelMask = (m: Tape, x: TapeHead, lambda: Node, { from, to }: { from: number; to: number }): Node =>
  gather(m, lambda, to - from, to - from, (i, j) =>
    j > i ? -1 : (from + i) * x.L + x.levels.level(x.position + from + i, x.position + from + j),
  );

/** What the queries of a run read from the run itself, [c,V]. */
export function readInside(m: Tape, x: TapeHead, run: Run): Node {
  const P = x.lambda ? m.mul(run.pairs, levelMask(m, x, x.lambda, run)) : run.pairs;
  return m.product(P, run.w);
}
