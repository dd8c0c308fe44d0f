/**
 * Wrong implementations, of the kinds that real kernels have been wrong in. Each is one of our forms with one thing changed, so that
 * what a law rejects is that thing and nothing else.
 */

import type { Implementation } from '../../properties/law.ts';
import { DOUBLE } from '../../properties/precision.ts';
import type { Answer, Case, FormName } from '../../reference/case.ts';
import { chunked } from '../../reference/chunked.ts';
import type { Form, Head, HeadGradients, HeadOutput } from '../../reference/head.ts';
import { masked } from '../../reference/masked.ts';
import { solve } from '../../reference/operator.ts';
import { recurrent } from '../../reference/recurrent.ts';
import { checkCase, type Problem } from '../../reference/shapes.ts';
import { softmax } from '../../reference/softmax.ts';

export interface Mutant {
  name: string;
  /** What is wrong, as a kernel author would say it. */
  bug: string;
  /** The system it is shown on. */
  system: string;
  /** The law that must reject it within the budget of the tests: its control. */
  control: string;
  /** The right form that it is a change of. */
  form: FormName;
  implementation: Implementation;
}

/** What may be changed, from the outside in. */
export interface Change {
  form?: FormName;
  /** Before the case is checked. */
  case?: (c: Case) => Case;
  /** The checked problem. */
  problem?: (p: Problem) => void;
  /** The head that the forward sees, and the backward too unless `forwardOnly`. */
  head?: (x: Head) => Head;
  forwardOnly?: boolean;
  /** The backward alone. */
  backwardHead?: (x: Head) => Head;
  output?: (x: Head, out: HeadOutput) => void;
  gradients?: (x: Head, grads: HeadGradients, dOut: HeadOutput) => void;
  /** The whole answer. */
  answer?: (c: Case, answer: Answer) => void;
  /** Replaces everything. */
  run?: (c: Case) => Answer;
}

const forms: Record<FormName, Form> = { masked, recurrent, chunked };

/** A form with its head, output or gradients changed. */
function changed(base: Form, change: Change): Form {
  const see = change.head ?? ((x: Head) => x);
  return {
    forward(x) {
      const out = base.forward(see(x));
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

function implement(name: string, system: string, change: Change): Implementation {
  const form = change.form ?? 'masked';
  const run = (given: Case): Answer => {
    const c = change.case ? change.case(given) : given;
    const problem = checkCase(name, { ...c, form: undefined });
    change.problem?.(problem);
    const base = problem.system.recurrence === null ? softmax : forms[form];
    const answer = solve(problem, changed(base, change));
    change.answer?.(c, answer);
    return answer;
  };
  return {
    name,
    abilities: {
      systems: [system],
      gradients: true,
      state: true,
      packed: true,
      groups: true,
      structures: form !== 'chunked',
      chunkSizes: true,
      views: true,
    },
    precision: DOUBLE,
    run: change.run ?? run,
  };
}

/** A mutant of one system: which law is its control, and what is changed. */
export const mutant = (name: string, system: string, control: string, bug: string, change: Change): Mutant => ({
  name,
  bug,
  system,
  control,
  form: change.form ?? 'masked',
  implementation: implement(name, system, change),
});

/** A copy of a head in which some fields are new. */
export const withHead = (x: Head, fields: Partial<Head>): Head => ({ ...x, ...fields });

/**
 * A forward with other entries of P: `pair` gives P[t,s] without q·k, or 0. For scalar decays and the tokens of this call; what comes
 * in with the state, and the final state, stay right, and so does every bit where the entries are the right ones.
 */
export function maskForward(pair: (x: Head, t: number, s: number) => number): Pick<Change, 'output'> {
  return {
    output(x, out) {
      for (let t = 0; t < x.T; t++) {
        for (let s = 0; s < x.T; s++) {
          const [entry, right] = [pair(x, t, s), rightPair(x, t, s)];
          if (Object.is(entry, right)) continue;
          let score = 0;
          for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
          for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += (entry - right) * score * x.w[s * x.V + j];
        }
      }
    },
  };
}

/** exp of the log decay of tokens from … to, both included. */
export function decayOver(x: Head, from: number, to: number): number {
  let sum = 0;
  for (let r = from; r <= to; r++) sum += x.g.length > 0 ? x.g[r] : 0;
  return Math.exp(sum);
}

/** The right entry of P without q·k. */
export const rightPair = (x: Head, t: number, s: number): number =>
  s > t ? 0 : x.scale * x.lambda[t * x.L + levelOf(x, t, s)] * decayOver(x, s + 1, t);

export const levelOf = (x: Head, t: number, s: number): number => x.levels.level(x.position + t, x.position + s);

/** The nearest number with so few significant bits: 8-bit floats have four or three; here with float64's exponents. */
export function toBits(value: number, bits: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -1022) - bits + 1);
  return Math.round(value / unit) * unit;
}
