/** One head of one sequence on the matrix tape, and the small programs that every form is made of. */
import type { Levels } from '../../../reference/levels.ts';
import type { MatrixShape, MatrixTape, Recorded } from '../../../reference/matrix-tape.ts';
import { ones, type RoundedMatrix } from '../arithmetic.ts';

export type Tape = MatrixTape<RoundedMatrix>;
export type Node = Recorded<RoundedMatrix> & MatrixShape;

export interface TapeHead {
  T: number;
  K: number;
  V: number;
  L: number;
  position: number;
  scale: number;
  levels: Levels;
  chunkSize: number;
  /** [T,K] */
  q: Node;
  k: Node;
  /** [T,V], what is written: v, or beta v */
  w: Node;
  /** [T,1] or [T,K] log decays; null where the system has none */
  g: Node | null;
  /** [T,1]; null unless a delta system */
  beta: Node | null;
  /** [T,L]; null for a flat system */
  lambda: Node | null;
  /** [L K,V], or null: nothing before this call */
  state: Node | null;
}

/** o [T,V] and the state [L K,V] after the last position. */
export interface TapeOutput {
  o: Node;
  state: Node;
}

/** Flat places of a matrix [rows, columns], from a place in another; -1 gives 0. */
export function places(rows: number, columns: number, from: (row: number, column: number) => number): Int32Array {
  const index = new Int32Array(rows * columns);
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < columns; j++, at++) index[at] = from(i, j);
  return index;
}

export const gather = (
  m: Tape,
  x: Node,
  rows: number,
  columns: number,
  from: (row: number, column: number) => number,
): Node => m.take(x, places(rows, columns, from), rows, columns);

/** n flat places one after the other: whole rows, without asking for each entry. */
function consecutive(from: number, n: number): Int32Array {
  const index = new Int32Array(n);
  for (let i = 0; i < n; i++) index[i] = from + i;
  return index;
}

/** Rows [from, to) */
export function rowsOf(m: Tape, x: Node, from: number, to: number): Node {
  if (from === 0 && to === x.rows) return x;
  return m.take(x, consecutive(from * x.columns, (to - from) * x.columns), to - from, x.columns);
}

export const zeros = (m: Tape, rows: number, columns: number): Node =>
  m.of(new Float64Array(rows * columns), rows, columns);

export const filled = (m: Tape, rows: number, columns: number, value: number): Node =>
  m.of(new Float64Array(rows * columns).fill(value), rows, columns);

export const scaled = (m: Tape, x: Node, factor: number): Node =>
  factor === 1 ? x : m.mul(x, filled(m, x.rows, x.columns, factor));

/** A matrix laid into zeros [rows, columns] with its corner at (row, column). */
export function placed(m: Tape, x: Node, rows: number, columns: number, row: number, column = 0): Node {
  const index =
    x.columns === columns
      ? consecutive(row * columns, x.rows * columns)
      : places(x.rows, x.columns, (i, j) => (row + i) * columns + column + j);
  return m.scatter(x, index, rows, columns);
}

/** Matrices one below the other: halves are put together, so that n of them cost n log n. */
export function stacked(m: Tape, parts: readonly Node[], columns: number): Node {
  if (parts.length === 0) return zeros(m, 0, columns);
  if (parts.length === 1) return parts[0];
  const half = parts.length >> 1;
  const above = stacked(m, parts.slice(0, half), columns);
  const below = stacked(m, parts.slice(half), columns);
  const rows = above.rows + below.rows;
  return m.add(placed(m, above, rows, columns, 0), placed(m, below, rows, columns, above.rows));
}

/** Every row of a matrix: halved until one is left, so that their gradients cost n log n too. */
export function eachRow(m: Tape, x: Node): Node[] {
  if (x.rows <= 1) return x.rows === 0 ? [] : [x];
  const half = x.rows >> 1;
  return [...eachRow(m, rowsOf(m, x, 0, half)), ...eachRow(m, rowsOf(m, x, half, x.rows))];
}

/** [rows,1] to [rows,columns]: a product with ones, so that the gradient is summed in the machine's order. */
export const acrossColumns = (m: Tape, x: Node, columns: number): Node =>
  columns === 1 ? x : m.product(x, ones(1, columns));

/** The sum of each row, [rows,1]. */
export const rowSums = (m: Tape, x: Node): Node => m.product(x, ones(x.columns, 1));

/** Entries on and below the diagonal, or strictly below: what is masked may be anything, infinite too. */
export const lower = (m: Tape, x: Node, diagonal = true): Node =>
  gather(m, x, x.rows, x.columns, (t, s) => (s < t || (diagonal && s === t) ? t * x.columns + s : -1));

/** A product outside of tensor cores, in any precision. */
export const vectorProduct = (m: Tape, x: Node, y: Node): Node =>
  m.product(m.mul(ones(x.rows, x.columns), x), m.mul(ones(y.rows, y.columns), y));

/** Rows t of column l(t) of lambda, [rows,1]; 0 where l(t) < 0. */
export const levelScales = (m: Tape, lambda: Node, from: number, to: number, level: (t: number) => number): Node =>
  gather(m, lambda, to - from, 1, (i) => {
    const l = level(from + i);
    return l < 0 ? -1 : (from + i) * lambda.columns + l;
  });

/** The sum of some matrices, or zeros. */
export const sumOf = (m: Tape, parts: readonly Node[], rows: number, columns: number): Node =>
  parts.length === 0 ? zeros(m, rows, columns) : parts.reduce((sum, part) => m.add(sum, part));
