/**
 * One chunk of a delta system as kernels compute it (the WY form): what each intermediate is made of, in absolute terms.
 *
 *   v'_t = w_t - beta_t k_t^T F … S      what token t writes once the state's answer to its key is erased
 *        = sum_s X[t,s] w_s - (old content),   X = (I + N)^-1,  N[t,s] = beta_t k_t^T D k_s  for s < t
 *   P[t,s] = sum_r Q[t,r] X[r,s],        Q[t,r] = q_t^T D k_r  for r <= t
 *
 * D is the decay between the two tokens. What comes into the chunk (old content) counts in units of its norm at the chunk's start.
 */
import { exp } from '../../reference/elementary.ts';
import type { Head } from '../../reference/head.ts';
import { normOf } from './layout.ts';
import type { Measure } from './measure.ts';

/** Lower triangular matrices [size,size], row-major; row t, column s <= t. */
export interface DeltaChunk {
  /** Tokens [start, end) of the head. */
  start: number;
  end: number;
  size: number;
  /** |X| */
  X: Float64Array;
  /** |N̄| |X|, N̄ the same sums with each product's absolute value */
  NX: Float64Array;
  /** |Q̄| |X| */
  QX: Float64Array;
  /** |Q̄| |X| |N̄| |X| */
  QXNX: Float64Array;
  /** What token s finds of old content, as a part of its norm. [size] */
  found: Float64Array;
  /** Old content in what token t writes: sum_s |X[t,s]| found_s. [size] */
  oldX: Float64Array;
  /** Old content as query t reads it. [size] */
  oldQ: Float64Array;
  /** Decay of the slowest channel from the chunk's start through t. [size] */
  sinceStart: Float64Array;
  /** Decay of the slowest channel from t to the chunk's end. [size] */
  toEnd: Float64Array;
  /** Norm of what token s has written, as the sums that give it at t: [t,s]; and of old content. [size] */
  written: Float64Array;
  oldWritten: Float64Array;
  /** Norm of query t read back to just after r, as sums: [t,r]; and of what comes back from the chunk's end. [size] */
  readBack: Float64Array;
  oldReadBack: Float64Array;
}

/** Norms and decays of one token. */
export interface TokenNorms {
  q: Float64Array;
  k: Float64Array;
  beta: Float64Array;
  /** exp of the slowest channel's log decay */
  decay: Float64Array;
  /** spectral norm of F_t */
  step: Float64Array;
}

export function tokenNorms(x: Head, m: Measure): TokenNorms {
  const rows = (from: Float64Array): Float64Array =>
    Float64Array.from({ length: x.T }, (_, t) => m.of(normOf(from, t * x.K, x.K)));
  const width = x.g.length / Math.max(x.T, 1);
  return {
    q: rows(x.q),
    k: rows(x.k),
    beta: x.beta.map((value) => m.of(value)),
    decay: Float64Array.from({ length: x.T }, (_, t) =>
      width === 0 ? 1 : m.of(exp(x.g.subarray(t * width, (t + 1) * width).reduce((a, b) => Math.max(a, b)))),
    ),
    step: Float64Array.from({ length: x.T }, (_, t) => (t > 0 || x.state ? m.of(x.transition.norms(x, t).value) : 1)),
  };
}

/** The products with decayed keys: N, N̄ and Q̄, and then everything that follows from them. */
export function deltaChunk(x: Head, n: TokenNorms, m: Measure, start: number, end: number): DeltaChunk {
  const size = end - start;
  const square = (): Float64Array => new Float64Array(size * size);
  const { N, NBar, QBar } = keyProducts(x, m, start, size);
  const X = square();
  const NX = square();
  const QX = square();
  const signed = square();
  for (let t = 0; t < size; t++) {
    for (let s = 0; s < t; s++) {
      let sum = 0;
      let sizes = 0;
      for (let r = s; r < t; r++) {
        sum -= N[t * size + r] * signed[r * size + s];
        sizes += NBar[t * size + r] * X[r * size + s];
      }
      signed[t * size + s] = sum;
      X[t * size + s] = m.of(sum);
      NX[t * size + s] = sizes;
    }
    signed[t * size + t] = 1;
    X[t * size + t] = 1;
    for (let s = 0; s <= t; s++) {
      for (let r = s; r <= t; r++) QX[t * size + s] += QBar[t * size + r] * X[r * size + s];
    }
  }
  const QXNX = square();
  for (let t = 0; t < size; t++) {
    for (let r = 0; r <= t; r++) {
      const factor = QX[t * size + r];
      for (let s = 0; s <= r; s++) QXNX[t * size + s] += factor * NX[r * size + s];
    }
  }
  const decays = decaysOf(n, start, size);
  const across = m.across(x.K);
  const old = oldContent(n, across, start, size, { X, QX }, decays);
  return {
    start,
    end,
    size,
    X,
    NX,
    QX,
    QXNX,
    ...decays,
    ...old,
    ...norms(n, across, start, size, { X, QX, ...decays, ...old }),
  };
}

/** k_s decayed to t, for every s < t of the chunk, multiplied with k_t and q_t. */
function keyProducts(
  x: Head,
  m: Measure,
  start: number,
  size: number,
): { N: Float64Array; NBar: Float64Array; QBar: Float64Array } {
  const { K, k, q, g, beta } = x;
  const width = g.length / Math.max(x.T, 1);
  const N = new Float64Array(size * size);
  const NBar = new Float64Array(size * size);
  const QBar = new Float64Array(size * size);
  const keys = k.slice(start * K, (start + size) * K);
  for (let t = 0; t < size; t++) {
    const row = (start + t) * K;
    for (let s = 0; s <= t; s++) {
      let [sum, sizes, queried] = [0, 0, 0];
      for (let i = 0; i < K; i++) {
        const at = s * K + i;
        if (s < t && width > 0) keys[at] *= exp(g[(start + t) * width + (width === 1 ? 0 : i)]);
        const product = k[row + i] * keys[at];
        sum += product;
        sizes += m.of(product);
        queried += m.of(q[row + i] * keys[at]);
      }
      const b = beta[start + t];
      N[t * size + s] = b * sum;
      NBar[t * size + s] = m.of(b) * sizes;
      QBar[t * size + s] = queried;
    }
  }
  return { N, NBar, QBar };
}

function decaysOf(n: TokenNorms, start: number, size: number): Pick<DeltaChunk, 'sinceStart' | 'toEnd'> {
  const sinceStart = new Float64Array(size);
  const toEnd = new Float64Array(size);
  for (let t = 0; t < size; t++) sinceStart[t] = n.decay[start + t] * (t > 0 ? sinceStart[t - 1] : 1);
  for (let t = size - 1; t >= 0; t--) toEnd[t] = t === size - 1 ? 1 : toEnd[t + 1] * n.decay[start + t + 1];
  return { sinceStart, toEnd };
}

/** How old content enters the sums of the chunk: through what each token finds of it. */
function oldContent(
  n: TokenNorms,
  across: number,
  start: number,
  size: number,
  { X, QX }: Pick<DeltaChunk, 'X' | 'QX'>,
  { sinceStart }: Pick<DeltaChunk, 'sinceStart'>,
): Pick<DeltaChunk, 'found' | 'oldX' | 'oldQ'> {
  const found = Float64Array.from(
    { length: size },
    (_, s) => across * n.beta[start + s] * n.k[start + s] * sinceStart[s],
  );
  const times = (matrix: Float64Array): Float64Array =>
    found.map((_, t) => found.subarray(0, t + 1).reduce((sum, each, s) => sum + matrix[t * size + s] * each, 0));
  return {
    found,
    oldX: times(X),
    oldQ: times(QX).map((sum, t) => sum + across * n.q[start + t] * sinceStart[t]),
  };
}

/** Norms of what was written and of queries read back, as the sums that give them. */
function norms(
  n: TokenNorms,
  across: number,
  start: number,
  size: number,
  { X, QX, toEnd, oldX }: Pick<DeltaChunk, 'X' | 'QX' | 'toEnd' | 'oldX'>,
): Pick<DeltaChunk, 'written' | 'oldWritten' | 'readBack' | 'oldReadBack'> {
  const written = new Float64Array(size * size);
  const readBack = new Float64Array(size * size);
  const oldWritten = new Float64Array(size);
  const oldReadBack = new Float64Array(size).fill(1);
  const erasedBy = (r: number): number => n.beta[start + r] * n.k[start + r];
  for (let t = 0; t < size; t++) {
    const [k, decay] = [n.k[start + t], n.decay[start + t]];
    for (let s = 0; s <= t; s++) {
      written[t * size + s] = (s < t ? decay * written[(t - 1) * size + s] : 0) + k * X[t * size + s];
    }
    oldWritten[t] = decay * (t > 0 ? oldWritten[t - 1] : 1) + k * oldX[t];
    readBack[t * size + t] = n.q[start + t];
    for (let r = t; r > 0; r--) {
      const crossed = readBack[t * size + r] + erasedBy(r) * QX[t * size + r];
      readBack[t * size + r - 1] = n.decay[start + r] * crossed;
    }
  }
  for (let r = size - 1; r > 0; r--) {
    let found = 0;
    for (let t = r; t < size; t++) found += across * n.k[start + t] * toEnd[t] * X[t * size + r];
    oldReadBack[r - 1] = n.decay[start + r] * (oldReadBack[r] + erasedBy(r) * found);
  }
  return { written, oldWritten, readBack, oldReadBack };
}
