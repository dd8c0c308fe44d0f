/** Systems whose tokens decay by one number: linear attention, retention, Mamba-2. */
import { scalarBackward } from './scalar-backward.ts';
import { scalarForward, scalarState } from './scalar-forward.ts';
import type { Family } from './step.ts';

export const scalar: Family = async (call, x) => {
  const f = await scalarForward(call, x);
  return {
    o: f.o,
    state: () => scalarState(call, x, f),
    backward: (dO, dState) => scalarBackward(call, x, f, dO, dState),
  };
};
