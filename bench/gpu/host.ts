/** The GPU form without a GPU: WebAssembly against the float64 chunked form, and against gpu.js's own JavaScript, in one run. */
import { computeOn } from '../../gpu/compute.ts';
import { type Backend, Device } from '../../gpu/device.ts';
import { compare as compareTensor } from '../../properties/compare.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import { compute } from '../../reference/operator.ts';
import { randomCase, type Sizes, WrongAnswer } from '../cases.ts';
import { say } from '../timing.ts';

/** Channels of a small head, and of a large one. */
const SHAPES: Sizes[] = [64, 128].map((channels) => ({ T: 2048, H: 2, K: channels, V: channels }));
const CHUNK_SIZE = 64;
const ROUNDS = 5;

/** Seconds of wall time. */
export interface OnHost {
  shape: Sizes;
  chunked: number;
  webasm: number;
  cpu: number;
}

async function best(run: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run();
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

export async function onHost(): Promise<OnHost[]> {
  const all: OnHost[] = [];
  for (const shape of SHAPES) all.push(await measured(shape));
  return all;
}

async function measured(shape: Sizes): Promise<OnHost> {
  const c = { ...randomCase('log-linear-mamba2', shape), chunkSize: CHUNK_SIZE };
  const expected = compute({ ...c, form: 'chunked' });
  const bounds = boundsOf(c, findPrecision('float32') as Precision);
  const on = async (backend: Backend): Promise<number> => {
    say(`form gpu on ${backend}`);
    const device = await Device.open(backend, { specialized: true });
    const { o } = await computeOn(device, c);
    const worst = compareTensor('o', o, expected.o, bounds.o);
    if (!(worst.ratio <= 1)) throw new WrongAnswer(`form gpu on ${backend}: ${worst.ratio} of the bound of o`);
    const seconds = await best(() => computeOn(device, c));
    await device.close();
    return seconds;
  };
  say('chunked form in float64');
  return {
    shape,
    chunked: await best(() => compute({ ...c, form: 'chunked' })),
    webasm: await on('webasm'),
    cpu: await on('cpu'),
  };
}
