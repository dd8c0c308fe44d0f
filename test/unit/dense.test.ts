/** Every loop of dense.ts against its formula, on integers, where any order of summing is exact. NaN stands where nothing may be read. */
import { describe, expect, it } from 'vitest';
import { noise } from '../../properties/arbitraries/noise.ts';
import {
  addOuter,
  addProduct,
  addRows,
  addRowsLower,
  addScaled,
  addTransposedProduct,
  copyFrom,
  dot,
  timesRows,
  timesRowsLower,
} from '../../reference/dense.ts';

/** Where matrices start in their arrays, and how much is left after them. */
const [AT, BT, YT, AFTER] = [2, 3, 1, 2];

/** Integers from `at` on, NaN around them. */
function integers(name: string, at: number, size: number): Float64Array {
  const data = new Float64Array(at + size + AFTER).fill(Number.NaN);
  for (let i = 0; i < size; i++) data[at + i] = (noise(7, name, [i]) % 9) - 4;
  return data;
}

/** What a result holds before: numbers that show whether they were added to, overwritten or left alone. */
const before = (size: number): Float64Array => Float64Array.from({ length: size }, (_, i) => 1000 + i);

const sum = (n: number, term: (i: number) => number): number =>
  Array.from({ length: n }, (_, i) => term(i)).reduce((total, each) => total + each, 0);

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

it.each(range(0, 9))('dot, addScaled and copyFrom of %i entries', (n) => {
  const [a, b] = [integers('a', AT, n), integers('b', BT, n)];
  expect(dot(a, AT, b, BT, n)).toBe(sum(n, (i) => a[AT + i] * b[BT + i]));

  const y = before(YT + n + AFTER);
  addScaled(y, YT, 3, b, BT, n);
  expect(y).toEqual(before(y.length).map((value, i) => (i >= YT && i < YT + n ? value + 3 * b[BT + i - YT] : value)));

  const copy = before(n);
  copyFrom(copy, a, AT);
  expect(copy).toEqual(a.slice(AT, AT + n));
});

describe.each(range(0, 9))('%i rows', (rows) => {
  it.each(range(1, 6))('timesRows and addRows of %i columns', (n) => {
    const [a, B, p] = [integers('a', AT, n), integers('B', BT, rows * n), integers('p', 0, rows)];
    const out = before(rows + AFTER);
    timesRows(out, a, AT, B, BT, rows, n);
    const row = (s: number): number => sum(n, (i) => a[AT + i] * B[BT + s * n + i]);
    expect(out).toEqual(before(out.length).map((value, s) => (s < rows ? row(s) : value)));

    const y = before(YT + n + AFTER);
    addRows(y, YT, p, B, BT, rows, n);
    const column = (j: number): number => sum(rows, (s) => p[s] * B[BT + s * n + j]);
    expect(y).toEqual(before(y.length).map((value, j) => (j >= YT && j < YT + n ? value + column(j - YT) : value)));
  });
});

/** The result [m,n] at `at` of an array, after `entry(i, j)` has been added. */
const added = (length: number, at: number, m: number, n: number, entry: (i: number, j: number) => number) =>
  before(length).map((value, i) => {
    const [row, column] = [Math.floor((i - at) / n), (i - at) % n];
    return row >= 0 && row < m ? value + entry(row, column) : value;
  });

describe.each(range(0, 8))('%i rows of a result', (m) => {
  it.each(range(1, 4))('addOuter, addProduct and addTransposedProduct of %i columns', (n) => {
    const [x, y] = [integers('x', AT, m), integers('y', BT, n)];
    const M = before(YT + m * n + AFTER);
    addOuter(M, YT, 3, x, AT, m, y, BT, n);
    expect(M).toEqual(added(M.length, YT, m, n, (i, j) => 3 * x[AT + i] * y[BT + j]));

    for (const k of range(0, 9)) {
      const [A, B] = [integers('A', AT, m * k), integers('B', BT, k * n)];
      const Y = before(YT + m * n + AFTER);
      addProduct(Y, YT, A, AT, B, BT, m, k, n);
      const entry = (i: number, j: number) => sum(k, (l) => A[AT + i * k + l] * B[BT + l * n + j]);
      expect(Y, `k = ${k}`).toEqual(added(Y.length, YT, m, n, entry));

      const Z = before(YT + m * n + AFTER);
      addTransposedProduct(Z, YT, A, AT, B, BT, m, k, n);
      const transposed = (i: number, j: number) => sum(k, (l) => A[AT + l * m + i] * B[BT + l * n + j]);
      expect(Z, `k = ${k}, transposed`).toEqual(added(Z.length, YT, m, n, transposed));
    }
  });
});

/** A lower triangle of m rows that are `stride` apart, row r with first + r + 1 entries; NaN above it. */
function lower(name: string, m: number, first: number, stride: number): Float64Array {
  const P = integers(name, 0, m * stride);
  for (let r = 0; r < m; r++) P.fill(Number.NaN, r * stride + first + r + 1, (r + 1) * stride);
  return P;
}

describe.each(range(0, 7))('%i rows on and below a diagonal', (m) => {
  it.each(range(0, 4))('that starts after %i columns', (first) => {
    for (const n of range(1, 6)) {
      const stride = first + m + 1;
      const [A, B] = [integers('A', AT, m * n), integers('B', BT, (first + m) * n)];
      const out = before(m * stride + AFTER);
      timesRowsLower(out, stride, A, AT, m, B, BT, first, n);
      const wanted = before(out.length);
      for (let r = 0; r < m; r++) {
        for (let s = 0; s <= first + r; s++) {
          wanted[r * stride + s] = sum(n, (i) => A[AT + r * n + i] * B[BT + s * n + i]);
        }
      }
      expect(out, `n = ${n}`).toEqual(wanted);

      const P = lower('P', m, first, stride);
      const Y = before(YT + m * n + AFTER);
      addRowsLower(Y, YT, P, stride, m, B, BT, first, n);
      const entry = (r: number, j: number) => sum(first + r + 1, (s) => P[r * stride + s] * B[BT + s * n + j]);
      expect(Y, `n = ${n}`).toEqual(added(Y.length, YT, m, n, entry));
    }
  });
});
