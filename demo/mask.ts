/** The mask P of one head as the kernels have it: values that are one-hot read it out row by row. */
import { randomCase, uniform } from '../bench/cases.ts';
import { compare } from '../properties/compare.ts';
import { roundCase } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import type { Case } from '../reference/case.ts';
import { FLAT, levelsOf, WEAK } from '../reference/levels.ts';
import { compute } from '../reference/operator.ts';
import { findSystem } from '../reference/systems/registry.ts';
import { type Tensor, tensor, toDense } from '../reference/tensor.ts';
import type { MaskInput, MaskOutput } from './messages.ts';
import { SINGLE, subjectOn } from './subject.ts';
import type { Task } from './worker.ts';

const K = 8;
const CHUNK_SIZE = 16;
/** Above the diagonal, where t reads nothing. */
const NOTHING = 255;

const filled = (shape: number[], value: number): Tensor =>
  tensor(new Float64Array(shape.reduce((product, each) => product * each, 1)).fill(value), shape);

/** B = H = 1; with `ones`, q·k is 1 for every pair. */
function maskCase({ system, T, seed, ones }: MaskInput): Case {
  const c = randomCase(system, { T, H: 1, K, V: T }, seed);
  const oneHot = new Float64Array(T * T);
  for (let t = 0; t < T; t++) oneHot[t * T + t] = 1;
  c.inputs.v = tensor(oneHot, [1, T, 1, T]);
  c.chunkSize = CHUNK_SIZE;
  if (ones) {
    const root = 1 / Math.sqrt(K);
    c.inputs.q = filled([1, T, 1, K], root);
    c.inputs.k = filled([1, T, 1, K], root);
  }
  if (c.inputs.lambda) {
    // falling with the level, and never so small that a level cannot be seen
    const draw = uniform(seed);
    const [, , , L] = c.inputs.lambda.shape;
    const lambda = Float64Array.from({ length: T * L }, (_, i) => (0.4 + 0.6 * draw()) * 0.85 ** (i % L));
    c.inputs.lambda = tensor(lambda, [1, T, 1, L]);
  }
  return roundCase(c, SINGLE);
}

export async function answerMask(input: MaskInput, { device }: Task<'mask'>): Promise<MaskOutput> {
  const { T } = input;
  const c = maskCase(input);
  const { logLinear } = findSystem(c.system) ?? {};
  const levels = logLinear ? levelsOf(WEAK) : FLAT;
  const count = levels.count(T);
  const answer = await subjectOn(device).run(c);
  const oracle = compute({ ...c, form: 'masked' });
  const level = new Uint8Array(T * T).fill(NOTHING);
  for (let t = 0; t < T; t++) for (let s = 0; s <= t; s++) level[t * T + s] = levels.level(t, s);
  return {
    T,
    levels: count,
    values: Float32Array.from(toDense(answer.o)),
    exact: toDense(oracle.o),
    level,
    lambda: c.inputs.lambda ? toDense(c.inputs.lambda) : new Float64Array(T).fill(1),
    ratio: compare('o', answer.o, oracle.o, boundsOf(c, SINGLE).o).ratio,
  };
}
