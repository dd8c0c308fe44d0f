/** The GPU form without a GPU: WebAssembly against the float64 chunked form, and against gpu.js's own JavaScript, in one run. */
import { computeOn } from '../../gpu/compute.ts';
import { type Backend, Device } from '../../gpu/device.ts';
import { compare as compareTensor } from '../../properties/compare.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import { compute } from '../../reference/operator.ts';
import { randomCase, WrongAnswer } from '../cases.ts';
import { say } from '../timing.ts';

export const HOST_SHAPE = { T: 2048, H: 2, K: 64, V: 64 };
const CHUNK_SIZE = 64;
const ROUNDS = 5;

/** Seconds of wall time. */
export interface OnHost {
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

export async function onHost(): Promise<OnHost> {
  const c = { ...randomCase('log-linear-mamba2', HOST_SHAPE), chunkSize: CHUNK_SIZE };
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
    chunked: await best(() => compute({ ...c, form: 'chunked' })),
    webasm: await on('webasm'),
    cpu: await on('cpu'),
  };
}
