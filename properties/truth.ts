/**
 * The truth of a case: outputs, final state and every gradient in double-double, by the panels of reference/panel.ts and a tape of
 * them. Each block of rows is a tape of its own, so that what is written down stays small; gradients add up over blocks.
 */
import type { Case } from '../reference/case.ts';
import { accumulate, type DoubleDoubleMatrix, doubleDoubleMatrices, zeros } from '../reference/double-double-matrix.ts';
import { createMatrixTape, type MatrixShape, type Recorded } from '../reference/matrix-tape.ts';
import { type PanelInput, readQueries, readSoftmax, readState } from '../reference/panel.ts';
import { checkCase, type Problem } from '../reference/shapes.ts';
import type { InputName } from '../reference/systems/system.ts';
import type { OutputName } from './errors/by-element.ts';

/** Numbers in two parts, each row-major. */
export interface Parts {
  hi: Float64Array;
  lo: Float64Array;
}

export interface Truth {
  /** [B,T,H,V] */
  o: Parts;
  /** [n,H,L,K,V]; empty for softmax */
  finalState: Parts;
  /** Shaped like the inputs; none without cotangents. */
  gradients: Partial<Record<InputName, Parts>>;
}

/** The truth of one output. */
export const partsOf = ({ gradients, ...outputs }: Truth, name: OutputName): Parts =>
  name === 'o' || name === 'finalState' ? outputs[name] : (gradients[name] as Parts);

/** Rows of a panel: enough to make use of a step, few enough for a tape of 300 steps to stay in tens of megabytes. */
const BLOCK = 16;

type Source = Exclude<InputName, 'g'> | 'alpha';
type Sources = Partial<Record<Source, DoubleDoubleMatrix>>;
type Node = Recorded<DoubleDoubleMatrix> & MatrixShape;

const vector = (data: Float64Array): DoubleDoubleMatrix => doubleDoubleMatrices.of(data, 1, data.length);

/** Places from, from + 1, … */
function range(from: number, length: number): Int32Array {
  const places = new Int32Array(length);
  for (let i = 0; i < length; i++) places[i] = from + i;
  return places;
}

/** The entries at `places`, 0 where a place is negative. */
function pick(part: Float64Array, places: Int32Array): Float64Array {
  const out = new Float64Array(places.length);
  for (let i = 0; i < out.length; i++) if (places[i] >= 0) out[i] = part[places[i]];
  return out;
}

/** A tape whose inputs are entries of the case's tensors. */
function openTape(sources: Sources, derive: boolean) {
  const tape = createMatrixTape(doubleDoubleMatrices);
  const leaves: { name: Source; places: Int32Array; node: Node }[] = [];
  return {
    tape,
    /** The entries at `places`, which may repeat; 0 where a place is negative. */
    leaf(name: Source, places: Int32Array, rows: number, columns: number): Node {
      const { hi, lo } = sources[name] as DoubleDoubleMatrix;
      const data = pick(hi, places);
      const node = derive ? tape.input(data, rows, columns) : tape.of(data, rows, columns);
      if (derive) leaves.push({ name, places, node });
      // an input is float64; the second part moves along with it
      return name === 'alpha' ? tape.add(node, tape.of(pick(lo, places), rows, columns)) : node;
    },
    /** Adds the derivatives of sum <weight, output> to those of the tensors. */
    collect(outputs: { output: Node; weight: DoubleDoubleMatrix }[], into: Sources): void {
      const derivativeOf = tape.gradients(outputs);
      for (const { name, places, node } of leaves) {
        const derivative = derivativeOf(node);
        if (derivative) accumulate(into[name] as DoubleDoubleMatrix, places, derivative);
      }
    },
  };
}

type Desk = ReturnType<typeof openTape>;

/** Flat places of one head's entries. */
function placesOf(p: Problem, n: number, h: number) {
  const { row, start } = p.sequences[n];
  const token = (t: number): number => row * p.T + start + t;
  const headToken = (t: number): number => token(t) * p.H + h;
  const group = Math.floor((h * p.G) / p.H);
  const decay = p.system.recurrence?.decay;
  return {
    headToken,
    channels: (t: number) => range((token(t) * p.G + group) * p.K, p.K),
    values: (t: number) => range(headToken(t) * p.V, p.V),
    decay(t: number): Int32Array {
      if (decay === 'head') return range(h, 1);
      return decay === 'channel' ? range(headToken(t) * p.K, p.K) : range(headToken(t), 1);
    },
    content: (l: number) => range(((n * p.H + h) * p.stateLevels + l) * p.K * p.V, p.K * p.V),
    /** Channels first … end-1 of level l of the final state. */
    final: (l: number, first: number, end: number) =>
      range((((n * p.H + h) * p.L + l) * p.K + first) * p.V, (end - first) * p.V),
  };
}

const joined = (lists: Int32Array[]): Int32Array => Int32Array.from(lists.flatMap((list) => [...list]));

function panelInput(p: Problem, n: number, h: number, { tape, leaf }: Desk): PanelInput<Node> {
  const { K, V, L } = p;
  const places = placesOf(p, n, h);
  const { start, end, position } = p.sequences[n];
  const scale = tape.of(new Float64Array(K).fill(p.scale), 1, K);
  return {
    T: end - start,
    K,
    V,
    L,
    position,
    levels: p.levels,
    transition: (p.system.recurrence as NonNullable<typeof p.system.recurrence>).transition,
    query: (t) => tape.mul(leaf('q', places.channels(t), 1, K), scale),
    token(s) {
      const decays = places.decay(s);
      const v = leaf('v', places.values(s), 1, V);
      const beta = p.inputs.beta ? leaf('beta', range(places.headToken(s), 1), 1, 1) : null;
      return {
        k: leaf('k', places.channels(s), 1, K),
        alpha: p.inputs.g ? leaf('alpha', decays, 1, decays.length) : null,
        beta,
        w: beta ? tape.product(beta, v) : v,
      };
    },
    scales(times, levels) {
      if (!p.inputs.lambda) return null;
      const at = Int32Array.from(times, (t, i) => (levels[i] < 0 ? -1 : places.headToken(t) * L + levels[i]));
      return leaf('lambda', at, at.length, 1);
    },
    stateLevels: p.inputs.initialState ? p.stateLevels : 0,
    content: (l) => leaf('initialState', places.content(l), K, V),
  };
}

function softmaxRows(p: Problem, n: number, h: number, first: number, end: number, { tape, leaf }: Desk): Node {
  const places = placesOf(p, n, h);
  const rows = (of: (t: number) => Int32Array, from: number) =>
    joined(Array.from({ length: end - from }, (_, i) => of(from + i)));
  const scale = tape.of(new Float64Array((end - first) * p.K).fill(p.scale), end - first, p.K);
  const q = tape.mul(leaf('q', rows(places.channels, first), end - first, p.K), scale);
  const k = leaf('k', rows(places.channels, 0), end, p.K);
  const v = leaf('v', rows(places.values, 0), end, p.V);
  return readSoftmax(tape, ({ value }) => value.hi.slice(), first, [q, k, v]);
}

/**
 * The case in double-double.
 * @throws InvalidInput where `compute` does
 */
export function truthOf(c: Case): Truth {
  const p = checkCase('truthOf', c);
  const sources: Sources = {};
  const gradients: Sources = {};
  for (const [name, data] of Object.entries(p.inputs) as [InputName, Float64Array][]) {
    const source = name === 'g' ? 'alpha' : name;
    sources[source] = name === 'g' ? doubleDoubleMatrices.exp(vector(data)) : vector(data);
    gradients[source] = zeros(1, data.length);
  }
  const o = zeros(1, p.B * p.T * p.H * p.V);
  const finalState = zeros(1, p.system.recurrence === null ? 0 : p.sequences.length * p.H * p.L * p.K * p.V);

  /** One block of rows: what `run` gives at which places of an output, and what it weighs there. */
  const block = (
    output: DoubleDoubleMatrix,
    weights: Float64Array | null | undefined,
    run: (desk: Desk) => { node: Node; places: Int32Array }[],
  ): void => {
    const desk = openTape(sources, Boolean(weights));
    const results = run(desk);
    for (const { node, places } of results) accumulate(output, places, node.value);
    if (!weights) return;
    const weighted = results.map(({ node, places }) => ({
      output: node,
      weight: doubleDoubleMatrices.of(pick(weights, places), node.rows, node.columns),
    }));
    desk.collect(weighted, gradients);
  };

  p.sequences.forEach(({ start, end: stop }, n) => {
    for (let h = 0; h < p.H; h++) {
      const places = placesOf(p, n, h);
      for (let first = 0; first < stop - start; first += BLOCK) {
        const end = Math.min(first + BLOCK, stop - start);
        const times = Array.from({ length: end - first }, (_, i) => first + i);
        block(o, p.cotangents?.o, (desk) =>
          p.system.recurrence === null
            ? [{ node: softmaxRows(p, n, h, first, end, desk), places: joined(times.map(places.values)) }]
            : [
                {
                  node: readQueries(desk.tape, panelInput(p, n, h, desk), first, end),
                  places: joined(times.reverse().map(places.values)),
                },
              ],
        );
      }
      for (let first = 0; p.system.recurrence !== null && first < p.K; first += BLOCK) {
        const end = Math.min(first + BLOCK, p.K);
        block(finalState, p.cotangents?.finalState, (desk) =>
          readState(desk.tape, panelInput(p, n, h, desk), first, end).flatMap((node, l) =>
            node === null ? [] : [{ node, places: places.final(l, first, end) }],
          ),
        );
      }
    }
  });
  return { o, finalState, gradients: p.cotangents ? named(gradients, sources) : {} };
}

/** Gradients by their inputs' names: dg = dalpha exp(g), which is 0 for a reset, and for a decay that is never read, whatever it is. */
function named(gradients: Sources, sources: Sources): Truth['gradients'] {
  const { alpha, ...rest } = gradients;
  if (!alpha) return rest;
  const g = doubleDoubleMatrices.mul(alpha, sources.alpha as DoubleDoubleMatrix);
  for (let i = 0; i < g.hi.length; i++) if (alpha.hi[i] === 0 && alpha.lo[i] === 0) g.hi[i] = g.lo[i] = 0;
  return { ...rest, g };
}
