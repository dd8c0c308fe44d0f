/**
 * Matrices of double-doubles, their two parts in arrays of their own: the operations of double-double.ts written out in loops that
 * allocate nothing. An entry that comes out infinite or NaN is computed again by the scalar operations: infinities turn the error terms
 * into NaN (Inf - Inf), and so does splitting above 2^996.
 *
 * Products are dot products in twice the working precision (Dot2 of Ogita, Rump, Oishi 2005) whose two parts are both kept: of n terms
 * they lose at most about n^2 2^-106 of the sum of |a b|.
 */
import { type DoubleDouble, doubleDouble } from './double-double.ts';
import type { MatrixArithmetic, MatrixShape, Transposed } from './matrix-tape.ts';

export interface DoubleDoubleMatrix extends MatrixShape {
  hi: Float64Array;
  lo: Float64Array;
}

const SPLITTER = 2 ** 27 + 1;

/** Doubles of one block of memory that small matrices share: an ArrayBuffer for each of them costs more than filling it. */
const CHUNK = 2 ** 15;
let chunk = new ArrayBuffer(0);
let used = 0;

function allocate(length: number): Float64Array {
  if (length <= 8 || length > CHUNK / 8) return new Float64Array(length);
  if (used + 8 * length > chunk.byteLength) {
    chunk = new ArrayBuffer(8 * CHUNK);
    used = 0;
  }
  const part = new Float64Array(chunk, used, length);
  used += 8 * length;
  return part;
}

export const zeros = (rows: number, columns: number): DoubleDoubleMatrix => ({
  rows,
  columns,
  hi: allocate(rows * columns),
  lo: allocate(rows * columns),
});

const at = ({ hi, lo }: DoubleDoubleMatrix, i: number): DoubleDouble => ({ hi: hi[i], lo: lo[i] });

function put(m: DoubleDoubleMatrix, i: number, { hi, lo }: DoubleDouble): void {
  m.hi[i] = hi;
  m.lo[i] = lo;
}

/** into[to] += a[from] */
function addEntry(into: DoubleDoubleMatrix, to: number, a: DoubleDoubleMatrix, from: number): void {
  const [xh, xl, yh, yl] = [into.hi[to], into.lo[to], a.hi[from], a.lo[from]];
  const s = xh + yh;
  const sb = s - xh;
  const t = xl + yl;
  const tb = t - xl;
  const se = xh - (s - sb) + (yh - sb) + t;
  const v = s + se;
  const ve = se - (v - s) + (xl - (t - tb) + (yl - tb));
  const hi = v + ve;
  if (hi - hi === 0) {
    into.hi[to] = hi;
    into.lo[to] = ve - (hi - v);
  } else put(into, to, doubleDouble.add({ hi: xh, lo: xl }, { hi: yh, lo: yl }));
}

/** into[index[i]] += a[i]; entries without a place (index < 0) are dropped. */
export function accumulate(into: DoubleDoubleMatrix, index: Int32Array, a: DoubleDoubleMatrix): void {
  for (let i = 0; i < index.length; i++) if (index[i] >= 0) addEntry(into, index[i], a, i);
}

/** x + y, or x - y where `sign` is -1. */
function sum(x: DoubleDoubleMatrix, y: DoubleDoubleMatrix, sign: number): DoubleDoubleMatrix {
  const out = zeros(x.rows, x.columns);
  for (let i = 0; i < out.hi.length; i++) {
    const xh = x.hi[i];
    const xl = x.lo[i];
    const yh = sign * y.hi[i];
    const yl = sign * y.lo[i];
    const s = xh + yh;
    const sb = s - xh;
    const t = xl + yl;
    const tb = t - xl;
    const se = xh - (s - sb) + (yh - sb) + t;
    const v = s + se;
    const ve = se - (v - s) + (xl - (t - tb) + (yl - tb));
    const hi = v + ve;
    if (hi - hi === 0) {
      out.hi[i] = hi;
      out.lo[i] = ve - (hi - v);
    } else put(out, i, doubleDouble.add({ hi: xh, lo: xl }, { hi: yh, lo: yl }));
  }
  return out;
}

function mul(x: DoubleDoubleMatrix, y: DoubleDoubleMatrix): DoubleDoubleMatrix {
  const out = zeros(x.rows, x.columns);
  for (let i = 0; i < out.hi.length; i++) {
    const xh = x.hi[i];
    const yh = y.hi[i];
    const p = xh * yh;
    const cx = SPLITTER * xh;
    const x1 = cx - (cx - xh);
    const x2 = xh - x1;
    const cy = SPLITTER * yh;
    const y1 = cy - (cy - yh);
    const y2 = yh - y1;
    const e = x2 * y2 - (p - x1 * y1 - x2 * y1 - x1 * y2) + (xh * y.lo[i] + x.lo[i] * yh);
    const hi = p + e;
    if (hi - hi === 0) {
      out.hi[i] = hi;
      out.lo[i] = e - (hi - p);
    } else put(out, i, doubleDouble.mul(at(x, i), at(y, i)));
  }
  return out;
}

function product(x: DoubleDoubleMatrix, y: DoubleDoubleMatrix, transposed: Transposed = 'none'): DoubleDoubleMatrix {
  const [rows, inner] = transposed === 'first' ? [x.columns, x.rows] : [x.rows, x.columns];
  const columns = transposed === 'second' ? y.rows : y.columns;
  // steps along a row of the result, and along the sum
  const [xRow, xStep] = transposed === 'first' ? [1, x.columns] : [x.columns, 1];
  const [yColumn, yStep] = transposed === 'second' ? [y.columns, 1] : [1, y.columns];
  const [xh, xl, yh, yl] = [x.hi, x.lo, y.hi, y.lo];
  const out = zeros(rows, columns);
  for (let i = 0, to = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, to++) {
      let s = 0;
      let rest = 0;
      for (let l = 0, a = i * xRow, b = j * yColumn; l < inner; l++, a += xStep, b += yStep) {
        const ah = xh[a];
        const bh = yh[b];
        const p = ah * bh;
        const ca = SPLITTER * ah;
        const a1 = ca - (ca - ah);
        const a2 = ah - a1;
        const cb = SPLITTER * bh;
        const b1 = cb - (cb - bh);
        const b2 = bh - b1;
        const e = a2 * b2 - (p - a1 * b1 - a2 * b1 - a1 * b2) + (ah * yl[b] + xl[a] * bh);
        const next = s + p;
        const pp = next - s;
        rest += s - (next - pp) + (p - pp) + e;
        s = next;
      }
      const hi = s + rest;
      const bb = hi - s;
      if (hi - hi === 0) {
        out.hi[to] = hi;
        out.lo[to] = s - (hi - bb) + (rest - bb);
      } else {
        let careful: DoubleDouble = { hi: 0, lo: 0 };
        for (let l = 0, a = i * xRow, b = j * yColumn; l < inner; l++, a += xStep, b += yStep) {
          careful = doubleDouble.add(careful, doubleDouble.mul(at(x, a), at(y, b)));
        }
        put(out, to, careful);
      }
    }
  }
  return out;
}

export const doubleDoubleMatrices: MatrixArithmetic<DoubleDoubleMatrix> = {
  of(data, rows, columns) {
    const out = zeros(rows, columns);
    out.hi.set(data);
    return out;
  },
  add: (x, y) => sum(x, y, 1),
  sub: (x, y) => sum(x, y, -1),
  mul,
  exp(x) {
    const out = zeros(x.rows, x.columns);
    for (let i = 0; i < out.hi.length; i++) put(out, i, doubleDouble.exp(at(x, i)));
    return out;
  },
  product,
  take(x, index, rows, columns) {
    const out = zeros(rows, columns);
    for (let i = 0; i < index.length; i++) {
      if (index[i] < 0) continue;
      out.hi[i] = x.hi[index[i]];
      out.lo[i] = x.lo[index[i]];
    }
    return out;
  },
  scatter(x, index, rows, columns) {
    const out = zeros(rows, columns);
    accumulate(out, index, x);
    return out;
  },
  store: (x) => x,
};
