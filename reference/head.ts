/**
 * One head of one sequence: what a form works on. Every array is dense, row-major and private to the call.
 * The public boundary (operator.ts) cuts a case into heads and puts the answers back together.
 */
import type { Levels } from './levels.ts';
import type { Transition } from './transitions.ts';

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

/** A form of the operator. The three forms call no other form. */
export interface Form {
  name: string;
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
