/** Whole cases through reference/definition.ts, in any arithmetic: the independent road that shares no code with the forms. */
import { type Arithmetic, type Dual, dual, float64 } from '../reference/arithmetic.ts';
import type { Answer, Case } from '../reference/case.ts';
import { type DefinitionOutput, define } from '../reference/definition.ts';
import { type DoubleDouble, doubleDouble } from '../reference/double-double.ts';
import { checkCase, type Problem } from '../reference/shapes.ts';
import type { InputName } from '../reference/systems/system.ts';
import { createTape, type Recorded } from '../reference/tape.ts';
import { type DenseTensor, tensor, toDense } from '../reference/tensor.ts';

interface Outputs<N> {
  /** [B,T,H,V], flat */
  o: N[];
  /** [n,H,L,K,V], flat */
  finalState: N[];
}

/** Runs the definition with each input's entries taken from `entry(name, flat index)`. */
function defineCase<N>(a: Arithmetic<N>, p: Problem, entry: (name: InputName, at: number) => N): Outputs<N> {
  const { T, H, G, K, V, L, inputs, system } = p;
  const row = (name: InputName, at: number, width: number): N[] =>
    Array.from({ length: width }, (_, i) => entry(name, at * width + i));
  const o: N[] = new Array(p.B * T * H * V);
  const finalState: N[] = [];
  p.sequences.forEach(({ row: b, start, end, position }, n) => {
    for (let h = 0; h < H; h++) {
      const group = Math.floor((h * G) / H);
      const times = Array.from({ length: end - start }, (_, i) => b * T + start + i);
      const decay = system.recurrence?.decay;
      const output: DefinitionOutput<N> = define(a, {
        q: times.map((t) => row('q', t * G + group, K)),
        k: times.map((t) => row('k', t * G + group, K)),
        v: times.map((t) => row('v', t * H + h, V)),
        g: times.map((t) => {
          if (!inputs.g) return [];
          if (decay === 'head') return [entry('g', h)];
          return row('g', t * H + h, decay === 'channel' ? K : 1);
        }),
        beta: inputs.beta ? times.map((t) => entry('beta', t * H + h)) : [],
        lambda: times.map((t) => (inputs.lambda ? row('lambda', t * H + h, L) : [a.of(1)])),
        state: inputs.initialState
          ? Array.from({ length: L }, (_, l) =>
              Array.from({ length: K }, (_, i) =>
                l < p.stateLevels
                  ? row('initialState', ((n * H + h) * p.stateLevels + l) * K + i, V)
                  : Array.from({ length: V }, () => a.of(0)),
              ),
            )
          : null,
        K,
        V,
        L,
        position,
        scale: p.scale,
        levels: p.levels,
        transition: system.recurrence?.transition ?? null,
      });
      times.forEach((t, i) => {
        for (let j = 0; j < V; j++) o[(t * H + h) * V + j] = output.o[i][j];
      });
      for (const level of output.state) for (const channel of level) finalState.push(...channel);
    }
  });
  return { o, finalState };
}

/** o, finalState and position by the definition in float64. */
export function defineAnswer(c: Case): Answer {
  const p = checkCase('define', c);
  const { o, finalState } = defineCase(float64, p, (name, at) => (p.inputs[name] as Float64Array)[at]);
  const state = stateTensor(p, finalState);
  return {
    o: tensor(Float64Array.from(o), [p.B, p.T, p.H, p.V]),
    position: p.sequences.map(({ start, end, position }) => position + end - start),
    ...(state ? { finalState: state } : {}),
  };
}

/** Derivative of o and finalState along one direction of the inputs; inputs without a direction stay still. */
export function forwardDerivative(
  c: Case,
  direction: Partial<Record<InputName, DenseTensor>>,
): { o: DenseTensor; finalState: DenseTensor | null } {
  const p = checkCase('forwardDerivative', c);
  const tangents: Partial<Record<InputName, Float64Array>> = {};
  for (const [name, value] of Object.entries(direction)) tangents[name as InputName] = toDense(value);
  const { o, finalState } = defineCase<Dual>(dual, p, (name, at) => ({
    value: (p.inputs[name] as Float64Array)[at],
    tangent: tangents[name]?.[at] ?? 0,
  }));
  const tangentOf = ({ tangent }: Dual): number => tangent;
  return {
    o: tensor(Float64Array.from(o, tangentOf), [p.B, p.T, p.H, p.V]),
    finalState: stateTensor(p, finalState.map(tangentOf)),
  };
}

function stateTensor(p: Problem, data: number[]): DenseTensor | null {
  if (p.system.recurrence === null) return null;
  return tensor(Float64Array.from(data), [p.sequences.length, p.H, p.L, p.K, p.V]);
}

/** Answers in numbers of kind N, flat and row-major. */
export interface AnswerIn<N> {
  o: N[];
  finalState: N[];
  gradients: Partial<Record<InputName, N[]>>;
}

/** o, finalState and, where the case has cotangents, every gradient, by the definition and its tape in arithmetic `a`. */
export function answerIn<N>(a: Arithmetic<N>, c: Case): AnswerIn<N> {
  const p = checkCase('answerIn', c);
  const { arithmetic, input, gradients } = createTape(a);
  const recorded: Partial<Record<InputName, Recorded<N>[]>> = {};
  for (const [name, data] of Object.entries(p.inputs) as [InputName, Float64Array][]) {
    recorded[name] = Array.from(data, (value) => (p.cotangents ? input(a.of(value)) : arithmetic.of(value)));
  }
  const { o, finalState } = defineCase(arithmetic, p, (name, at) => (recorded[name] as Recorded<N>[])[at]);
  const valuesOf = (outputs: Recorded<N>[]): N[] => outputs.map(({ value }) => value);
  const answer: AnswerIn<N> = { o: valuesOf(o), finalState: valuesOf(finalState), gradients: {} };
  if (!p.cotangents) return answer;
  const weighted = (outputs: Recorded<N>[], weights: Float64Array | null) =>
    outputs.map((output, i) => ({ output, weight: a.of(weights ? weights[i] : 0) }));
  const collected = gradients([...weighted(o, p.cotangents.o), ...weighted(finalState, p.cotangents.finalState)]);
  for (const [name, each] of Object.entries(recorded) as [InputName, Recorded<N>[]][]) {
    answer.gradients[name] = each.map(({ id }) => collected[id]);
  }
  return answer;
}

/** The answer in double-double, one number at a time: slow, and what truthOf is held against. */
export const certify = (c: Case): AnswerIn<DoubleDouble> => answerIn(doubleDouble, c);
