/** Systems with the delta rule: DeltaNet, and with decays Gated DeltaNet. */
import { deltaBackward } from './delta-backward.ts';
import { deltaForward, deltaState } from './delta-forward.ts';
import type { Family } from './step.ts';

export const delta: Family = async (call, x) => {
  const f = await deltaForward(call, x);
  return {
    o: f.o,
    state: () => deltaState(call, x, f),
    backward: (dO, dState) => deltaBackward(call, x, f, dO, dState),
  };
};
