/** Times of the GPU form for one length: with everything on the device, and with upload and readback. */
import type { Device } from '../../gpu/device.ts';
import type { HostData, Kernel, Operand, Resident } from '../../gpu/kernel.ts';
import { planOf } from '../../gpu/plan.ts';
import { scalar } from '../../gpu/scalar.ts';
import {
  type Call,
  callOn,
  hostData,
  type Operands,
  uploadCotangent,
  uploadOperands,
  uploadPlan,
} from '../../gpu/step.ts';
import { compare } from '../../properties/compare.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import type { Problem } from '../../reference/shapes.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { WrongAnswer } from '../cases.ts';

export interface Shape {
  T: number;
  H: number;
  K: number;
  V: number;
  C: number;
}

export interface Times {
  T: number;
  /** Milliseconds, everything on the device. */
  forward: number;
  both: number;
  /** The same from data of the host to data of the host. */
  forwardRoundTrip: number;
  bothRoundTrip: number;
  /** Bytes of all results that lie on the device, and of the operands. */
  bytes: number;
  /** Milliseconds of the first call, compilation among them. */
  first: number;
}

/** A reproducible number in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Sums of four uniform numbers, of variance 1: near enough to normal ones. */
function filled(length: number, seed: number, f: (value: number) => number = (value) => value): Float32Array {
  const next = uniform(seed);
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = f((next() + next() + next() + next() - 2) * Math.sqrt(3));
  return out;
}

/** One call of log-linear Mamba-2, B = 1, a head a group: what `checkCase` makes of such a case, without its float64 copies. */
export function callOf({ T, H, K, V, C }: Shape): {
  problem: Problem;
  operands: Operands;
  dO: ReturnType<typeof hostData>;
} {
  const system = findSystem('log-linear-mamba2') as System;
  const levels = levelsOf(WEAK);
  const L = levels.count(T);
  const problem: Problem = {
    system,
    form: 'chunked',
    B: 1,
    T,
    H,
    G: H,
    K,
    V,
    L,
    stateLevels: L,
    levels,
    structure: WEAK,
    chunkSize: C,
    scale: 1,
    sequences: [{ row: 0, start: 0, end: T, position: 0 }],
    inputs: {},
    shapes: {},
    cotangents: null,
  };
  const operands: Operands = {
    q: hostData(
      filled(T * H * K, 1, (value) => value / Math.sqrt(K)),
      H * K,
      T,
    ),
    k: hostData(
      filled(T * H * K, 2, (value) => value / Math.sqrt(K)),
      H * K,
      T,
    ),
    v: hostData(filled(T * H * V, 3), H * V, T),
    // the first decay decays nothing
    g: hostData(filled(T * H, 4, (value) => -Math.log1p(Math.exp(value))).fill(0, 0, H), H, T),
    beta: null,
    lambda: hostData(filled(T * H * L, 5, Math.abs), H * L, T),
    state: null,
    stateLevels: L,
    content: null,
    contentOfState: null,
    scale: 1,
  };
  return { problem, operands, dO: hostData(filled(T * H * V, 6), H * V, T) };
}

/** The same call as a case of the oracle. */
function oracleCase({ T, H, K, V, C }: Shape, { problem, operands, dO }: ReturnType<typeof callOf>): Case {
  const of = (operand: Operand | null, ...shape: number[]): DenseTensor =>
    tensor(new Float64Array((operand as HostData).data), shape);
  const { q, k, v, g, lambda } = operands;
  const inputs = {
    q: of(q, 1, T, H, K),
    k: of(k, 1, T, H, K),
    v: of(v, 1, T, H, V),
    g: of(g, 1, T, H),
    lambda: of(lambda, 1, T, H, problem.L),
  };
  return {
    system: problem.system.name,
    form: 'chunked',
    chunkSize: C,
    scale: 1,
    inputs,
    cotangents: { o: of(dO, 1, T, H, V) },
  };
}

/** What `both` of a measurement gives. */
const ANSWERS = ['o', 'gradients.q', 'gradients.k', 'gradients.v', 'gradients.g', 'gradients.lambda'];
/** Up to here every number is held to its derived bound, gradients too. */
const BOUNDED = 4096;
/** Above, outputs are held to the float64 chunked form, root mean square to root mean square. */
const LONG_TOLERANCE = 1e-5;

/** @throws WrongAnswer where what is about to be timed is wrong */
async function check(
  device: Device,
  shape: Shape,
  given: ReturnType<typeof callOf>,
  results: Resident[],
): Promise<void> {
  const c = oracleCase(shape, given);
  if (shape.T > BOUNDED) {
    const { cotangents: _, ...forward } = c;
    const expected = toDense(compute(forward).o);
    const o = await device.read(results[0]);
    let [error, size] = [0, 0];
    for (let i = 0; i < expected.length; i++) {
      error += (o[i] - expected[i]) ** 2;
      size += expected[i] ** 2;
    }
    const ratio = Math.sqrt(error / size);
    if (!(ratio <= LONG_TOLERANCE))
      throw new WrongAnswer(`T = ${shape.T}: o is off by ${ratio} of its root mean square`);
    return;
  }
  const bounds = boundsOf(c, findPrecision('float32') as Precision);
  const expected = tensorsOf(compute(c));
  for (const [i, name] of ANSWERS.entries()) {
    const value = expected.get(name) as Tensor;
    const actual = new Float64Array(await device.read(results[i]));
    // the first log decay decays nothing
    if (name === 'gradients.g') actual.fill(0, 0, shape.H);
    const worst = compare(name, tensor(actual, value.shape), value, boundFor(bounds, name));
    if (!(worst.ratio <= 1)) throw new WrongAnswer(`T = ${shape.T}: ${name} is off by ${worst.ratio} of its bound`);
  }
}

/** The plan, the operands and the cotangent of a call, on the device. */
async function onDevice(device: Device, { problem, operands, dO }: ReturnType<typeof callOf>) {
  const plan = await uploadPlan(device, planOf(problem));
  const there = await uploadOperands(device, plan, operands);
  return { plan, there, cotangent: await uploadCotangent(device, plan, 'o', dO) };
}

/** The median of some rounds, in milliseconds. */
async function median(rounds: number, run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)];
}

/** Milliseconds of calls before the clock counts: a device that had nothing to do runs slowly at first. */
const WARM_UP = 1000;

async function warmUp(run: () => Promise<void>): Promise<void> {
  for (const start = performance.now(); performance.now() - start < WARM_UP; ) await run();
}

const bytesOf = (size: number[]): number => size.reduce((product, each) => product * each, 4);

/** A call that waits for each kernel and adds up its time; of no use for anything else. */
function profiled(device: Device, call: Call, times: Map<string, number>): Call {
  return {
    ...call,
    async run(step: string, kernel: Kernel, size: number[], ...operands: (Operand | number)[]): Promise<Resident> {
      const start = performance.now();
      const result = await call.run(step, kernel, size, ...operands);
      await device.finish(result);
      times.set(kernel.name, (times.get(kernel.name) ?? 0) + performance.now() - start);
      return result;
    },
  };
}

export async function measure(device: Device, shape: Shape, rounds: number): Promise<Times> {
  const given = callOf(shape);
  const { operands, dO } = given;
  const start = performance.now();
  const { plan, there, cotangent } = await onDevice(device, given);
  const sizes = new Map<string, number>();
  const call = callOn(device, plan);
  const counting: Call = {
    ...call,
    run(step, kernel, size, ...rest) {
      sizes.set(step, bytesOf(size));
      return call.run(step, kernel, size, ...rest);
    },
  };
  const forward = async (c: Call, x: Operands): Promise<Resident> => (await scalar(c, x)).o;
  const both = async (c: Call, x: Operands, d: Operand): Promise<Resident[]> => {
    const run = await scalar(c, x);
    const { q, k, v, g, lambda } = await run.backward(d, null);
    return [run.o, q, k, v, g as Resident, lambda as Resident];
  };
  const answers = await both(counting, there, cotangent);
  await device.finish(answers[5]);
  const first = performance.now() - start;
  await check(device, shape, given, answers);
  const forwardOnly = async (): Promise<void> => device.finish(await forward(call, there));
  const everything = async (): Promise<void> => device.finish((await both(call, there, cotangent))[5]);
  // what the first calls of a length have to set up is none of its time
  await warmUp(everything);
  await warmUp(forwardOnly);
  const timed = {
    both: await median(rounds, everything),
    forward: await median(rounds, forwardOnly),
    forwardRoundTrip: await median(Math.ceil(rounds / 3), async () => {
      await device.read(await forward(call, await uploadOperands(device, plan, operands)));
    }),
    bothRoundTrip: await median(Math.ceil(rounds / 3), async () => {
      const x = await uploadOperands(device, plan, operands);
      for (const each of await both(call, x, await uploadCotangent(device, plan, 'o', dO))) await device.read(each);
    }),
  };
  const results = [...sizes.values()].reduce((sum, each) => sum + each, 0);
  const inputs = [operands.q, operands.k, operands.v, operands.g, operands.lambda, dO];
  const bytes = results + inputs.reduce((sum, { size }) => sum + bytesOf(size), 0);
  return { T: shape.T, ...timed, bytes, first };
}

export interface KernelTime {
  kernel: string;
  ms: number;
}

/** Milliseconds of each kernel of a forward and a backward pass, each waited for. */
export async function profile(device: Device, shape: Shape): Promise<KernelTime[]> {
  const { plan, there, cotangent } = await onDevice(device, callOf(shape));
  let times = new Map<string, number>();
  for (let round = 0; round < 3; round++) {
    times = new Map();
    const run = await scalar(profiled(device, callOn(device, plan), times), there);
    await run.backward(cotangent, null);
  }
  return [...times].map(([kernel, ms]) => ({ kernel, ms })).sort((a, b) => b.ms - a.ms);
}
