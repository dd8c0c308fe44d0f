/** Loops over rows of dense row-major matrices, unrolled by four so that a JIT keeps the sums in registers. */

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

/** y[yt+i] += c x[xt+i] over n entries */
export function addScaled(y: Float64Array, yt: number, c: number, x: Float64Array, xt: number, n: number): void {
  for (let i = 0; i < n; i++) y[yt + i] += c * x[xt + i];
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
