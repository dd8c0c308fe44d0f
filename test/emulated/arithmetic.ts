/** Matrices that round as kernels do: MatrixArithmetic in a precision, on a machine. */
import { type Precision, roundsFactors } from '../../properties/precision.ts';
import type { MatrixArithmetic, MatrixShape, Recorded, Transposed } from '../../reference/matrix-tape.ts';
import { type Round, rounder } from './rounding.ts';
import type { Machine, Order } from './variant.ts';

export interface RoundedMatrix extends MatrixShape {
  /** Row-major; numbers of the format `accumulate`. */
  data: Float64Array;
  /** A product with such a factor is one of vector units: no factor is rounded, no sum is cut. */
  inRegisters: boolean;
}

/** What happens to a product before it is added, and to each sum. */
interface Sums {
  product: Round;
  sum: Round;
}

type Dot = (a: Float64Array, at: number, b: Float64Array, bt: number, n: number, sums: Sums) => number;

const dotForward: Dot = (a, at, b, bt, n, { product, sum }) => {
  let s = n > 0 ? sum(product(a[at] * b[bt])) : 0;
  for (let i = 1; i < n; i++) s = sum(s + product(a[at + i] * b[bt + i]));
  return s;
};

const dotBackward: Dot = (a, at, b, bt, n, { product, sum }) => {
  let s = n > 0 ? sum(product(a[at + n - 1] * b[bt + n - 1])) : 0;
  for (let i = n - 2; i >= 0; i--) s = sum(s + product(a[at + i] * b[bt + i]));
  return s;
};

const dotPairwise: Dot = (a, at, b, bt, n, sums) => {
  if (n <= 1) return n === 0 ? 0 : sums.sum(sums.product(a[at] * b[bt]));
  const half = n >> 1;
  return sums.sum(dotPairwise(a, at, b, bt, half, sums) + dotPairwise(a, at + half, b, bt + half, n - half, sums));
};

const BLOCK = 16;
const dotBlocked: Dot = (a, at, b, bt, n, sums) => {
  let s = dotForward(a, at, b, bt, Math.min(n, BLOCK), sums);
  for (let i = BLOCK; i < n; i += BLOCK) {
    s = sums.sum(s + dotForward(a, at + i, b, bt + i, Math.min(n - i, BLOCK), sums));
  }
  return s;
};

const dots: Record<Order, Dot> = {
  forward: dotForward,
  backward: dotBackward,
  pairwise: dotPairwise,
  blocked: dotBlocked,
};

/** The entries rounded, with the sum's axis last. */
function packed({ data, rows, columns }: RoundedMatrix, turn: boolean, round: Round | null): Float64Array {
  if (!turn) return round ? data.map(round) : data;
  const out = new Float64Array(data.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) out[j * rows + i] = round ? round(data[at]) : data[at];
  }
  return out;
}

const LOG2E = Math.LOG2E;

/**
 * A fused multiply-add of float32 is emulated in float64: the product is exact, the sum is rounded to 53 bits and then to 24, which is
 * within a 2^-29th of a unit of rounding once. In float64 itself a product is rounded before it is added, fused or not.
 */
export function roundedMatrices(precision: Precision, machine: Machine): MatrixArithmetic<RoundedMatrix> {
  const { flush } = machine;
  const round = rounder(precision.accumulate, { flush });
  const toState = rounder(precision.state, { flush });
  const roundFactor = rounder(precision.product, { flush, cut: machine.cutFactors });
  const onTensorCores = roundsFactors(precision);
  const exact: Round = (value) => value;
  const vector: Sums = { product: machine.fma ? exact : round, sum: round };
  const tensor: Sums = { product: exact, sum: rounder(precision.accumulate, { flush, cut: machine.cutSums }) };
  const dot = dots[machine.order];
  const log2e = round(LOG2E);
  const exp: Round = machine.exp2 ? (x) => round(2 ** round(x * log2e)) : (x) => round(Math.exp(x));

  const matrix = (data: Float64Array, rows: number, columns: number): RoundedMatrix => ({
    data,
    rows,
    columns,
    inRegisters: false,
  });
  return {
    of: (data, rows, columns) => matrix(Float64Array.from(data, round), rows, columns),
    add(a, b) {
      const data = new Float64Array(a.data.length);
      for (let i = 0; i < data.length; i++) data[i] = round(a.data[i] + b.data[i]);
      return matrix(data, a.rows, a.columns);
    },
    sub(a, b) {
      const data = new Float64Array(a.data.length);
      for (let i = 0; i < data.length; i++) data[i] = round(a.data[i] - b.data[i]);
      return matrix(data, a.rows, a.columns);
    },
    // the mark of the first factor stays, that of the second does not: the tape multiplies a cotangent (first) by a factor (second)
    mul(a, b) {
      const data = new Float64Array(a.data.length);
      for (let i = 0; i < data.length; i++) data[i] = round(a.data[i] * b.data[i]);
      return { ...matrix(data, a.rows, a.columns), inRegisters: a.inRegisters };
    },
    exp: (a) => matrix(a.data.map(exp), a.rows, a.columns),
    product(a, b, transposed: Transposed = 'none') {
      const isTensor = onTensorCores && !a.inRegisters && !b.inRegisters;
      const sums = isTensor ? tensor : vector;
      const [rows, n] = transposed === 'first' ? [a.columns, a.rows] : [a.rows, a.columns];
      const columns = transposed === 'second' ? b.rows : b.columns;
      const first = packed(a, transposed === 'first', isTensor ? roundFactor : null);
      const second = packed(b, transposed !== 'second', isTensor ? roundFactor : null);
      const data = new Float64Array(rows * columns);
      for (let i = 0, to = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++, to++) data[to] = dot(first, i * n, second, j * n, n, sums);
      }
      return matrix(data, rows, columns);
    },
    take(a, index, rows, columns) {
      const data = new Float64Array(rows * columns);
      for (let i = 0; i < data.length; i++) if (index[i] >= 0) data[i] = a.data[index[i]];
      return matrix(data, rows, columns);
    },
    scatter(a, index, rows, columns) {
      const data = new Float64Array(rows * columns);
      for (let i = 0; i < index.length; i++) {
        const to = index[i];
        if (to >= 0) data[to] = round(data[to] + a.data[i]);
      }
      return matrix(data, rows, columns);
    },
    store: (a) => matrix(a.data.map(toState), a.rows, a.columns),
  };
}

/** A constant of ones for sums and repetition in registers: a product with it rounds nothing but its sums. */
export const ones = (rows: number, columns: number): Recorded<RoundedMatrix> & MatrixShape => ({
  id: -1,
  rows,
  columns,
  value: { data: new Float64Array(rows * columns).fill(1), rows, columns, inRegisters: true },
});
