/**
 * Softmax attention, the O(T²) baseline: P = softmax(scale q k^T) over s <= t. P is never there as a whole: maxima and sums of its rows
 * come first, then C keys at a time, for all queries at once.
 */
import type { Operand, Resident } from './kernel.ts';
import { softmaxKeysBackward } from './kernels/softmax-keys-backward.ts';
import { softmaxMaxima } from './kernels/softmax-maxima.ts';
import { softmaxOutputs } from './kernels/softmax-outputs.ts';
import { softmaxQueriesBackward } from './kernels/softmax-queries-backward.ts';
import { softmaxSums } from './kernels/softmax-sums.ts';
import { softmaxValuesBackward } from './kernels/softmax-values-backward.ts';
import { softmaxWeights } from './kernels/softmax-weights.ts';
import { softmaxWeightsBackward } from './kernels/softmax-weights-backward.ts';
import { valueDots } from './kernels/value-dots.ts';
import { zeros } from './kernels/zeros.ts';
import type { Plan } from './plan.ts';
import type { Call, Family, Gradients, Operands } from './step.ts';

/** What the rows of P are normalised with. */
interface Rows {
  maximum: Resident;
  sum: Resident;
}

/** First keys of the blocks, counted from the start of each sequence. */
const blocksOf = ({ longest, sizes }: Plan): number[] =>
  Array.from({ length: Math.ceil(longest / sizes.C) }, (_, b) => b * sizes.C);

/** Steps that read their own earlier result take turns with another name. */
const turn = (step: string, first: number, { sizes }: Plan): string => `${step}-${(first / sizes.C) % 2}`;

const weightsAt = ({ run, plan }: Call, x: Operands, { maximum, sum }: Rows, first: number): Promise<Resident> => {
  const { sizes, tokens, token, sequence } = plan;
  const size = [sizes.H * sizes.C, tokens];
  return run('softmax-weights', softmaxWeights, size, x.q, x.k, maximum, sum, token, sequence, first, x.scale);
};

async function backward(call: Call, x: Operands, rows: Rows, o: Resident, dO: Operand): Promise<Gradients> {
  const { run, plan } = call;
  const { tokens, token, sequence } = plan;
  const { G, H, K, V, C } = plan.sizes;
  const mean = await run('softmax-mean', valueDots, [H, tokens], dO, o);
  let q = await run('zeros-q', zeros, [G * K, tokens]);
  let k = await run('zeros-k', zeros, [G * K, tokens]);
  let v = await run('zeros-v', zeros, [H * V, tokens]);
  for (const first of blocksOf(plan)) {
    const name = (step: string): string => turn(step, first, plan);
    const P = await weightsAt(call, x, rows, first);
    v = await run(name('dv'), softmaxValuesBackward, [H * V, tokens], v, P, dO, token, sequence, first);
    const dA = await run(
      'softmax-weights-backward',
      softmaxWeightsBackward,
      [H * C, tokens],
      P,
      dO,
      x.v,
      mean,
      token,
      sequence,
      first,
      x.scale,
    );
    q = await run(name('dq'), softmaxQueriesBackward, [G * K, tokens], q, dA, x.k, token, sequence, first);
    k = await run(name('dk'), softmaxKeysBackward, [G * K, tokens], k, dA, x.q, token, sequence, first);
  }
  return { q, k, v };
}

export const softmax: Family = async (call, x) => {
  const { run, plan } = call;
  const { tokens, token, sequence } = plan;
  const { H, V } = plan.sizes;
  const maximum = await run('softmax-maximum', softmaxMaxima, [H, tokens], x.q, x.k, token, sequence, x.scale);
  const sum = await run('softmax-sum', softmaxSums, [H, tokens], x.q, x.k, maximum, token, sequence, x.scale);
  let o = await run('zeros-o', zeros, [H * V, tokens]);
  for (const first of blocksOf(plan)) {
    const P = await weightsAt(call, x, { maximum, sum }, first);
    o = await run(turn('o', first, plan), softmaxOutputs, [H * V, tokens], o, P, x.v, token, sequence, first);
  }
  return { o, state: null, backward: (dO) => backward(call, x, { maximum, sum }, o, dO) };
};
