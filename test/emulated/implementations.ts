/** Correct implementations in low precision: every system by every variant, with the roundings of real kernels. */
import type { Implementation } from '../../properties/law.ts';
import { type Precision, roundTo } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { createMatrixTape } from '../../reference/matrix-tape.ts';
import { checkCase, type Problem } from '../../reference/shapes.ts';
import { systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { tensor } from '../../reference/tensor.ts';
import { type RoundedMatrix, roundedMatrices } from './arithmetic.ts';
import { acrossColumns, gather, type Node, type Tape, type TapeHead, type TapeOutput, zeros } from './forms/on-tape.ts';
import { recurrent } from './forms/recurrent.ts';
import { runs } from './forms/runs.ts';
import { softmax } from './forms/softmax.ts';
import type { Variant } from './variant.ts';

export { variants } from './variant.ts';

/** The inputs of one head on a tape; [T,K], [T,V], [T,1] or [T,K], [T,1], [T,L] and [L K,V]. */
export type TapeInputs = Partial<Record<InputName, Node>>;

/** The operator on one head. */
export function computeHead(m: Tape, x: TapeHead, p: Problem, v: Variant): TapeOutput {
  const state = x.state ?? zeros(m, x.L * x.K, x.V);
  if (x.T === 0) return { o: zeros(m, 0, x.V), state };
  if (p.system.recurrence === null) return { o: softmax(m, x, v), state };
  return v.form === 'recurrent' ? recurrent(m, x, v) : runs(m, x, v);
}

/** Vector units have one format for everything. */
const precisionOf = (precision: Precision, p: Problem, v: Variant): Precision =>
  v.form === 'recurrent' && v.vectorUnits && p.system.recurrence !== null
    ? { ...precision, product: precision.accumulate }
    : precision;

/** The places of one head's rows in a dense [B,T,heads,width]. */
function placesOf(p: Problem, n: number, heads: number, head: number, width: number): number[] {
  const { row, start, end } = p.sequences[n];
  return Array.from({ length: (end - start) * width }, (_, i) => {
    const t = start + Math.floor(i / width);
    return ((row * p.T + t) * heads + head) * width + (i % width);
  });
}

/** Where the entries of one head's input lie in the whole; -1: nowhere. */
function inputPlaces(p: Problem, n: number, h: number, name: InputName): number[] {
  const group = Math.floor((h * p.G) / p.H);
  const T = p.sequences[n].end - p.sequences[n].start;
  const decay = p.system.recurrence?.decay;
  switch (name) {
    case 'q':
    case 'k':
      return placesOf(p, n, p.G, group, p.K);
    case 'v':
      return placesOf(p, n, p.H, h, p.V);
    case 'g':
      if (decay === 'head') return new Array(T).fill(h);
      return placesOf(p, n, p.H, h, decay === 'channel' ? p.K : 1);
    case 'beta':
      return placesOf(p, n, p.H, h, 1);
    case 'lambda':
      return placesOf(p, n, p.H, h, p.L);
    case 'initialState': {
      const size = p.stateLevels * p.K * p.V;
      return Array.from({ length: p.L * p.K * p.V }, (_, i) => (i < size ? (n * p.H + h) * size + i : -1));
    }
  }
}

const widthOf = (p: Problem, name: InputName): number => {
  if (name === 'q' || name === 'k') return p.K;
  if (name === 'v' || name === 'initialState') return p.V;
  if (name === 'lambda') return p.L;
  return name === 'g' && p.system.recurrence?.decay === 'channel' ? p.K : 1;
};

/** A head of a problem whose inputs are on a tape. */
export function tapeHead(m: Tape, p: Problem, n: number, x: TapeInputs): TapeHead {
  const { start, end, position } = p.sequences[n];
  const { q, k, v, beta } = x as Required<TapeInputs>;
  const { K, V, L } = p;
  // without a state the first decay decays nothing: whatever it is, it may not reach an answer or a gradient
  const first = x.initialState ? 0 : 1;
  const g = x.g && gather(m, x.g, x.g.rows, x.g.columns, (t, i) => (t < first ? -1 : t * (x.g as Node).columns + i));
  return {
    T: end - start,
    K,
    V,
    L,
    position,
    scale: p.scale,
    levels: p.levels,
    chunkSize: p.chunkSize,
    q,
    k,
    w: beta ? m.mul(acrossColumns(m, beta, V), v) : v,
    g: g ?? null,
    beta: beta ?? null,
    lambda: x.lambda ?? null,
    state: x.initialState ?? null,
  };
}

/** The problem with every input rounded to what the implementation is given. */
function roundInputs(p: Problem, precision: Precision): void {
  const round = (data: Float64Array, format: Precision['inputs']): Float64Array =>
    data.map((value) => roundTo(format, value));
  for (const [name, data] of Object.entries(p.inputs) as [InputName, Float64Array][]) {
    p.inputs[name] = round(data, name === 'initialState' ? precision.state : precision.inputs);
  }
  if (!p.cotangents) return;
  const { o, finalState } = p.cotangents;
  p.cotangents = { o: round(o, precision.output), finalState: finalState && round(finalState, precision.state) };
}

/** Runs every head of a checked problem. */
export function solveEmulated(p: Problem, precision: Precision, v: Variant): Answer {
  roundInputs(p, precision);
  const a = roundedMatrices(precisionOf(precision, p, v), v);
  const names = Object.keys(p.inputs) as InputName[];
  const stateSize = p.L * p.K * p.V;
  const o = new Float64Array(p.B * p.T * p.H * p.V);
  const finalState = new Float64Array(p.sequences.length * p.H * stateSize);
  const gradients: Partial<Record<InputName, RoundedMatrix>> = {};
  p.sequences.forEach((_, n) => {
    for (let h = 0; h < p.H; h++) {
      const m = createMatrixTape(a);
      const places: Partial<Record<InputName, number[]>> = {};
      const inputs: TapeInputs = {};
      for (const name of names) {
        const from = inputPlaces(p, n, h, name);
        const width = widthOf(p, name);
        const data = from.map((at) => (at < 0 ? 0 : (p.inputs[name] as Float64Array)[at]));
        places[name] = from;
        inputs[name] = (p.cotangents ? m.input : m.of)(data, data.length / width, width);
      }
      const out = computeHead(m, tapeHead(m, p, n, inputs), p, v);
      const rows = placesOf(p, n, p.H, h, p.V);
      rows.forEach((at, i) => {
        o[at] = out.o.value.data[i];
      });
      finalState.set(out.state.value.data, (n * p.H + h) * stateSize);
      if (!p.cotangents) continue;
      const { cotangents } = p;
      const weights = [
        {
          output: out.o,
          weight: a.of(
            rows.map((at) => cotangents.o[at]),
            out.o.rows,
            p.V,
          ),
        },
      ];
      if (cotangents.finalState) {
        const from = (n * p.H + h) * stateSize;
        const weight = a.of(cotangents.finalState.subarray(from, from + stateSize), p.L * p.K, p.V);
        weights.push({ output: out.state, weight });
      }
      const gradientOf = m.gradients(weights);
      for (const name of names) {
        const size = (p.inputs[name] as Float64Array).length;
        const total = gradients[name] ?? a.of(new Float64Array(size), size, 1);
        const d = gradientOf(inputs[name] as Node);
        // heads of a group, and tokens under one decay, are summed as everything is
        gradients[name] = d ? a.add(total, a.scatter(d, Int32Array.from(places[name] as number[]), size, 1)) : total;
      }
    }
  });
  const rounded = (data: Float64Array, format: Precision['output']): Float64Array =>
    data.map((value) => roundTo(format, value));
  const answer: Answer = {
    o: tensor(rounded(o, precision.output), [p.B, p.T, p.H, p.V]),
    position: p.sequences.map(({ start, end, position }) => position + end - start),
  };
  if (p.system.recurrence) {
    const shape = [p.sequences.length, p.H, p.L, p.K, p.V];
    answer.finalState = tensor(rounded(finalState, precision.state), shape);
  }
  if (p.cotangents) {
    answer.gradients = {};
    for (const name of names) {
      const format = name === 'initialState' ? precision.state : precision.output;
      const { data } = gradients[name] as RoundedMatrix;
      answer.gradients[name] = tensor(rounded(data, format), p.shapes[name] as number[]);
    }
  }
  return answer;
}

const everySystem = systems.map(({ name }) => name);

/** A correct implementation of every system in a precision. It rounds what it is given to the formats that its inputs have. */
export function emulated(precision: Precision, v: Variant): Implementation {
  return {
    name: `${precision.name}-${v.name}`,
    abilities: {
      systems: everySystem,
      gradients: true,
      state: true,
      packed: true,
      groups: true,
      structures: v.form !== 'chunked',
      chunkSizes: v.form === 'chunked',
      views: true,
    },
    precision,
    run: (c: Case) => solveEmulated(checkCase('emulated', { ...c, form: undefined }), precision, v),
  };
}

/** Whether the implementation takes the case's structure: weak base 2 always, others where it has them. */
export const coversStructure = ({ abilities }: Implementation, { structure }: Case): boolean =>
  abilities.structures || structure === undefined || (structure.kind === 'weak' && structure.base === 2);
