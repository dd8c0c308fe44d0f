/** Systems whose channels decay on their own: gated linear attention. */
import { channelBackward } from './channel-backward.ts';
import { channelForward, channelState } from './channel-forward.ts';
import type { Family } from './step.ts';

export const channel: Family = async (call, x) => {
  const f = await channelForward(call, x);
  return {
    o: f.o,
    state: () => channelState(call, x, f),
    backward: (dO, dState) => channelBackward(call, x, f, dO, dState),
  };
};
