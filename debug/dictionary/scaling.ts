/** Wrong scales, and normalisations that do not belong there. */

import { bfloat16, type Format, float16, roundTo } from '../../properties/precision.ts';
import type { Head, HeadOutput } from '../../reference/head.ts';
import { masked } from '../../reference/masked.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { anySystem, channelDecay, delta, swapQueryAndKey } from './change.ts';
import { multiply, mutant, withHead } from './mutant.ts';
import { decayOver, rightWeight } from './product.ts';

const SYSTEM = 'log-linear-mamba2';

/** The outputs of each token divided by a number of its weights, which add up to `sum`. */
const divided =
  (by: (sum: number) => number) =>
  (x: Head, out: HeadOutput): void => {
    const { o: sums } = masked.forward(withHead(x, { w: new Float64Array(x.T).fill(1), V: 1, state: null }));
    for (let i = 0; i < out.o.length; i++) out.o[i] /= by(sums[Math.floor(i / x.V)]);
  };

/** Softmax of the scores of each query in place of the scores; what comes in with a state stays. */
function softmaxOfScores(x: Head, out: HeadOutput): void {
  const right = masked.forward(withHead(x, { state: null })).o;
  const scoreOf = (t: number, s: number): number => {
    let score = 0;
    for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
    return x.scale * score;
  };
  for (let t = 0; t < x.T; t++) {
    const scores = Array.from({ length: t + 1 }, (_, s) => scoreOf(t, s));
    const most = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - most));
    const sum = weights.reduce((a, b) => a + b);
    for (let j = 0; j < x.V; j++) out.o[t * x.V + j] -= right[t * x.V + j];
    for (let s = 0; s <= t; s++) {
      const mask = rightWeight(x, t, s) * decayOver(x.g, s + 1, t);
      // scale is inside of softmax
      const weight = x.scale === 0 ? 0 : ((mask / x.scale) * weights[s]) / sum;
      for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += weight * x.w[s * x.V + j];
    }
  }
}

const rounded = (values: Float64Array, format: Format): Float64Array => values.map((value) => roundTo(format, value));

export const scaling = [
  mutant(
    'scale-of-the-key-size',
    SYSTEM,
    'scale-multiplies-the-output',
    'scale is 1 / sqrt(K), whatever is given.',
    'A = scale q k^T: with the scale that is given',
    { on: anySystem, head: (x) => withHead(x, { scale: 1 / Math.sqrt(x.K) }) },
  ),
  mutant(
    'scale-of-the-key-size-by-default',
    SYSTEM,
    'forward-within-its-bound',
    'Where no scale is given it is 1 / sqrt(K).',
    'A = scale q k^T: without a scale it is 1',
    {
      on: anySystem,
      case: (c) => (c.scale === undefined ? { ...c, scale: 1 / Math.sqrt((c.inputs.q as Tensor).shape[3]) } : c),
    },
  ),
  mutant(
    'scale-and-that-of-the-key-size',
    SYSTEM,
    'forward-within-its-bound',
    'q·k is multiplied by scale, and by 1 / sqrt(K) too.',
    'A = scale q k^T: nothing but scale',
    { on: anySystem, head: (x) => withHead(x, { scale: x.scale / Math.sqrt(x.K) }) },
  ),
  mutant(
    'scale-on-the-values',
    'gated-deltanet',
    'split-through-state',
    'scale multiplies the values, and so the state that is handed out; one that comes in is read without it.',
    'step 4, o_t = scale sum_l lambda[t,l] S^(l)^T q_t: scale belongs to the read, not to what is written',
    {
      // without an erase it is as on the keys
      on: delta,
      head: (x) => withHead(x, { w: x.w.map((value) => value * x.scale), scale: 1 }),
      gradients: (x, { w }) => multiply(w, x.scale),
    },
  ),
  mutant(
    'scale-on-the-final-state',
    'mamba2',
    'split-through-state',
    'The final state is multiplied by scale, which multiplies it again when it is read.',
    'the final state is what the recurrence holds: scale belongs to the read',
    { output: (x, out) => multiply(out.state, x.scale) },
  ),
  mutant(
    'outputs-divided-by-their-weights',
    SYSTEM,
    'linear-in-lambda',
    'Outputs are divided by the sum of their weights, as softmax does.',
    'o = P v: no normalisation of the rows of P',
    { output: divided((sum) => sum) },
  ),
  mutant(
    'outputs-divided-by-one-or-more',
    SYSTEM,
    'linear-in-q',
    'Outputs are divided by the sum of their weights, where that is more than 1 in size.',
    'o = P v: no normalisation of the rows of P',
    { output: divided((sum) => Math.max(Math.abs(sum), 1)) },
  ),
  mutant(
    'softmax-of-the-scores',
    SYSTEM,
    'linear-in-q',
    'Softmax is taken of the scores before the mask M multiplies them.',
    'P = A * M with A = scale q k^T as it is: no softmax',
    { on: (system) => !delta(system) && !channelDecay(system) && system.recurrence !== null, output: softmaxOfScores },
  ),
  mutant(
    'query-and-key-swapped',
    SYSTEM,
    'forward-equals-recurrent',
    'q is taken for k, and k for q.',
    'A[t,s] = scale q_t · k_s, and u_t = k_t w_t^T: the order of the arguments',
    {
      on: anySystem,
      head: (x) => withHead(x, { q: x.k, k: x.q }),
      gradients: swapQueryAndKey,
    },
  ),
  mutant(
    'outputs-in-bfloat16',
    'log-linear-gla',
    'forward-within-its-bound',
    'Outputs are stored in bfloat16: eight bits of significand.',
    'o as it is stored: in the precision that is promised, not in bfloat16',
    { on: anySystem, stores: true, output: (_x, out) => void out.o.set(rounded(out.o, bfloat16)) },
  ),
  mutant(
    'outputs-in-float16',
    'log-linear-gla',
    'forward-within-its-bound',
    'Outputs are stored in float16: eleven bits of significand, and nothing beyond 65,504.',
    'o as it is stored: in the precision that is promised, not in float16',
    { on: anySystem, stores: true, output: (_x, out) => void out.o.set(rounded(out.o, float16)) },
  ),
  mutant(
    'final-state-in-bfloat16',
    'log-linear-gated-deltanet',
    'forward-within-its-bound',
    'The final state is stored in bfloat16: eight bits of significand.',
    'the final state as it is stored: in the precision that is promised, not in bfloat16',
    { output: (_x, out) => void out.state.set(rounded(out.state, bfloat16)) },
  ),
];
