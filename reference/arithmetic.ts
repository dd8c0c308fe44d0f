/**
 * The operations that the operator's definition is made of, over numbers of any kind: float64 here; dual numbers for
 * forward-mode derivatives; higher or lower precision where a bound is to be checked.
 */
import { exp } from './elementary.ts';
export interface Arithmetic<N> {
  of(value: number): N;
  /** The nearest float64. */
  valueOf(a: N): number;
  add(a: N, b: N): N;
  sub(a: N, b: N): N;
  mul(a: N, b: N): N;
  exp(a: N): N;
  div(a: N, b: N): N;
}

export const float64: Arithmetic<number> = {
  of: (value) => value,
  valueOf: (a) => a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  exp,
  div: (a, b) => a / b,
};

/** A value and its derivative along one direction. */
export interface Dual {
  value: number;
  tangent: number;
}

/** exp(-Infinity) is 0 with derivative 0, whatever the direction: a hard reset stays one. */
export const dual: Arithmetic<Dual> = {
  of: (value) => ({ value, tangent: 0 }),
  valueOf: ({ value }) => value,
  add: (a, b) => ({ value: a.value + b.value, tangent: a.tangent + b.tangent }),
  sub: (a, b) => ({ value: a.value - b.value, tangent: a.tangent - b.tangent }),
  mul: (a, b) => ({ value: a.value * b.value, tangent: a.tangent * b.value + a.value * b.tangent }),
  exp: (a) => ({ value: exp(a.value), tangent: a.value === -Infinity ? 0 : exp(a.value) * a.tangent }),
  div: (a, b) => ({
    value: a.value / b.value,
    tangent: (a.tangent * b.value - a.value * b.tangent) / (b.value * b.value),
  }),
};
