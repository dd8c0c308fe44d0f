/**
 * How far off the steps on the way to an answer may be: each of them is an output of another case, whose bounds the error model has. A chunk's
 * state is the final state of its tokens alone in a flat system; the state after token t that of the tokens up to t; what a level adds to
 * o is the o of the case whose lambda has that level alone.
 */
import type { Case } from '../reference/case.ts';
import { chunksOf, type IntermediateName, intermediateShape } from '../reference/intermediates.ts';
import { elements, type Tensor } from '../reference/tensor.ts';
import { mapTensor, sequence, sizesOf, systemOf, tokens, withInputs, withoutCotangents } from './edit.ts';
import { DOUBLE, type Precision } from './precision.ts';
import { boundsOf } from './tolerance.ts';

/** The state after each of so many tokens is judged; of longer sequences the first ones, and those in even steps. */
const MOST_POSITIONS = 96;

/** Positions whose states are judged. */
export function judgedPositions(T: number): number[] {
  const all = Array.from({ length: T }, (_, t) => t);
  if (T <= MOST_POSITIONS) return all;
  const every = Math.ceil((2 * T) / MOST_POSITIONS);
  return all.filter((t) => t < MOST_POSITIONS / 2 || t % every === 0 || t === T - 1);
}

/** The flat system of the same recurrence, without state, levels and cotangents. */
function flat(c: Case): Case {
  const { position: _position, structure: _structure, ...rest } = withoutCotangents(c);
  const one = withInputs(rest, { lambda: undefined, initialState: undefined });
  return { ...one, system: systemOf(c).name.replace(/^log-linear-/, '') };
}

const fill = (to: Float64Array, from: ArrayLike<number>, at: number, count: number, offset = 0): void => {
  for (let i = 0; i < count; i++) to[at + i] = from[offset + i];
};

function chunkStateBounds(c: Case, p: Precision, bounds: Float64Array): void {
  const { B, T, H, K, V } = sizesOf(c);
  const chunks = chunksOf(T, c.chunkSize ?? 64);
  const size = H * K * V;
  chunks.forEach(([from, to], n) => {
    const { finalState } = boundsOf(flat(tokens(c, from, to)), p);
    for (let b = 0; b < B; b++) fill(bounds, finalState, (b * chunks.length + n) * size, size, b * size);
  });
}

function stateBounds(c: Case, p: Precision, bounds: Float64Array): void {
  const { T, H, L, K, V, n } = sizesOf(c);
  const size = H * L * K * V;
  bounds.fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < n; i++) {
    const one = withoutCotangents(sequence(c, i));
    const first = c.cuSeqlens ? c.cuSeqlens[i] : i * T;
    for (const t of judgedPositions(sizesOf(one).T)) {
      const { finalState } = boundsOf(tokens(one, 0, t + 1), p);
      fill(bounds, finalState, (first + t) * size, size);
    }
  }
}

function levelOutputBounds(c: Case, p: Precision, bounds: Float64Array): void {
  const { B, T, H, L, V } = sizesOf(c);
  const { lambda } = c.inputs;
  for (let l = 0; l < L; l++) {
    const alone = lambda && mapTensor(lambda as Tensor, (value, index) => (index[3] === l ? value : 0));
    const { o } = boundsOf(withInputs(withoutCotangents(c), alone ? { lambda: alone } : {}), p);
    for (let token = 0; token < B * T * H; token++) fill(bounds, o, (token * L + l) * V, V, token * V);
  }
}

const each: Record<IntermediateName, (c: Case, p: Precision, bounds: Float64Array) => void> = {
  chunkStates: chunkStateBounds,
  states: stateBounds,
  levelOutputs: levelOutputBounds,
};

/**
 * How far each element of a step may be from what float64 makes of it (`intermediatesOf`); Infinity where nothing is promised, and at
 * positions that are not judged.
 * @throws InvalidInput where `compute` does
 */
export function intermediateBounds(c: Case, p: Precision, name: IntermediateName): Float64Array {
  const bounds = new Float64Array(elements(intermediateShape(c, name)));
  each[name](c, p, bounds);
  // in float64 what it is compared with is as far off again
  return p.accumulate.bits < DOUBLE.accumulate.bits ? bounds : bounds.map((bound) => 2 * bound);
}
