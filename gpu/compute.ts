/** The operator on a device: a case in, an answer out, as reference/operator.ts does it, in float32. */
import type { Answer, Case } from '../reference/case.ts';
import { InvalidInput } from '../reference/errors.ts';
import { checkCase, type Problem } from '../reference/shapes.ts';
import type { InputName } from '../reference/systems/system.ts';
import { tensor } from '../reference/tensor.ts';
import type { Device } from './device.ts';
import { familyOf } from './families.ts';
import type { HostData } from './kernel.ts';
import { contentTables, type Plan, planOf } from './plan.ts';
import {
  callOn,
  type Gradients,
  hostData,
  type Operands,
  uploadCotangent,
  uploadOperands,
  uploadPlan,
} from './step.ts';

/** What a log decay is at least: its exponential is 0 all the same, and sums of it neither overflow nor subtract infinities. */
const LEAST_DECAY = -1e30;

/** Numbers of a case as a device takes them. */
type Convert = (values: Float64Array) => HostData['data'];

const converterFor = ({ takesDoubles }: Device): Convert =>
  takesDoubles ? (values) => values : (values) => new Float32Array(values);

/** Numbers of one token in the log decays: H or H·K. */
const decaysPerToken = (p: Problem): number => p.H * (p.system.recurrence?.decay === 'channel' ? p.K : 1);

/** Without a state the first decay of a sequence decays nothing. */
function clearFirstDecays(p: Problem, g: Float32Array | Float64Array): void {
  if (p.inputs.initialState) return;
  const width = decaysPerToken(p);
  for (const { row, start, end } of p.sequences) {
    if (end > start) g.fill(0, (row * p.T + start) * width, (row * p.T + start + 1) * width);
  }
}

/** Log decays of every token; zeros where the system has none. */
function decaysOf(p: Problem): Float32Array {
  const { g } = p.inputs;
  const out = new Float32Array(p.B * p.T * decaysPerToken(p));
  if (!g) return out;
  const isFixed = p.system.recurrence?.decay === 'head';
  for (let i = 0; i < out.length; i++) {
    const value = g[isFixed ? i % p.H : i];
    out[i] = value < LEAST_DECAY ? LEAST_DECAY : value;
  }
  clearFirstDecays(p, out);
  return out;
}

function stateData(p: Problem, state: Float64Array, levels: number, convert: Convert): HostData {
  return hostData(convert(state), p.V, p.H * levels * p.K, p.sequences.length);
}

function operandsOf(p: Problem, convert: Convert): Operands {
  const { q, k, v, beta, lambda, initialState } = p.inputs as Record<InputName, Float64Array>;
  const rows = p.B * p.T;
  const content = initialState ? contentTables(p) : null;
  const levels = p.system.logLinear ? convert(lambda) : new Float32Array(rows * p.H).fill(1);
  return {
    q: hostData(convert(q), p.G * p.K, rows),
    k: hostData(convert(k), p.G * p.K, rows),
    v: hostData(convert(v), p.H * p.V, rows),
    g: hostData(decaysOf(p), decaysPerToken(p), rows),
    beta: beta ? hostData(convert(beta), p.H, rows) : null,
    lambda: hostData(levels, p.H * p.L, rows),
    state: initialState ? stateData(p, initialState, p.stateLevels, convert) : null,
    stateLevels: p.stateLevels,
    content: content?.read ?? null,
    contentOfState: content?.own ?? null,
    scale: p.scale,
  };
}

/** Sequences without tokens hand their state on, and its gradient back. */
function keepEmpty(p: Problem, from: Float64Array | null | undefined, levels: number, to: Float64Array, into: number) {
  if (!from) return;
  const size = p.K * p.V;
  p.sequences.forEach(({ start, end }, n) => {
    if (end > start) return;
    for (let h = n * p.H; h < (n + 1) * p.H; h++) {
      to.fill(0, h * into * size, (h + 1) * into * size);
      to.set(from.subarray(h * levels * size, (h * levels + Math.min(levels, into)) * size), h * into * size);
    }
  });
}

/** A gradient as it is laid out in the case's own input. */
function gradientData(p: Problem, name: InputName, given: Float64Array): Float64Array {
  if (name !== 'g') return given;
  clearFirstDecays(p, given);
  if (p.system.recurrence?.decay !== 'head') return given;
  const sum = new Float64Array(p.H);
  for (let i = 0; i < given.length; i++) sum[i % p.H] += given[i];
  return sum;
}

/** What one dispatch of WebGPU reaches: rows of a matrix, in groups of 8, and layers of a cube. */
const MOST_ROWS = 8 * 65535;
const MOST_LAYERS = 65535;

/** Refuses what a device cannot dispatch, before anything runs. */
function checkSize(device: Device, { tokens, chunks, nodes, parts, sequences }: Plan): void {
  if (device.backend !== 'webgpu') return;
  const refuse = (given: string, wanted: string): never => {
    throw new InvalidInput(
      'computeOn',
      'case',
      given,
      `${wanted} on webgpu`,
      'split it through the state, or use form chunked',
    );
  };
  if (tokens > MOST_ROWS) refuse(`B T = ${tokens}`, `at most ${MOST_ROWS} positions`);
  const layers = Math.max(chunks, nodes, parts, sequences);
  if (layers > MOST_LAYERS) refuse(`${layers} chunks, buckets or sequences`, `at most ${MOST_LAYERS}`);
}

/**
 * Answers a case on a device, in float32: outputs, final state and, where the case has cotangents, gradients.
 * @throws InvalidInput as `compute` does, and for systems and structures that are not computed on devices
 */
export const computeOn = (device: Device, c: Case): Promise<Answer> => device.alone(() => computeAlone(device, c));

async function computeAlone(device: Device, c: Case): Promise<Answer> {
  const p = checkCase('computeOn', c);
  const family = familyOf(p.system);
  if (!family) {
    throw new InvalidInput('computeOn', 'system', p.system.name, 'one that has a form gpu', 'see lla systems');
  }
  if (p.system.logLinear && !(p.structure.kind === 'weak' && p.structure.base === 2)) {
    throw new InvalidInput('computeOn', 'structure', JSON.stringify(p.structure), 'weak, base 2', 'use form recurrent');
  }
  const { B, T, H, L, K, V } = p;
  const n = p.sequences.length;
  const o = new Float64Array(B * T * H * V);
  const state = new Float64Array(p.system.recurrence ? n * H * L * K * V : 0);
  const gradients: Partial<Record<InputName, Float64Array>> = {};
  for (const name of p.cotangents ? (Object.keys(p.inputs) as InputName[]) : []) {
    gradients[name] = new Float64Array((p.inputs[name] as Float64Array).length);
  }
  const here = planOf(p);
  checkSize(device, here);
  const plan = await uploadPlan(device, here);
  const convert = converterFor(device);
  if (plan.tokens > 0) {
    const run = await family(callOn(device, plan), await uploadOperands(device, plan, operandsOf(p, convert)));
    // asked for before anything is read, so that a device that joins steps joins these
    const ending = run.state && (await run.state());
    o.set(await device.read(run.o));
    if (ending) state.set(await device.read(ending));
    if (p.cotangents) {
      const { finalState } = p.cotangents;
      const dO = hostData(convert(p.cotangents.o), H * V, plan.tokens);
      const dState = finalState && (await uploadCotangent(device, plan, 'state', stateData(p, finalState, L, convert)));
      const given = await run.backward(await uploadCotangent(device, plan, 'o', dO), dState);
      for (const name of Object.keys(gradients) as InputName[]) {
        const values = new Float64Array(await device.read(given[name as keyof Gradients] as never));
        gradients[name]?.set(gradientData(p, name, values));
      }
    }
  }
  keepEmpty(p, p.inputs.initialState, p.stateLevels, state, L);
  if (gradients.initialState) keepEmpty(p, p.cotangents?.finalState, L, gradients.initialState, p.stateLevels);
  const answer: Answer = {
    o: tensor(o, [B, T, H, V]),
    position: p.sequences.map(({ start, end, position }) => position + end - start),
  };
  if (p.system.recurrence) answer.finalState = tensor(state, [n, H, L, K, V]);
  if (p.cotangents) {
    answer.gradients = {};
    for (const [name, data] of Object.entries(gradients) as [InputName, Float64Array][]) {
      answer.gradients[name] = tensor(data, p.shapes[name] as number[]);
    }
  }
  return answer;
}
