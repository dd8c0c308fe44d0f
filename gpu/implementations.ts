/** The GPU form under the laws: an implementation for each backend. A device is opened when it is first asked for, once in a process. */
import type { Execution, Implementation } from '../properties/law.ts';
import { findPrecision, type Precision } from '../properties/precision.ts';
import type { Answer, Case } from '../reference/case.ts';
import { systems } from '../reference/systems/registry.ts';
import { computeOn } from './compute.ts';
import { BACKENDS, type Backend, Device } from './device.ts';
import { familyOf } from './families.ts';

/** Backends of Node. */
export type NodeBackend = (typeof BACKENDS)[number];
export const DEFAULT_BACKEND: NodeBackend = 'webasm';

/** Systems that have a form gpu. */
export const gpuSystems = systems.filter((system) => familyOf(system) !== undefined).map(({ name }) => name);

const devices = new Map<Backend, Promise<Device>>();

/**
 * The process's own device of a backend. Without worker threads: cases of laws are small, and the gate has threads of its own.
 * @throws BackendUnavailable
 */
export function sharedDevice(backend: Backend): Promise<Device> {
  const known = devices.get(backend);
  if (known) return known;
  const device = Device.open(backend, { threads: false });
  devices.set(backend, device);
  // what cannot be opened now may be later
  device.catch(() => devices.delete(backend));
  return device;
}

/** Closes every device that was opened here, so that nothing keeps the process alive. */
export async function closeDevices(): Promise<void> {
  const opened = await Promise.allSettled(devices.values());
  devices.clear();
  for (const device of opened) if (device.status === 'fulfilled') await device.value.close();
}

/** Answers a case by the GPU form, whatever form it names. */
export const computeShared = async (backend: Backend, c: Case): Promise<Answer> =>
  computeOn(await sharedDevice(backend), { ...c, form: undefined });

/** The GPU form on a device. */
export function gpuForm(name: string, deviceOf: () => Promise<Device>): Implementation {
  let execution: Execution | undefined;
  return {
    name,
    abilities: {
      systems: gpuSystems,
      gradients: true,
      state: true,
      packed: true,
      groups: true,
      structures: false,
      chunkSizes: true,
      views: true,
    },
    precision: findPrecision('float32') as Precision,
    async run(c) {
      const device = await deviceOf();
      const answer = await computeOn(device, { ...c, form: undefined });
      execution = device.execution;
      return answer;
    },
    execution: () => execution,
  };
}

export const gpuName = (backend: NodeBackend): string => `gpu-${backend}`;

/** One for each backend, whether it can be opened here or not. */
export const gpuForms: readonly Implementation[] = BACKENDS.map((backend) =>
  gpuForm(gpuName(backend), () => sharedDevice(backend)),
);
