/** Everything that takes long, away from the page: the device, and what is run on it, one piece at a time. */
import { type Backend, Device } from '../gpu/device.ts';
import { familyOf } from '../gpu/families.ts';
import { systems } from '../reference/systems/registry.ts';
import { judgeLaws } from './laws.ts';
import { answerMask } from './mask.ts';
import type { Opened, RequestName, Requests, ToWorker } from './messages.ts';
import { apply } from './mutants.ts';
import { smallCase, subjectOn } from './subject.ts';
import { measureTimes } from './times.ts';

/** What a task has besides its input. */
export interface Task<Name extends RequestName> {
  device: Device;
  report(progress: Requests[Name]['progress']): void;
  signal: AbortSignal;
}

/** Those with a chunked form: softmax attention has none. */
const available = systems.filter((system) => system.recurrence && familyOf(system));
const running = new Map<number, AbortController>();
let device: Device | null = null;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function open({ backends, mutant }: Requests['open']['input']): Promise<Opened> {
  apply(mutant);
  const refused: Opened['refused'] = [];
  for (const backend of backends) {
    try {
      const opened = await Device.open(backend, { threads: false });
      await subjectOn(opened).run(smallCase(available[0]));
      device = opened;
      const { adapter } = opened;
      return { backend, adapter, systems: available.map(({ name, title }) => ({ name, title })), refused };
    } catch (error) {
      refused.push({ backend, reason: reasonOf(error) });
    }
  }
  throw new Error(
    refused.map(({ backend, reason }: { backend: Backend; reason: string }) => `${backend}: ${reason}`).join('; '),
  );
}

async function answer(message: Exclude<ToWorker, { name: 'stop' }>, signal: AbortSignal): Promise<unknown> {
  if (message.name === 'open') return open(message.input);
  if (!device) throw new Error('no device is open');
  const task = { device, signal, report: (progress: unknown) => postMessage({ id: message.id, progress }) };
  if (message.name === 'laws') return judgeLaws(message.input, task);
  if (message.name === 'mask') return answerMask(message.input, task);
  return measureTimes(message.input, task);
}

addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
  if (data.name === 'stop') {
    running.get(data.id)?.abort();
    return;
  }
  const stop = new AbortController();
  running.set(data.id, stop);
  try {
    postMessage({ id: data.id, output: await answer(data, stop.signal) });
  } catch (error) {
    postMessage({ id: data.id, error: reasonOf(error) });
  } finally {
    running.delete(data.id);
  }
});
