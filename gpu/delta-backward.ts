import type { Operand } from './kernel.ts';
import type { Call, Gradients, Operands } from './step.ts';

export async function deltaBackward(_call: Call, _x: Operands, _dO: Operand): Promise<Gradients> {
  throw new Error('not written yet');
}
