/** What may be wrong with a right form, and a form with it. */
import type { Answer, Case, FormName } from '../../reference/case.ts';
import type { Form, Head, HeadGradients, HeadOutput } from '../../reference/head.ts';
import type { Problem } from '../../reference/shapes.ts';
import type { System } from '../../reference/systems/registry.ts';
import { type ProductChange, rewriteProduct } from './product.ts';

/** What may be changed, from the outside in. */
export interface Change extends ProductChange {
  form?: FormName;
  /** Before the case is checked. */
  case?: (c: Case) => Case;
  /** The checked problem. */
  problem?: (p: Problem) => void;
  /** The head that the forward sees, and the backward too unless `forwardOnly`. */
  head?: (x: Head) => Head;
  forwardOnly?: boolean;
  /** Whether the log decay of the first token is as it was given where no state comes in, and so decays nothing; right: it is not looked at. */
  firstDecay?: boolean;
  /** The backward alone. */
  backwardHead?: (x: Head) => Head;
  output?: (x: Head, out: HeadOutput) => void;
  gradients?: (x: Head, grads: HeadGradients, dOut: HeadOutput) => void;
  /** Whether it is about how outputs are stored: with another bug it comes last, whatever the other one is. */
  stores?: boolean;
  /** The whole answer. */
  answer?: (c: Case, answer: Answer) => void;
  /** Replaces everything. */
  run?: (c: Case) => Answer;
  /** Systems that can have this bug; default: every recurrence. */
  on?: (system: System) => boolean;
  /**
   * Answers depend on what was asked before, so that they cannot be foretold. Whether this bug may have given `second` for a case whose
   * answer a moment before was `first` and should have been `right`: entries of o.
   */
  remembers?: (first: Float64Array, second: Float64Array, right: Float64Array) => boolean;
}

/** A form with its head, products, output or gradients changed. */
export function changed(base: Form, change: Change): Form {
  const see = change.head ?? ((x: Head) => x);
  return {
    forward(x) {
      const out = base.forward(see(x));
      rewriteProduct(change, x, out);
      change.output?.(x, out);
      return out;
    },
    backward(x, dOut) {
      const seen = change.forwardOnly ? x : see(x);
      const grads = base.backward(change.backwardHead ? change.backwardHead(seen) : seen, dOut);
      change.gradients?.(x, grads, dOut);
      return grads;
    },
  };
}

/** A form for heads whose first log decay is as it was given: `implement` has given them a state of zeros for that, which is taken away. */
export const stateless = (form: Form): Form => ({
  forward: (x) => form.forward({ ...x, state: null }),
  backward: (x, dOut) => form.backward({ ...x, state: null }, dOut),
});

/** A head of a sequence of a problem. */
export interface Turn {
  p: Problem;
  n: number;
  h: number;
}

/** Values as they are given, before beta: [T,V]. */
export function valuesOf({ p, n, h }: Turn): Float64Array {
  const { row, start, end } = p.sequences[n];
  const v = p.inputs.v as Float64Array;
  const at = (t: number): number => ((row * p.T + start + t) * p.H + h) * p.V;
  return Float64Array.from({ length: (end - start) * p.V }, (_, i) => v[at(Math.floor(i / p.V)) + (i % p.V)]);
}

/** Heads come in turn, sequence by sequence: which one it is. */
export function turns(): { start(p: Problem): void; next(): Turn } {
  let p: Problem;
  let at = 0;
  return {
    start(problem) {
      p = problem;
      at = 0;
    },
    next() {
      const turn = { p, n: Math.floor(at / p.H), h: at % p.H };
      at++;
      return turn;
    },
  };
}

export const logLinear = ({ logLinear }: System): boolean => logLinear;
export const decaying = ({ recurrence }: System): boolean => recurrence !== null && recurrence.decay !== 'none';
/** Decays that sum up between two tokens: not those by channel with erases between them. */
export const summedDecay = ({ recurrence }: System): boolean =>
  recurrence !== null && recurrence.decay !== 'none' && !(recurrence.decay === 'channel' && recurrence.beta);
export const tokenDecay = ({ recurrence }: System): boolean =>
  recurrence?.decay === 'token' || recurrence?.decay === 'channel';
export const channelDecay = ({ recurrence }: System): boolean => recurrence?.decay === 'channel';
export const headDecay = ({ recurrence }: System): boolean => recurrence?.decay === 'head';
export const delta = ({ recurrence }: System): boolean => recurrence?.beta === true;
export const anyRecurrence = ({ recurrence }: System): boolean => recurrence !== null;
export const anySystem = (): boolean => true;
export const softmaxAlone = ({ recurrence }: System): boolean => recurrence === null;

/** dq handed out as dk, and dk as dq. */
export function swapQueryAndKey(_x: Head, grads: HeadGradients): void {
  const dq = grads.q.slice();
  grads.q.set(grads.k);
  grads.k.set(dq);
}
