/** The operator on whole cases: cut into heads, run a form on each, put the answers together. */
import type { Answer, Case, FormName } from './case.ts';
import { chunked } from './chunked.ts';
import type { Form, Head, HeadGradients, HeadOutput } from './head.ts';
import { masked } from './masked.ts';
import { recurrent } from './recurrent.ts';
import { checkCase, type Problem, type Sequence } from './shapes.ts';
import { softmax } from './softmax.ts';
import type { InputName } from './systems/system.ts';
import { tensor } from './tensor.ts';
import { identity } from './transitions.ts';

const forms: Record<FormName, Form> = { masked, recurrent, chunked };

/** Rows of one head: entry (row, t, head, ·) of a dense [B, T, heads, width]. */
interface Rows {
  heads: number;
  head: number;
  width: number;
}

function gather(
  p: Problem,
  { row, start, end }: Sequence,
  from: Float64Array,
  { heads, head, width }: Rows,
): Float64Array {
  const out = new Float64Array((end - start) * width);
  for (let t = start, to = 0; t < end; t++, to += width) {
    const at = ((row * p.T + t) * heads + head) * width;
    for (let i = 0; i < width; i++) out[to + i] = from[at + i];
  }
  return out;
}

function scatterAdd(
  p: Problem,
  { row, start, end }: Sequence,
  into: Float64Array,
  { heads, head, width }: Rows,
  from: Float64Array,
) {
  for (let t = start, at = 0; t < end; t++, at += width) {
    const to = ((row * p.T + t) * heads + head) * width;
    for (let i = 0; i < width; i++) into[to + i] += from[at + i];
  }
}

const groupRows = (p: Problem, h: number, width: number): Rows => ({
  heads: p.G,
  head: Math.floor((h * p.G) / p.H),
  width,
});
const headRows = (p: Problem, h: number, width: number): Rows => ({ heads: p.H, head: h, width });

/** Log decays of one head: [T], or [T,K]; a decay fixed per head is spread over the tokens. */
function gatherDecay(p: Problem, sequence: Sequence, h: number): Float64Array {
  const { g } = p.inputs;
  if (!g) return new Float64Array(0);
  if (p.system.recurrence?.decay === 'head') return new Float64Array(sequence.end - sequence.start).fill(g[h]);
  return gather(p, sequence, g, headRows(p, h, p.system.recurrence?.decay === 'channel' ? p.K : 1));
}

/** The part of a state [n,H,levels,K,V] that belongs to sequence n and head h, extended with empty levels to L. */
function gatherState(p: Problem, n: number, h: number, state: Float64Array, levels: number): Float64Array {
  const out = new Float64Array(p.L * p.K * p.V);
  const size = levels * p.K * p.V;
  out.set(state.subarray((n * p.H + h) * size, (n * p.H + h + 1) * size));
  return out;
}

/** One head of one sequence, ready for a form. */
export function headOf(p: Problem, n: number, h: number): Head {
  const sequence = p.sequences[n];
  const { q, k, v, beta, lambda, initialState } = p.inputs as Record<InputName, Float64Array>;
  const T = sequence.end - sequence.start;
  const head: Head = {
    T,
    K: p.K,
    V: p.V,
    L: p.L,
    q: gather(p, sequence, q, groupRows(p, h, p.K)),
    k: gather(p, sequence, k, groupRows(p, h, p.K)),
    w: gather(p, sequence, v, headRows(p, h, p.V)),
    g: gatherDecay(p, sequence, h),
    beta: beta ? gather(p, sequence, beta, headRows(p, h, 1)) : new Float64Array(0),
    lambda: lambda ? gather(p, sequence, lambda, headRows(p, h, p.L)) : new Float64Array(T).fill(1),
    state: initialState ? gatherState(p, n, h, initialState, p.stateLevels) : null,
    position: sequence.position,
    scale: p.scale,
    levels: p.levels,
    transition: p.system.recurrence?.transition ?? identity,
    chunkSize: p.chunkSize,
  };
  // without a state the first decay decays nothing: whatever it is, it may not reach an answer or a gradient
  if (!initialState && T > 0) head.g.fill(0, 0, head.g.length / T);
  if (beta) for (let i = 0; i < head.w.length; i++) head.w[i] *= head.beta[Math.floor(i / p.V)];
  return head;
}

/** Adds what one head gives to the gradients of the whole inputs. */
function scatterGradients(
  p: Problem,
  n: number,
  h: number,
  grads: HeadGradients,
  into: Partial<Record<InputName, Float64Array>>,
) {
  const sequence = p.sequences[n];
  const { q, k, v, g, beta, lambda, initialState } = into as Record<InputName, Float64Array>;
  scatterAdd(p, sequence, q, groupRows(p, h, p.K), grads.q);
  scatterAdd(p, sequence, k, groupRows(p, h, p.K), grads.k);
  if (beta) {
    // w = beta v: dbeta = <dw, v>, dv = beta dw
    const values = gather(p, sequence, p.inputs.v as Float64Array, headRows(p, h, p.V));
    const betas = gather(p, sequence, p.inputs.beta as Float64Array, headRows(p, h, 1));
    for (let t = 0, i = 0; t < betas.length; t++) {
      for (let j = 0; j < p.V; j++, i++) {
        grads.beta[t] += grads.w[i] * values[i];
        grads.w[i] *= betas[t];
      }
    }
    scatterAdd(p, sequence, beta, headRows(p, h, 1), grads.beta);
  }
  scatterAdd(p, sequence, v, headRows(p, h, p.V), grads.w);
  if (g && p.system.recurrence?.decay === 'head') for (const dg of grads.g) g[h] += dg;
  else if (g) scatterAdd(p, sequence, g, headRows(p, h, p.system.recurrence?.decay === 'channel' ? p.K : 1), grads.g);
  if (lambda) scatterAdd(p, sequence, lambda, headRows(p, h, p.L), grads.lambda);
  if (initialState) {
    const size = p.stateLevels * p.K * p.V;
    initialState.set(grads.state.subarray(0, size), (n * p.H + h) * size);
  }
}

/** Runs a form on every head of a checked problem. */
export function solve(p: Problem, form: Form): Answer {
  const stateSize = p.L * p.K * p.V;
  const o = new Float64Array(p.B * p.T * p.H * p.V);
  const finalState = new Float64Array(p.sequences.length * p.H * stateSize);
  const gradients: Partial<Record<InputName, Float64Array>> = {};
  if (p.cotangents) {
    for (const name of Object.keys(p.inputs) as InputName[])
      gradients[name] = new Float64Array((p.inputs[name] as Float64Array).length);
  }
  p.sequences.forEach((sequence, n) => {
    for (let h = 0; h < p.H; h++) {
      const head = headOf(p, n, h);
      const out = form.forward(head);
      scatterAdd(p, sequence, o, headRows(p, h, p.V), out.o);
      finalState.set(out.state, (n * p.H + h) * stateSize);
      if (!p.cotangents) continue;
      const dOut: HeadOutput = {
        o: gather(p, sequence, p.cotangents.o, headRows(p, h, p.V)),
        state: p.cotangents.finalState
          ? gatherState(p, n, h, p.cotangents.finalState, p.L)
          : new Float64Array(stateSize),
      };
      scatterGradients(p, n, h, form.backward(head, dOut), gradients);
    }
  });
  const answer: Answer = {
    o: tensor(o, [p.B, p.T, p.H, p.V]),
    position: p.sequences.map(({ start, end, position }) => position + end - start),
  };
  if (p.system.recurrence) answer.finalState = tensor(finalState, [p.sequences.length, p.H, p.L, p.K, p.V]);
  if (p.cotangents) {
    answer.gradients = {};
    for (const [name, data] of Object.entries(gradients) as [InputName, Float64Array][]) {
      answer.gradients[name] = tensor(data, p.shapes[name] as number[]);
    }
  }
  return answer;
}

/**
 * The oracle: outputs, final state and, where the case has cotangents, gradients, in float64 by the form that the case names.
 * @throws InvalidInput
 */
export function compute(c: Case): Answer {
  const problem = checkCase('compute', c);
  return solve(problem, problem.system.recurrence === null ? softmax : forms[problem.form]);
}
