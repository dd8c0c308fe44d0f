/**
 * Loops over rows of dense row-major matrices. Rows go four at a time, and two rows of a result share what they load, so that a
 * JIT keeps the sums in registers. "Lower" products stay on and below a diagonal: what lies above is neither read nor written.
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

/** timesRows for the rows of A at a0 and a1, into out at o0 and o1 */
function timesRowsTwice(
  out: Float64Array,
  o0: number,
  o1: number,
  A: Float64Array,
  a0: number,
  a1: number,
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
    let r0 = 0;
    let r1 = 0;
    let r2 = 0;
    let r3 = 0;
    for (let i = 0; i < n; i++) {
      const x = A[a0 + i];
      const y = A[a1 + i];
      s0 += x * B[b0 + i];
      s1 += x * B[b1 + i];
      s2 += x * B[b2 + i];
      s3 += x * B[b3 + i];
      r0 += y * B[b0 + i];
      r1 += y * B[b1 + i];
      r2 += y * B[b2 + i];
      r3 += y * B[b3 + i];
    }
    out[o0 + s] = s0;
    out[o0 + s + 1] = s1;
    out[o0 + s + 2] = s2;
    out[o0 + s + 3] = s3;
    out[o1 + s] = r0;
    out[o1 + s + 1] = r1;
    out[o1 + s + 2] = r2;
    out[o1 + s + 3] = r3;
  }
  for (; s < rows; s++) {
    out[o0 + s] = dot(A, a0, B, bt + s * n, n);
    out[o1 + s] = dot(A, a1, B, bt + s * n, n);
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
  for (; r + 1 < m; r += 2) {
    const both = first + r + 1;
    timesRowsTwice(out, r * stride, (r + 1) * stride, A, at + r * n, at + (r + 1) * n, B, bt, both, n);
    out[(r + 1) * stride + both] = dot(A, at + (r + 1) * n, B, bt + both * n, n);
  }
  if (r < m) timesRows(out.subarray(r * stride), A, at + r * n, B, bt, first + r + 1, n);
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
  let s = 0;
  for (; s + 3 < rows; s += 4) {
    const b0 = bt + s * n;
    const b1 = b0 + n;
    const b2 = b1 + n;
    const b3 = b2 + n;
    const p0 = p[s];
    const p1 = p[s + 1];
    const p2 = p[s + 2];
    const p3 = p[s + 3];
    for (let j = 0; j < n; j++) {
      y[yt + j] += p0 * B[b0 + j] + p1 * B[b1 + j] + (p2 * B[b2 + j] + p3 * B[b3 + j]);
    }
  }
  for (; s < rows; s++) addScaled(y, yt, p[s], B, bt + s * n, n);
}

/** addRows for the rows of Y at y0 and y1, with the factors P[p0 + s step] and P[p1 + s step] */
function addRowsTwice(
  Y: Float64Array,
  y0: number,
  y1: number,
  P: Float64Array,
  p0: number,
  p1: number,
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
    const at = s * step;
    const f0 = P[p0 + at];
    const f1 = P[p0 + at + step];
    const f2 = P[p0 + at + 2 * step];
    const f3 = P[p0 + at + 3 * step];
    const h0 = P[p1 + at];
    const h1 = P[p1 + at + step];
    const h2 = P[p1 + at + 2 * step];
    const h3 = P[p1 + at + 3 * step];
    for (let j = 0; j < n; j++) {
      const c0 = B[b0 + j];
      const c1 = B[b1 + j];
      const c2 = B[b2 + j];
      const c3 = B[b3 + j];
      Y[y0 + j] += f0 * c0 + f1 * c1 + (f2 * c2 + f3 * c3);
      Y[y1 + j] += h0 * c0 + h1 * c1 + (h2 * c2 + h3 * c3);
    }
  }
  for (; s < rows; s++) {
    addScaled(Y, y0, P[p0 + s * step], B, bt + s * n, n);
    addScaled(Y, y1, P[p1 + s * step], B, bt + s * n, n);
  }
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
  for (; r + 1 < m; r += 2) {
    const both = first + r + 1;
    const y1 = yt + (r + 1) * n;
    addRowsTwice(Y, yt + r * n, y1, P, r * stride, (r + 1) * stride, 1, B, bt, both, n);
    addScaled(Y, y1, P[(r + 1) * stride + both], B, bt + both * n, n);
  }
  if (r < m) addRows(Y, yt + r * n, P.subarray(r * stride), B, bt, first + r + 1, n);
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
  for (; r + 1 < m; r += 2) {
    addRowsTwice(Y, yt + r * n, yt + (r + 1) * n, A, at + r * k, at + (r + 1) * k, 1, B, bt, k, n);
  }
  if (r < m) for (let s = 0; s < k; s++) addScaled(Y, yt + r * n, A[at + r * k + s], B, bt + s * n, n);
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
  for (; r + 1 < m; r += 2) {
    addRowsTwice(Y, yt + r * n, yt + (r + 1) * n, A, at + r, at + r + 1, m, B, bt, k, n);
  }
  if (r < m) for (let s = 0; s < k; s++) addScaled(Y, yt + r * n, A[at + s * m + r], B, bt + s * n, n);
}
