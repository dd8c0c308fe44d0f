/**
 * Loops over rows of dense row-major matrices. Rows go three or four at a time, and three rows of a result share what they
 * load, so that a JIT keeps the sums in registers. "Lower" products stay on and below a diagonal: what lies above is neither read nor written.
 */

/** sum_i a[at+i] b[bt+i] over n entries */
export function dot(a: Float64Array, at: number, b: Float64Array, bt: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < n; i += 4) {
    s0 += a[at + i] * b[bt + i];
    s1 += a[at + i + 1] * b[bt + i + 1];
    s2 += a[at + i + 2] * b[bt + i + 2];
    s3 += a[at + i + 3] * b[bt + i + 3];
  }
  for (; i < n; i++) s0 += a[at + i] * b[bt + i];
  return s0 + s1 + (s2 + s3);
}

/** y[i] = x[xt+i]: fills y */
export function copyFrom(y: Float64Array, x: Float64Array, xt: number): void {
  for (let i = 0; i < y.length; i++) y[i] = x[xt + i];
}

/** y[yt+i] += c x[xt+i] over n entries */
export function addScaled(y: Float64Array, yt: number, c: number, x: Float64Array, xt: number, n: number): void {
  for (let i = 0; i < n; i++) y[yt + i] += c * x[xt + i];
}

/** M[i,j] += c x[i] y[j] for x of m entries and y of n */
export function addOuter(
  M: Float64Array,
  mt: number,
  c: number,
  x: Float64Array,
  xt: number,
  m: number,
  y: Float64Array,
  yt: number,
  n: number,
): void {
  for (let i = 0; i < m; i++) addScaled(M, mt + i * n, c * x[xt + i], y, yt, n);
}

/** out[s] = sum_i a[at+i] B[s,i] for rows 0 … rows-1 of B, a matrix with n columns that starts at bt */
export function timesRows(
  out: Float64Array,
  a: Float64Array,
  at: number,
  B: Float64Array,
  bt: number,
  rows: number,
  n: number,
): void {
  let s = 0;
  for (; s + 3 < rows; s += 4) {
    const b0 = bt + s * n;
    const b1 = b0 + n;
    const b2 = b1 + n;
    const b3 = b2 + n;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = 0; i < n; i++) {
      const ai = a[at + i];
      s0 += ai * B[b0 + i];
      s1 += ai * B[b1 + i];
      s2 += ai * B[b2 + i];
      s3 += ai * B[b3 + i];
    }
    out[s] = s0;
    out[s + 1] = s1;
    out[s + 2] = s2;
    out[s + 3] = s3;
  }
  for (; s < rows; s++) out[s] = dot(a, at, B, bt + s * n, n);
}

/** timesRows for three rows of A from `at` on, into three rows of out that are `stride` apart */
function timesRowsThrice(
  out: Float64Array,
  ot: number,
  stride: number,
  A: Float64Array,
  at: number,
  B: Float64Array,
  bt: number,
  rows: number,
  n: number,
): void {
  let s = 0;
  for (; s + 2 < rows; s += 3) {
    let a0 = at;
    let a1 = a0 + n;
    let a2 = a1 + n;
    let b0 = bt + s * n;
    let b1 = b0 + n;
    let b2 = b1 + n;
    const end = b1;
    let x0 = 0;
    let x1 = 0;
    let x2 = 0;
    let y0 = 0;
    let y1 = 0;
    let y2 = 0;
    let z0 = 0;
    let z1 = 0;
    let z2 = 0;
    for (; b0 < end; b0++, b1++, b2++, a0++, a1++, a2++) {
      const x = A[a0];
      const y = A[a1];
      const z = A[a2];
      const c0 = B[b0];
      const c1 = B[b1];
      const c2 = B[b2];
      x0 += x * c0;
      x1 += x * c1;
      x2 += x * c2;
      y0 += y * c0;
      y1 += y * c1;
      y2 += y * c2;
      z0 += z * c0;
      z1 += z * c1;
      z2 += z * c2;
    }
    const o0 = ot + s;
    const o1 = o0 + stride;
    const o2 = o1 + stride;
    out[o0] = x0;
    out[o0 + 1] = x1;
    out[o0 + 2] = x2;
    out[o1] = y0;
    out[o1 + 1] = y1;
    out[o1 + 2] = y2;
    out[o2] = z0;
    out[o2 + 1] = z1;
    out[o2 + 2] = z2;
  }
  for (; s < rows; s++) {
    for (let r = 0; r < 3; r++) out[ot + r * stride + s] = dot(A, at + r * n, B, bt + s * n, n);
  }
}

/**
 * Rows first … first+m-1 of A B^T on and below the diagonal: out[r,s] = sum_i A[r,i] B[s,i] for s <= first + r.
 * A is [m,n] at `at`, B [first+m,n] at `bt`, both with n columns; rows of out are `stride` apart.
 */
export function timesRowsLower(
  out: Float64Array,
  stride: number,
  A: Float64Array,
  at: number,
  m: number,
  B: Float64Array,
  bt: number,
  first: number,
  n: number,
): void {
  let r = 0;
  for (; r + 2 < m; r += 3) {
    const all = first + r + 1;
    timesRowsThrice(out, r * stride, stride, A, at + r * n, B, bt, all, n);
    out[(r + 1) * stride + all] = dot(A, at + (r + 1) * n, B, bt + all * n, n);
    out[(r + 2) * stride + all] = dot(A, at + (r + 2) * n, B, bt + all * n, n);
    out[(r + 2) * stride + all + 1] = dot(A, at + (r + 2) * n, B, bt + (all + 1) * n, n);
  }
  for (; r < m; r++) timesRows(out.subarray(r * stride), A, at + r * n, B, bt, first + r + 1, n);
}

/** y[yt+j] += sum_s p[pt + s step] B[s,j] for rows 0 … rows-1 of B, a matrix with n columns that starts at bt */
function addRowsOnce(
  y: Float64Array,
  yt: number,
  p: Float64Array,
  pt: number,
  step: number,
  B: Float64Array,
  bt: number,
  rows: number,
  n: number,
): void {
  let s = 0;
  for (; s + 3 < rows; s += 4) {
    const b0 = bt + s * n;
    const b1 = b0 + n;
    const b2 = b1 + n;
    const b3 = b2 + n;
    const at = pt + s * step;
    const p0 = p[at];
    const p1 = p[at + step];
    const p2 = p[at + 2 * step];
    const p3 = p[at + 3 * step];
    for (let j = 0; j < n; j++) {
      y[yt + j] += p0 * B[b0 + j] + p1 * B[b1 + j] + (p2 * B[b2 + j] + p3 * B[b3 + j]);
    }
  }
  for (; s < rows; s++) addScaled(y, yt, p[pt + s * step], B, bt + s * n, n);
}

/** addRowsOnce for three rows of Y from yt on, with three rows of factors that start `stride` apart */
function addRowsThrice(
  Y: Float64Array,
  yt: number,
  P: Float64Array,
  pt: number,
  stride: number,
  step: number,
  B: Float64Array,
  bt: number,
  rows: number,
  n: number,
): void {
  let s = 0;
  for (; s + 3 < rows; s += 4) {
    let y0 = yt;
    let y1 = y0 + n;
    let y2 = y1 + n;
    let b0 = bt + s * n;
    let b1 = b0 + n;
    let b2 = b1 + n;
    let b3 = b2 + n;
    const end = b1;
    const p0 = pt + s * step;
    const p1 = p0 + stride;
    const p2 = p1 + stride;
    const f0 = P[p0];
    const f1 = P[p0 + step];
    const f2 = P[p0 + 2 * step];
    const f3 = P[p0 + 3 * step];
    const g0 = P[p1];
    const g1 = P[p1 + step];
    const g2 = P[p1 + 2 * step];
    const g3 = P[p1 + 3 * step];
    const h0 = P[p2];
    const h1 = P[p2 + step];
    const h2 = P[p2 + 2 * step];
    const h3 = P[p2 + 3 * step];
    for (; b0 < end; b0++, b1++, b2++, b3++, y0++, y1++, y2++) {
      const c0 = B[b0];
      const c1 = B[b1];
      const c2 = B[b2];
      const c3 = B[b3];
      Y[y0] += f0 * c0 + f1 * c1 + (f2 * c2 + f3 * c3);
      Y[y1] += g0 * c0 + g1 * c1 + (g2 * c2 + g3 * c3);
      Y[y2] += h0 * c0 + h1 * c1 + (h2 * c2 + h3 * c3);
    }
  }
  for (; s < rows; s++) {
    for (let r = 0; r < 3; r++) addScaled(Y, yt + r * n, P[pt + r * stride + s * step], B, bt + s * n, n);
  }
}

/** y[yt+j] += sum_s p[s] B[s,j] for rows 0 … rows-1 of B, a matrix with n columns that starts at bt */
export function addRows(
  y: Float64Array,
  yt: number,
  p: Float64Array,
  B: Float64Array,
  bt: number,
  rows: number,
  n: number,
): void {
  addRowsOnce(y, yt, p, 0, 1, B, bt, rows, n);
}

/**
 * Rows first … first+m-1 of P B for a lower triangular P: Y[r,j] += sum over s <= first + r of P[r,s] B[s,j].
 * Y is [m,n] at `yt`, B [first+m,n] at `bt`; rows of P are `stride` apart.
 */
export function addRowsLower(
  Y: Float64Array,
  yt: number,
  P: Float64Array,
  stride: number,
  m: number,
  B: Float64Array,
  bt: number,
  first: number,
  n: number,
): void {
  let r = 0;
  for (; r + 2 < m; r += 3) {
    const all = first + r + 1;
    const y1 = yt + (r + 1) * n;
    addRowsThrice(Y, yt + r * n, P, r * stride, stride, 1, B, bt, all, n);
    addScaled(Y, y1, P[(r + 1) * stride + all], B, bt + all * n, n);
    addScaled(Y, y1 + n, P[(r + 2) * stride + all], B, bt + all * n, n);
    addScaled(Y, y1 + n, P[(r + 2) * stride + all + 1], B, bt + (all + 1) * n, n);
  }
  for (; r < m; r++) addRowsOnce(Y, yt + r * n, P, r * stride, 1, B, bt, first + r + 1, n);
}

/** Y += A B for A [m,k] at `at`, B [k,n] at `bt`, Y [m,n] at `yt` */
export function addProduct(
  Y: Float64Array,
  yt: number,
  A: Float64Array,
  at: number,
  B: Float64Array,
  bt: number,
  m: number,
  k: number,
  n: number,
): void {
  let r = 0;
  for (; r + 2 < m; r += 3) addRowsThrice(Y, yt + r * n, A, at + r * k, k, 1, B, bt, k, n);
  for (; r < m; r++) addRowsOnce(Y, yt + r * n, A, at + r * k, 1, B, bt, k, n);
}

/** Y += A^T B for A [k,m] at `at`, B [k,n] at `bt`, Y [m,n] at `yt` */
export function addTransposedProduct(
  Y: Float64Array,
  yt: number,
  A: Float64Array,
  at: number,
  B: Float64Array,
  bt: number,
  m: number,
  k: number,
  n: number,
): void {
  let r = 0;
  for (; r + 2 < m; r += 3) addRowsThrice(Y, yt + r * n, A, at + r, 1, m, B, bt, k, n);
  for (; r < m; r++) addRowsOnce(Y, yt + r * n, A, at + r, m, B, bt, k, n);
}
