/**
 * One head of one sequence: what a form works on. Every array is dense, row-major and private to the call.
 * The public boundary (operator.ts) cuts a case into heads and puts the answers back together.
 */
import type { Arithmetic } from './arithmetic.ts';
import type { Levels } from './levels.ts';
import type { MatrixArithmetic, MatrixShape } from './matrix-tape.ts';

export interface Head {
  /** Positions in this call, key size, value size, levels. */
  T: number;
  K: number;
  V: number;
  L: number;
  /** [T,K] */
  q: Float64Array;
  /** [T,K] */
  k: Float64Array;
  /** [T,V], what is written: v, or beta * v for the delta rule */
  w: Float64Array;
  /** log decay, [T] (scalar) or [T,K] (diagonal); empty where the system has none */
  g: Float64Array;
  /** [T]; empty where the system has none */
  beta: Float64Array;
  /** [T,L]; all ones for a flat system */
  lambda: Float64Array;
  /** [L,K,V], or null: nothing before this call */
  state: Float64Array | null;
  /** Positions seen before this call: the token at index i has the global position `position + i`. */
  position: number;
  scale: number;
  levels: Levels;
  transition: Transition;
  chunkSize: number;
}

/** o [T,V] and the state [L,K,V] after the last position. */
export interface HeadOutput {
  o: Float64Array;
  state: Float64Array;
}

/** Gradients, each shaped like the field of Head it belongs to. */
export interface HeadGradients {
  q: Float64Array;
  k: Float64Array;
  w: Float64Array;
  g: Float64Array;
  beta: Float64Array;
  lambda: Float64Array;
  state: Float64Array;
}

/** What F_t may read of its token, in any arithmetic. */
export interface TransitionToken<N> {
  k: N[];
  /** [1] or [K] log decays, or [] */
  g: N[];
  beta: N;
}

/** The same in matrices, with the decay itself in place of its logarithm. */
export interface PanelToken<M> {
  /** [1,K] */
  k: M;
  /** exp(g), [1,1] or [1,K]; null where the system has none */
  alpha: M | null;
  /** [1,1]; null where the system has none */
  beta: M | null;
}

/** Spectral norms: of F_t, and of its derivatives by g_t, beta_t and k_t. They carry rounding errors through time. */
export interface TransitionNorms {
  value: number;
  g: number;
  beta: number;
  k: number;
}

export interface Transition {
  /** True when F_t is multiplication by exp(g_t): then forms sum logs over a segment instead of applying F_t position by position. */
  scalar: boolean;
  /**
   * How many delta rules F_t is made of. With none it has no negative entry, and the operator on absolute values bounds rounding
   * errors; with one, chunks are triangular systems.
   */
  erases: number;
  /** X := F_t X, in place. */
  apply(x: Head, t: number, X: Float64Array, columns: number): void;
  /** X := F_t^T X, in place. */
  applyTransposed(x: Head, t: number, X: Float64Array, columns: number): void;
  /** Adds the gradient of <dY, F_t X> by g_t, beta_t and k_t. */
  gradients(x: Head, t: number, X: Float64Array, dY: Float64Array, columns: number, into: HeadGradients): void;
  /** F_t x for one column, straight from the system's formula, in any arithmetic. */
  define<N>(a: Arithmetic<N>, token: TransitionToken<N>, x: N[]): N[];
  /** Y F_t for a panel of rows Y [n,K], from the formula too, in any arithmetic of matrices. */
  defineRows<M extends MatrixShape>(a: MatrixArithmetic<M>, token: PanelToken<M>, Y: M): M;
  norms(x: Head, t: number): TransitionNorms;
}

/** A form of the operator. The three forms call no other form. */
export interface Form {
  /** Reads x, writes nothing in it. */
  forward(x: Head): HeadOutput;
  /** Gradients of <dOut.o, o> + <dOut.state, state>. */
  backward(x: Head, dOut: HeadOutput): HeadGradients;
}

export function zeroGradients(x: Head): HeadGradients {
  return {
    q: new Float64Array(x.q.length),
    k: new Float64Array(x.k.length),
    w: new Float64Array(x.w.length),
    g: new Float64Array(x.g.length),
    beta: new Float64Array(x.beta.length),
    lambda: new Float64Array(x.lambda.length),
    state: new Float64Array(x.L * x.K * x.V),
  };
}
