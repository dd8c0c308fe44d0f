/** The systems. Each linear recurrence stands here once and exists twice: flat, and lifted to log-linear. */
import { deltanet } from './deltanet.ts';
import { gatedDeltanet } from './gated-deltanet.ts';
import { gla } from './gla.ts';
import { kimiDelta } from './kimi-delta.ts';
import { linear } from './linear.ts';
import { mamba2 } from './mamba2.ts';
import { retention } from './retention.ts';
import type { InputName, LinearSystem } from './system.ts';

export const linearSystems: readonly LinearSystem[] = [
  linear,
  retention,
  mamba2,
  gla,
  deltanet,
  gatedDeltanet,
  kimiDelta,
];

/** A system by its public name. `recurrence` is null for softmax attention, which has none. */
export interface System {
  name: string;
  title: string;
  citation: string;
  logLinear: boolean;
  recurrence: LinearSystem | null;
  /** Tensors that a case of this system must bring; linear systems may also bring initialState. */
  required: InputName[];
}

const softmax: System = {
  name: 'softmax',
  title: 'softmax attention, the O(T²) baseline',
  citation: 'Vaswani et al., arXiv 1706.03762',
  logLinear: false,
  recurrence: null,
  required: ['q', 'k', 'v'],
};

function inputsOf(row: LinearSystem): InputName[] {
  const inputs: InputName[] = ['q', 'k', 'v'];
  if (row.decay !== 'none') inputs.push('g');
  if (row.beta) inputs.push('beta');
  return inputs;
}

const flat = (row: LinearSystem): System => ({
  name: row.name,
  title: row.title,
  citation: row.citation,
  logLinear: false,
  recurrence: row,
  required: inputsOf(row),
});

const lifted = (row: LinearSystem): System => ({
  name: `log-linear-${row.name}`,
  title: `log-linear ${row.title}`,
  citation: `Guo et al., arXiv 2506.04761, on ${row.citation}`,
  logLinear: true,
  recurrence: row,
  required: [...inputsOf(row), 'lambda'],
});

export const systems: readonly System[] = [softmax, ...linearSystems.map(flat), ...linearSystems.map(lifted)];

/** The system of that name, or undefined. */
export const findSystem = (name: string): System | undefined => systems.find((system) => system.name === name);
