import type { Forward } from './channel-forward.ts';
import type { Operand } from './kernel.ts';
import type { Call, Gradients, Operands } from './step.ts';

export async function channelBackward(
  _call: Call,
  _x: Operands,
  _f: Forward,
  _dO: Operand,
  _dState: Operand | null,
): Promise<Gradients> {
  throw new Error('not written yet');
}
