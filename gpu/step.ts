/** What the passes of one call share: its device, its plan and its operands. */
import type { Device } from './device.ts';
import type { HostData, Kernel, Operand, Resident } from './kernel.ts';
import { copyCube, copyMatrix } from './kernels/copy.ts';
import type { Plan } from './plan.ts';

export interface Operands {
  /** [T][G·K] */
  q: Operand;
  k: Operand;
  /** [T][H·V] */
  v: Operand;
  /** [T][H], or [T][H·K] where channels decay on their own; zeros where the system has none, and at tokens that decay nothing */
  g: Operand;
  /** [T][H] */
  beta: Operand | null;
  /** [T][H·L] */
  lambda: Operand;
  /** [n][H·stateLevels·K][V] */
  state: Operand | null;
  stateLevels: number;
  /** [T][H·stateLevels]: see contentTables; as it is read, and as it is for the state's own gradient */
  content: Operand | null;
  contentOfState: Operand | null;
  scale: number;
}

/** The gradients of a call, laid out like its operands; those that the system does not have may be left out. */
export interface Gradients {
  q: Resident;
  k: Resident;
  v: Resident;
  g?: Resident;
  beta?: Resident;
  lambda?: Resident;
  initialState?: Resident;
}

/** A forward pass, and what may be asked of it afterwards. */
export interface Run {
  /** [T][H·V] */
  o: Resident;
  /** [n][H·L·K][V], the state after the last token of each sequence; anything where a sequence is empty. Null for softmax attention. */
  state: (() => Promise<Resident>) | null;
  /** @param dState [n][H·L·K][V], or null for zeros */
  backward(dO: Operand, dState: Operand | null): Promise<Gradients>;
}

/** Systems that are computed in the same way. */
export type Family = (call: Call, x: Operands) => Promise<Run>;

/** A call in progress. */
export interface Call {
  plan: Plan;
  /** Whether threads may compute four numbers. */
  computesFour: boolean;
  /** Runs a kernel on [x], [x, y] or [x, y, z]. */
  run(step: string, kernel: Kernel, size: number[], ...operands: (Operand | number)[]): Promise<Resident>;
}

export const callOn = (device: Device, plan: Plan): Call => ({
  plan,
  computesFour: device.computesFour,
  run: (step, kernel, size, ...operands) => device.run(step, kernel, plan.sizes, size, ...operands),
});

/** A step that takes its own result again runs under two names in turn: one is read while the other is written. */
export const inTurn = (step: string, turn: number): string => `${step}-${turn % 2}`;

/**
 * Puts data of the host on the device once, for the many kernels that read it. Where kernels work in the host's memory it is left alone.
 */
async function upload(device: Device, plan: Plan, step: string, from: Operand): Promise<Operand> {
  if (!device.isRemote || !('data' in from)) return from;
  return device.run(`upload-${step}`, from.size.length === 3 ? copyCube : copyMatrix, plan.sizes, from.size, from);
}

/** The same plan with its tables on the device. */
export async function uploadPlan(device: Device, plan: Plan): Promise<Plan> {
  const there: Record<string, unknown> = { ...plan };
  for (const [name, value] of Object.entries(plan)) {
    if (typeof value === 'object' && 'data' in value) there[name] = await upload(device, plan, name, value as HostData);
  }
  return there as unknown as Plan;
}

/** The same operands on the device. */
export async function uploadOperands(device: Device, plan: Plan, x: Operands): Promise<Operands> {
  const there: Record<string, unknown> = { ...x };
  for (const [name, value] of Object.entries(x)) {
    if (typeof value === 'object' && value !== null) there[name] = await upload(device, plan, name, value);
  }
  return there as unknown as Operands;
}

/** Gradients of outputs on the device. */
export const uploadCotangent = (device: Device, plan: Plan, name: 'o' | 'state', from: HostData): Promise<Operand> =>
  upload(device, plan, `cotangent-${name}`, from);

export const hostData = (data: HostData['data'], ...size: number[]): HostData => ({ data, size });
