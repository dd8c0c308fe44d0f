/**
 * The transition F_t of a linear recurrence S_t = F_t(S_{t-1}) + k_t w_t^T: a linear map on the key channels, applied to every
 * column of a panel X [K, columns] at once.
 */
import { exp } from './elementary.ts';
import type { Head, Transition } from './head.ts';
import type { MatrixArithmetic, MatrixShape } from './matrix-tape.ts';

/** A row [1,width] or a number [1,1] as a matrix of `rows` rows and `columns` columns. */
function repeat<M extends MatrixShape>(a: MatrixArithmetic<M>, m: M | null, rows: number, columns: number): M {
  if (m === null) throw new Error('the system has no such input');
  const index = new Int32Array(rows * columns);
  if (m.columns > 1) for (let i = 0; i < index.length; i++) index[i] = i % columns;
  return a.take(m, index, rows, columns);
}

/** F_t(S) = S */
export const identity: Transition = {
  scalar: true,
  erases: 0,
  apply() {},
  applyTransposed() {},
  gradients() {},
  define: (_a, _token, x) => x,
  defineRows: (_a, _token, Y) => Y,
  norms: () => ({ value: 1, g: 0, beta: 0, k: 0 }),
};

/** F_t(S) = exp(g_t) S, g_t one number */
export const scalarDecay: Transition = {
  scalar: true,
  erases: 0,
  apply(x, t, X, columns) {
    const alpha = exp(x.g[t]);
    for (let i = 0; i < x.K * columns; i++) X[i] *= alpha;
  },
  applyTransposed(x, t, X, columns) {
    scalarDecay.apply(x, t, X, columns);
  },
  gradients(x, t, X, dY, columns, into) {
    // d exp(g) X / dg = exp(g) X
    let sum = 0;
    for (let i = 0; i < x.K * columns; i++) sum += dY[i] * X[i];
    into.g[t] += exp(x.g[t]) * sum;
  },
  define: (a, { g }, x) => x.map((value) => a.mul(a.exp(g[0]), value)),
  defineRows: (a, { alpha }, Y) => a.mul(Y, repeat(a, alpha, Y.rows, Y.columns)),
  norms(x, t) {
    const alpha = exp(x.g[t]);
    return { value: alpha, g: alpha, beta: 0, k: 0 };
  },
};

/** F_t(S) = diag(exp(g_t)) S, g_t one number a key channel */
export const diagonalDecay: Transition = {
  scalar: false,
  erases: 0,
  apply(x, t, X, columns) {
    for (let i = 0, at = 0; i < x.K; i++) {
      const alpha = exp(x.g[t * x.K + i]);
      for (let j = 0; j < columns; j++, at++) X[at] *= alpha;
    }
  },
  applyTransposed(x, t, X, columns) {
    diagonalDecay.apply(x, t, X, columns);
  },
  gradients(x, t, X, dY, columns, into) {
    for (let i = 0, at = 0; i < x.K; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++, at++) sum += dY[at] * X[at];
      into.g[t * x.K + i] += exp(x.g[t * x.K + i]) * sum;
    }
  },
  define: (a, { g }, x) => x.map((value, i) => a.mul(a.exp(g[i]), value)),
  defineRows: (a, { alpha }, Y) => a.mul(Y, repeat(a, alpha, Y.rows, Y.columns)),
  norms(x, t) {
    let alpha = 0;
    for (let i = 0; i < x.K; i++) alpha = Math.max(alpha, exp(x.g[t * x.K + i]));
    return { value: alpha, g: alpha, beta: 0, k: 0 };
  },
};

/** c_j = sum_i k_t[i] X[i,j] */
function readColumns(x: Head, t: number, X: Float64Array, columns: number): Float64Array {
  const c = new Float64Array(columns);
  for (let i = 0, at = 0; i < x.K; i++) {
    const ki = x.k[t * x.K + i];
    for (let j = 0; j < columns; j++, at++) c[j] += ki * X[at];
  }
  return c;
}

/** F_t(S) = (I - beta_t k_t k_t^T) S: what the key reads back is erased, in the proportion beta. Symmetric. */
export const deltaRule: Transition = {
  scalar: false,
  erases: 1,
  apply(x, t, X, columns) {
    const c = readColumns(x, t, X, columns);
    for (let i = 0, at = 0; i < x.K; i++) {
      const erased = x.beta[t] * x.k[t * x.K + i];
      for (let j = 0; j < columns; j++, at++) X[at] -= erased * c[j];
    }
  },
  applyTransposed(x, t, X, columns) {
    deltaRule.apply(x, t, X, columns);
  },
  gradients(x, t, X, dY, columns, into) {
    // Y = X - beta k c with c = k^T X; with e = k^T dY: dbeta = -<e, c>, dk = -beta (dY c + X e)
    const c = readColumns(x, t, X, columns);
    const e = readColumns(x, t, dY, columns);
    let overlap = 0;
    for (let j = 0; j < columns; j++) overlap += e[j] * c[j];
    into.beta[t] -= overlap;
    for (let i = 0, at = 0; i < x.K; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++, at++) sum += dY[at] * c[j] + X[at] * e[j];
      into.k[t * x.K + i] -= x.beta[t] * sum;
    }
  },
  define(a, { k, beta }, x) {
    const read = k.reduce((sum, ki, i) => a.add(sum, a.mul(ki, x[i])), a.of(0));
    return x.map((value, i) => a.sub(value, a.mul(a.mul(beta, k[i]), read)));
  },
  defineRows(a, { k, beta }, Y) {
    const read = a.product(Y, k, 'second');
    return a.sub(Y, a.product(a.mul(read, repeat(a, beta, Y.rows, 1)), k));
  },
  norms(x, t) {
    let square = 0;
    for (let i = 0; i < x.K; i++) square += x.k[t * x.K + i] ** 2;
    const beta = Math.abs(x.beta[t]);
    return {
      value: Math.max(1, Math.abs(1 - x.beta[t] * square)),
      g: 0,
      beta: square,
      k: 2 * beta * Math.sqrt(square),
    };
  },
};

/** F_t = second ∘ first */
export function compose(first: Transition, second: Transition): Transition {
  return {
    scalar: first.scalar && second.scalar,
    erases: first.erases + second.erases,
    apply(x, t, X, columns) {
      first.apply(x, t, X, columns);
      second.apply(x, t, X, columns);
    },
    applyTransposed(x, t, X, columns) {
      second.applyTransposed(x, t, X, columns);
      first.applyTransposed(x, t, X, columns);
    },
    gradients(x, t, X, dY, columns, into) {
      const between = X.slice(0, x.K * columns);
      first.apply(x, t, between, columns);
      second.gradients(x, t, between, dY, columns, into);
      const dBetween = dY.slice(0, x.K * columns);
      second.applyTransposed(x, t, dBetween, columns);
      first.gradients(x, t, X, dBetween, columns, into);
    },
    define: (a, token, x) => second.define(a, token, first.define(a, token, x)),
    defineRows: (a, token, Y) => first.defineRows(a, token, second.defineRows(a, token, Y)),
    norms(x, t) {
      const one = first.norms(x, t);
      const two = second.norms(x, t);
      return {
        value: two.value * one.value,
        g: two.g * one.value + two.value * one.g,
        beta: two.beta * one.value + two.value * one.beta,
        k: two.k * one.value + two.value * one.k,
      };
    },
  };
}
