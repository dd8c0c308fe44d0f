/** Systems with the delta rule: DeltaNet, and with decays Gated DeltaNet. */
import { deltaBackward } from './delta-backward.ts';
import { deltaForward, deltaState, finalRows } from './delta-forward.ts';
import type { Resident } from './kernel.ts';
import type { Family } from './step.ts';

export const delta: Family = async (call, x) => {
  const f = await deltaForward(call, x);
  let found: Promise<Resident[]> | null = null;
  const rows = (): Promise<Resident[]> => {
    found ??= finalRows(call, f);
    return found;
  };
  return {
    o: f.o,
    state: async () => deltaState(call, x, f, await rows()),
    backward: async (dO) => deltaBackward(call, x, dO),
  };
};
