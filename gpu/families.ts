/** Which systems there are on a device, and how each is computed. */
import type { System } from '../reference/systems/registry.ts';
import { channel } from './channel.ts';
import { delta } from './delta.ts';
import { scalar } from './scalar.ts';
import { softmax } from './softmax.ts';
import type { Family } from './step.ts';

/** By the name of the recurrence, or softmax. */
const families: Record<string, Family> = {
  linear: scalar,
  retention: scalar,
  mamba2: scalar,
  gla: channel,
  deltanet: delta,
  'gated-deltanet': delta,
  softmax,
};

/** How a system is computed; undefined where it is not. */
export const familyOf = ({ recurrence }: Pick<System, 'recurrence'>): Family | undefined =>
  families[recurrence?.name ?? 'softmax'];
