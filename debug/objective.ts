/** What gradients are of. */
import type { Answer, Case } from '../reference/case.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';

/** 0 times anything is 0: what no cotangent asks for says nothing. */
const inner = (a: Tensor, b: Tensor): number => {
  const [x, y] = [toDense(a), toDense(b)];
  return x.reduce((sum, value, at) => sum + (y[at] === 0 ? 0 : value * y[at]), 0);
};

/** <dO, o> + <dS, finalState>, by what an implementation answers to the case without its cotangents. */
export async function objectiveOf(run: (c: Case) => Answer | Promise<Answer>, c: Case): Promise<number> {
  const { cotangents, ...rest } = c;
  const { o, finalState } = await run(rest);
  const state = cotangents?.finalState && finalState ? inner(finalState, cotangents.finalState) : 0;
  return inner(o, cotangents?.o as Tensor) + state;
}
