/** The device as the laws see it: an implementation like any other. */
import { randomCase } from '../bench/cases.ts';
import { computeOn } from '../gpu/compute.ts';
import type { Device } from '../gpu/device.ts';
import { familyOf } from '../gpu/families.ts';
import type { Implementation } from '../properties/law.ts';
import { findPrecision, type Precision } from '../properties/precision.ts';
import type { Answer, Case } from '../reference/case.ts';
import { type System, systems } from '../reference/systems/registry.ts';
import { toDense } from '../reference/tensor.ts';

export const SINGLE = findPrecision('float32') as Precision;

/** A device holds the results of one call at a time, so calls wait for each other. */
const turns = new WeakMap<Device, Promise<unknown>>();

function inTurn<Value>(device: Device, run: () => Promise<Value>): Promise<Value> {
  const turn = (turns.get(device) ?? Promise.resolve()).then(run, run);
  turns.set(device, turn);
  return turn;
}

export const answerOn = (device: Device, c: Case): Promise<Answer> => inTurn(device, () => computeOn(device, c));

export const subjectOn = (device: Device, gradients: boolean): Implementation => ({
  name: device.backend,
  abilities: {
    systems: systems.filter((system) => familyOf(system)).map(({ name }) => name),
    gradients,
    state: true,
    packed: true,
    groups: true,
    structures: false,
    chunkSizes: true,
    views: true,
  },
  precision: SINGLE,
  run: (c) => answerOn(device, c),
});

/** A case of a few tokens in two chunks. */
export const smallCase = (system: System): Case => ({
  ...randomCase(system.name, { T: 6, H: 1, K: 2, V: 2 }),
  chunkSize: 4,
});

/** Whether the device has this system's backward pass. */
export async function hasGradients(device: Device, system: System): Promise<boolean> {
  const c = smallCase(system);
  const o = (await answerOn(device, c)).o;
  try {
    const { gradients } = await answerOn(device, { ...c, cotangents: { o } });
    return Object.values(gradients ?? {}).every((gradient) => toDense(gradient).every(Number.isFinite));
  } catch {
    return false;
  }
}

/** Lets messages in: to a worker that never waits, none comes. */
export const breathe = (): Promise<void> => new Promise((resume) => setTimeout(resume));
