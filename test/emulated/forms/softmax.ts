/** Softmax attention: o = P v, P = softmax(scale q k^T) over s <= t, the largest score of each row taken off first. */
import type { Variant } from '../variant.ts';
import {
  acrossColumns,
  filled,
  gather,
  type Node,
  rowSums,
  rowsOf,
  scaled,
  type Tape,
  type TapeHead,
} from './on-tape.ts';

/** scale q k^T for the keys [from, to), [T, to - from] */
function scoresOf(m: Tape, x: TapeHead, from: number, to: number, v: Variant): Node {
  const k = rowsOf(m, x.k, from, to);
  if (v.factorsFirst) return m.product(scaled(m, x.q, x.scale), k, 'second');
  return scaled(m, m.product(x.q, k, 'second'), x.scale);
}

/** Entries of keys s <= t, where column j is key from + j. */
const visible = (m: Tape, x: Node, from: number): Node =>
  gather(m, x, x.rows, x.columns, (t, j) => (from + j <= t ? t * x.columns + j : -1));

/** The largest visible score of each row and `before`, [T,1]: a constant, since any number may be taken off every score. */
function largest(m: Tape, scores: Node, from: number, before: Float64Array | null): Node {
  const most = before?.slice() ?? new Float64Array(scores.rows).fill(Number.NEGATIVE_INFINITY);
  for (let t = from; t < scores.rows; t++) {
    for (let j = 0; j < scores.columns && from + j <= t; j++) {
      most[t] = Math.max(most[t], scores.value.data[t * scores.columns + j]);
    }
  }
  return m.of(most, scores.rows, 1);
}

/** exp(scores - most) where visible, else 0. Masked before exp too, which would overflow there. */
const weightsOf = (m: Tape, scores: Node, most: Node, from: number): Node =>
  visible(m, m.exp(visible(m, m.sub(scores, acrossColumns(m, most, scores.columns)), from)), from);

/** 1/x. The tape does not divide; a Newton step r (2 - x r) from the rounded reciprocal r has its value and its derivative. */
function reciprocal(m: Tape, x: Node): Node {
  const r = m.of(
    x.value.data.map((value) => 1 / value),
    x.rows,
    x.columns,
  );
  return m.mul(r, m.sub(filled(m, x.rows, x.columns, 2), m.mul(x, r)));
}

function twoPass(m: Tape, x: TapeHead, v: Variant): Node {
  const scores = scoresOf(m, x, 0, x.T, v);
  const weights = weightsOf(m, scores, largest(m, scores, 0, null), 0);
  const share = reciprocal(m, rowSums(m, weights));
  return v.factorsFirst
    ? m.product(m.mul(weights, acrossColumns(m, share, x.T)), x.w)
    : m.mul(m.product(weights, x.w), acrossColumns(m, share, x.V));
}

/** Keys block by block; what was summed before is rescaled when the largest score changes. */
function online(m: Tape, x: TapeHead, v: Variant): Node {
  let most: Node | null = null;
  let total: Node | null = null;
  let sums: Node | null = null;
  for (let from = 0; from < x.T; from += v.tile) {
    const to = Math.min(x.T, from + v.tile);
    const scores = scoresOf(m, x, from, to, v);
    const now: Node = largest(m, scores, from, most?.value.data ?? null);
    const weights = weightsOf(m, scores, now, from);
    const values = m.product(weights, rowsOf(m, x.w, from, to));
    const count = rowSums(m, weights);
    if (most && total && sums) {
      const shrink: Node = m.exp(m.sub(most, now));
      total = m.add(m.mul(total, shrink), count);
      sums = m.add(m.mul(sums, acrossColumns(m, shrink, x.V)), values);
    } else {
      total = count;
      sums = values;
    }
    most = now;
  }
  return m.mul(sums as Node, acrossColumns(m, reciprocal(m, total as Node), x.V));
}

export const softmax = (m: Tape, x: TapeHead, v: Variant): Node =>
  v.softmax === 'online' ? online(m, x, v) : twoPass(m, x, v);
