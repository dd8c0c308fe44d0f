/** The device as the laws see it: an implementation like any other. */
import { randomCase } from '../bench/cases.ts';
import type { Device } from '../gpu/device.ts';
import { gpuForm } from '../gpu/implementations.ts';
import type { Implementation } from '../properties/law.ts';
import { findPrecision, type Precision } from '../properties/precision.ts';
import type { Case } from '../reference/case.ts';
import type { System } from '../reference/systems/registry.ts';

export const SINGLE = findPrecision('float32') as Precision;

/** A device holds the results of one call at a time, so calls wait for each other. */
const turns = new WeakMap<Device, Promise<unknown>>();

function inTurn<Value>(device: Device, run: () => Promise<Value>): Promise<Value> {
  const turn = (turns.get(device) ?? Promise.resolve()).then(run, run);
  turns.set(device, turn);
  return turn;
}

/** The GPU form on a device, one call after the other. */
export function subjectOn(device: Device): Implementation {
  const form = gpuForm(device.backend, async () => device);
  return { ...form, run: (c) => inTurn(device, async () => form.run(c)) };
}

/** A case of a few tokens in two chunks. */
export const smallCase = (system: System): Case => ({
  ...randomCase(system.name, { T: 6, H: 1, K: 2, V: 2 }),
  chunkSize: 4,
});

/** Lets messages in: to a worker that never waits, none comes. */
export const breathe = (): Promise<void> => new Promise((resume) => setTimeout(resume));
