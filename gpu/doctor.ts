/** Which backends work here: each is opened and asked for an answer that is known. */
import type { Case } from '../reference/case.ts';
import { tensor } from '../reference/tensor.ts';
import { computeOn } from './compute.ts';
import { BACKENDS, BackendUnavailable } from './device.ts';
import { type NodeBackend, sharedDevice } from './implementations.ts';

export interface Finding {
  backend: NodeBackend;
  works: boolean;
  /** What it runs on. */
  adapter: string | null;
  executorKind: string | null;
  fallbackReason: string | null;
  /** Why it does not work, and what to install. */
  reason: string | null;
  remedy: string | null;
}

const one = (value: number): ReturnType<typeof tensor> => tensor(Float64Array.of(value), [1, 1, 1, 1]);

const KNOWN: Case = { system: 'linear', inputs: { q: one(2), k: one(3), v: one(4) } };
const ANSWER = 24;

async function examine(backend: NodeBackend): Promise<Finding> {
  const nothing = { backend, works: false, adapter: null, executorKind: null, fallbackReason: null };
  try {
    const device = await sharedDevice(backend);
    const { o } = await computeOn(device, KNOWN);
    const { adapter, executorKind, fallbackReason } = device.execution;
    const works = o.data[0] === ANSWER;
    const reason = works ? null : `it answers ${o.data[0]} where ${ANSWER} is right`;
    return { backend, works, adapter, executorKind, fallbackReason, reason, remedy: null };
  } catch (error) {
    if (error instanceof BackendUnavailable) return { ...nothing, reason: error.reason, remedy: error.remedy };
    return { ...nothing, reason: (error as Error).message, remedy: null };
  }
}

/** One finding for each backend of Node, in the order in which they are listed. */
export async function examineBackends(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const backend of BACKENDS) findings.push(await examine(backend));
  return findings;
}
