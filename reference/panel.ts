/**
 * The operator as panels of rows that walk back through time, in any arithmetic of matrices: the row of query t starts as scale q_t^T
 * and is multiplied by F_t, F_{t-1}, … from the right, so that just before F_s it reads key s:
 *   o_t = sum over s <= t of lambda[t, level(t,s)] (scale q_t^T F_t … F_{s+1} k_s) w_s^T
 * Channel i of the final state is what the unit vector e_i reads at the last position, each level by itself. Shares no code with the
 * three forms.
 */
import type { PanelToken, Transition } from './head.ts';
import { contentLevels, type Levels } from './levels.ts';
import type { MatrixArithmetic, MatrixShape } from './matrix-tape.ts';

/** One head of one sequence; letters as in Head. */
export interface PanelInput<M> {
  T: number;
  K: number;
  V: number;
  L: number;
  position: number;
  levels: Levels;
  transition: Transition;
  /** scale q_t^T, [1,K] */
  query(t: number): M;
  /** Token s with what it writes, w [1,V]. */
  token(s: number): PanelToken<M> & { w: M };
  /** lambda[times[i], levels[i]], 0 where the level is -1, as a column; null for a flat system, whose scales are 1. */
  scales(times: readonly number[], levels: readonly number[]): M | null;
  /** Levels of the incoming state, 0 without one, and level l of it, [K,V]. */
  stateLevels: number;
  content(l: number): M;
}

/** m from row `at` on of a matrix of `rows` rows that is 0 otherwise. */
function place<M extends MatrixShape>(a: MatrixArithmetic<M>, m: M, at: number, rows: number): M {
  const index = new Int32Array(rows * m.columns).fill(-1);
  for (let i = 0; i < m.rows * m.columns; i++) index[at * m.columns + i] = i;
  return a.take(m, index, rows, m.columns);
}

const repeatColumn = <M extends MatrixShape>(a: MatrixArithmetic<M>, column: M, columns: number): M =>
  a.product(column, a.of(new Float64Array(columns).fill(1), 1, columns));

/** What queries first … end-1 read, [end - first, V], the last query in the first row. */
export function readQueries<M extends MatrixShape>(
  a: MatrixArithmetic<M>,
  x: PanelInput<M>,
  first: number,
  end: number,
): M {
  const times = Array.from({ length: end - first }, (_, i) => end - 1 - i);
  let o = a.of(new Float64Array(times.length * x.V), times.length, x.V);
  const add = (read: M): void => {
    o = a.add(o, read.rows < o.rows ? place(a, read, 0, o.rows) : read);
  };
  let Y: M | null = null;
  for (let s = end - 1; s >= 0; s--) {
    const token = x.token(s);
    if (s >= first) Y = append(a, Y, x.query(s));
    const panel = Y as M;
    const readers = times.slice(0, panel.rows);
    const column = a.product(panel, token.k, 'second');
    const scales = x.scales(
      readers,
      readers.map((t) => x.levels.level(x.position + t, x.position + s)),
    );
    add(a.product(scales ? a.mul(scales, column) : column, token.w));
    if (s > 0 || x.stateLevels > 0) Y = x.transition.defineRows(a, token, panel);
  }
  for (let l = 0; l < x.stateLevels; l++) {
    const readBy = contentLevels(x.levels, x.position, l, x.T);
    const levels = times.map((t) => readBy[t]);
    if (levels.every((level) => level < 0)) continue;
    const read = a.product(Y as M, x.content(l));
    const scales = x.scales(times, levels);
    add(scales ? a.mul(repeatColumn(a, scales, x.V), read) : read);
  }
  return o;
}

function append<M extends MatrixShape>(a: MatrixArithmetic<M>, Y: M | null, row: M): M {
  if (Y === null) return row;
  return a.add(place(a, Y, 0, Y.rows + 1), place(a, row, Y.rows, Y.rows + 1));
}

/** Key channels first … end-1 of the final state, [end - first, V] for each level; null for a level that holds nothing. */
export function readState<M extends MatrixShape>(
  a: MatrixArithmetic<M>,
  x: PanelInput<M>,
  first: number,
  end: number,
): (M | null)[] {
  const { T, K, L, position, levels } = x;
  const state: (M | null)[] = new Array(L).fill(null);
  const add = (level: number, read: M): void => {
    const before = state[level];
    state[level] = before === null ? read : a.add(before, read);
  };
  const units = new Float64Array((end - first) * K);
  for (let i = first; i < end; i++) units[(i - first) * K + i] = 1;
  let Y = a.of(units, end - first, K);
  for (let s = T - 1; s >= 0; s--) {
    const token = x.token(s);
    add(levels.level(position + T - 1, position + s), a.product(a.product(Y, token.k, 'second'), token.w));
    if (s > 0 || x.stateLevels > 0) Y = x.transition.defineRows(a, token, Y);
  }
  for (let l = 0; l < x.stateLevels; l++) {
    // without a token nothing has merged: the state is what came in
    const level = T === 0 ? l : contentLevels(levels, position, l, T)[T - 1];
    if (level >= 0) add(level, a.product(Y, x.content(l)));
  }
  return state;
}

/**
 * Softmax attention of queries first … first+n-1 on keys 0 … first+n-1: queries [n,K] times scale, keys [first+n,K], values
 * [first+n,V]. `valuesOf` reads a matrix back into float64.
 */
export function readSoftmax<M extends MatrixShape>(
  a: MatrixArithmetic<M>,
  valuesOf: (m: M) => Float64Array,
  first: number,
  [queries, keys, values]: readonly [M, M, M],
): M {
  const [n, T] = [queries.rows, keys.rows];
  const scores = a.product(queries, keys, 'second');
  // any constant may be taken off every score of a row: the largest one keeps exp from overflowing, Infinity hides what comes later
  const shift = valuesOf(scores);
  for (let i = 0; i < n; i++) {
    const row = shift.subarray(i * T, (i + 1) * T);
    const largest = row.subarray(0, first + i + 1).reduce((most, score) => Math.max(most, score), -Infinity);
    row.fill(largest, 0, first + i + 1).fill(Number.POSITIVE_INFINITY, first + i + 1);
  }
  const weights = a.exp(a.sub(scores, a.of(shift, n, T)));
  const total = a.product(weights, a.of(new Float64Array(T).fill(1), T, 1));
  // 1 / total by Newton's steps r := r (2 - total r), which square its relative error: from 2^-53 the second one gives the derivative
  let reciprocal = a.of(
    valuesOf(total).map((value) => 1 / value),
    n,
    1,
  );
  const two = a.of(new Float64Array(n).fill(2), n, 1);
  for (let step = 0; step < 2; step++) reciprocal = a.mul(reciprocal, a.sub(two, a.mul(total, reciprocal)));
  return a.mul(a.product(weights, values), repeatColumn(a, reciprocal, values.columns));
}
