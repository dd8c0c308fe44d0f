/** Wrong strides, heads, groups, packing, tiles. */

import type { Answer, Case } from '../../reference/case.ts';
import type { Head } from '../../reference/head.ts';
import { compute } from '../../reference/operator.ts';
import { elements, type Tensor, tensor } from '../../reference/tensor.ts';
import { anySystem, decaying, delta, logLinear, softmaxAlone } from './change.ts';
import { multiply, mutant, toBits, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** Channels of K from `first` on do not take part. */
const withoutKeys =
  (first: (x: Head) => number) =>
  (x: Head): Head =>
    withHead(x, { q: x.q.map((value, i) => (i % x.K >= first(x) ? 0 : value)) });

/** The first token of a packed sequence has so much of the value before it, which is its neighbour's last. */
const leaks =
  (share: number) =>
  (c: Case, { o }: Answer): void => {
    const v = c.inputs.v as Tensor;
    const [, , H, V] = v.shape;
    const starts = (c.cuSeqlens ?? []).slice(1, -1).filter((start) => start > 0 && start < v.shape[1]);
    for (const t of starts) {
      for (let h = 0; h < H; h++)
        for (let j = 0; j < V; j++) o.set(0, t, h, j, o.get(0, t, h, j) + share * v.get(0, t - 1, h, j));
    }
  };

export const layout = [
  mutant(
    'partial-chunk-dropped',
    SYSTEM,
    'chunk-size-invariance',
    'Tokens of the last, partial chunk get no output.',
    'the last chunk, T mod C tokens: its rows are written as well',
    {
      on: anySystem,
      output(x, out) {
        const first = x.T - ((x.position + x.T) % x.chunkSize);
        if (first < x.T) out.o.fill(0, Math.max(first, 0) * x.V);
      },
    },
  ),
  mutant(
    'rows-past-the-end-are-read',
    'linear',
    'prefix',
    'The last partial chunk of four reads one row too far: its own last row once more.',
    'the last chunk, T mod C tokens: rows past T are not read',
    {
      output(x, out) {
        if (x.T % 4 !== 1) return;
        const t = x.T - 1;
        for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += x.scale * x.w[t * x.V + j];
      },
    },
  ),
  mutant(
    'key-tail-dropped',
    SYSTEM,
    'forward-equals-masked',
    'Key channels past the last multiple of 16 are dropped where K > 16.',
    'q.k: the sum over K ends at K, not at the last whole tile of 16',
    { on: anySystem, head: withoutKeys((x) => (x.K > 16 ? x.K - (x.K % 16) : x.K)) },
  ),
  mutant(
    'value-tile-of-64',
    SYSTEM,
    'forward-equals-masked',
    'Value channels from 64 on are never written.',
    'o [B,T,H,V]: the grid over V covers all tiles of 64',
    {
      on: anySystem,
      output(x, out) {
        for (let i = 0; i < out.o.length; i++) if (i % x.V >= 64) out.o[i] = 0;
      },
    },
  ),
  mutant(
    'scale-missing',
    'linear',
    'scale-multiplies-the-output',
    'scale is taken to be 1.',
    'A = scale q k^T: scale is not applied',
    {
      head: (x) => withHead(x, { scale: 1 }),
    },
  ),
  mutant(
    'scale-twice',
    'log-linear-gla',
    'scale-multiplies-the-output',
    'scale is applied to q, and to q·k again.',
    'A = scale q k^T: scale is applied once',
    { on: anySystem, head: (x) => withHead(x, { scale: x.scale * x.scale }) },
  ),
  mutant(
    'scale-on-the-state-too',
    'gated-deltanet',
    'scale-multiplies-the-output',
    'scale multiplies the keys, or without an erase the values: and so the state, and what is erased.',
    'A = scale q k^T: scale belongs to the read, not to k, which also goes into the state and the erase',
    {
      head: (x) => withHead(x, { k: x.k.map((value) => value * x.scale), scale: 1 }),
      // the chain goes on through scale k
      gradients: (x, { k }) => multiply(k, x.scale),
    },
  ),
  mutant(
    'query-normalised',
    'retention',
    'linear-in-q',
    'Queries are normalised inside the kernel.',
    'q as it comes: no normalisation inside of the operator',
    {
      on: anySystem,
      head: (x) => {
        const q = x.q.slice();
        for (let t = 0; t < x.T; t++) {
          const norm = Math.hypot(...q.subarray(t * x.K, (t + 1) * x.K));
          for (let i = 0; i < x.K; i++) q[t * x.K + i] /= norm + 1e-6;
        }
        return withHead(x, { q });
      },
    },
  ),
  mutant(
    'values-saturate',
    'linear',
    'linear-in-v',
    'Values are clamped to [-1, 1] as an 8-bit path would.',
    'v (or beta v) as it comes: no clamping to [-1, 1]',
    { on: anySystem, head: (x) => withHead(x, { w: x.w.map((value) => Math.min(1, Math.max(-1, value))) }) },
  ),
  mutant(
    'outputs-rounded-absolutely',
    'softmax',
    'power-of-two-scales-bitwise',
    'Outputs are stored in fixed point with 8 binary places.',
    'o as it is stored: in floating, not in fixed point',
    {
      on: anySystem,
      stores: true,
      output(_x, out) {
        for (let i = 0; i < out.o.length; i++) out.o[i] = Math.round(out.o[i] * 2 ** 8) / 2 ** 8;
      },
    },
  ),
  mutant(
    'group-index-modulo',
    SYSTEM,
    'groups-equal-repeated-heads',
    'Head h reads group h mod G.',
    'head h reads group floor(h G / H), not h mod G',
    {
      on: anySystem,
      answer(c, answer) {
        const G = (c.inputs.q as Tensor).shape[2];
        const H = (c.inputs.v as Tensor).shape[2];
        if (G === 1 || G === H) return;
        takeForward(answer, compute(regrouped(c, (h) => h % G)));
      },
    },
  ),
  mutant(
    'group-of-the-first-head',
    SYSTEM,
    'head-permutation',
    'Every head reads group 0.',
    'head h reads group floor(h G / H): the group stride is missing',
    {
      on: anySystem,
      answer(c, answer) {
        takeForward(answer, compute(regrouped(c, () => 0)));
      },
    },
  ),
  mutant(
    'decay-of-the-first-head',
    'mamba2',
    'isolated-heads',
    'Every head decays as head 0 does.',
    'g[b,t,h]: the head stride is missing',
    {
      on: decaying,
      problem(p) {
        const g = p.inputs.g as Float64Array;
        // [H], [B,T,H] or [B,T,H,K]
        const width = p.system.recurrence?.decay === 'channel' ? p.K : 1;
        p.inputs.g = g.map((_, i) => g[i - (i % (p.H * width)) + (i % width)]);
      },
    },
  ),
  mutant(
    'batch-stride-missing',
    SYSTEM,
    'batch-permutation',
    'Level scales of batch row 0 are used for every row.',
    'lambda[b,t,h,l]: the batch stride is missing',
    {
      on: logLinear,
      problem(p) {
        const lambda = p.inputs.lambda as Float64Array;
        p.inputs.lambda = lambda.map((_, i) => lambda[i % (p.T * p.H * p.L)]);
      },
    },
  ),
  mutant(
    'batch-rows-leak',
    'gla',
    'isolated-batch-rows',
    'The first token of a batch row also reads half the last value of the row before.',
    'where a batch row begins: nothing comes from the row before',
    {
      on: anySystem,
      answer(c, { o }) {
        const v = c.inputs.v as Tensor;
        const [B, T, H, V] = v.shape;
        for (let b = 1; b < B && T > 0; b++) {
          for (let h = 0; h < H; h++)
            for (let j = 0; j < V; j++) o.set(b, 0, h, j, o.get(b, 0, h, j) + v.get(b - 1, T - 1, h, j) / 2);
        }
      },
    },
  ),
  mutant(
    'cu-seqlens-ignored',
    SYSTEM,
    'packed-equals-separate',
    'Packed sequences are computed as one.',
    'packed sequences: the mask, the levels and the state begin anew at each start in cuSeqlens',
    {
      on: anySystem,
      answer(c, answer) {
        if (!c.cuSeqlens) return;
        const { initialState: _, ...inputs } = c.inputs;
        answer.o = compute(
          withLevels({ ...c, inputs, cuSeqlens: undefined, position: undefined, cotangents: undefined }),
        ).o;
      },
    },
  ),
  mutant(
    'packed-levels-from-global-index',
    SYSTEM,
    'packed-equals-separate',
    'Levels of a packed sequence follow from the index in the packed row.',
    'packed sequences: level(t,s) counts t and s from the start of their sequence',
    {
      on: logLinear,
      problem(p) {
        if (p.sequences.length < 2 || p.inputs.initialState) return;
        for (const sequence of p.sequences) {
          const reach = sequence.end;
          if (sequence.position === 0 && p.levels.count(reach) <= p.L) sequence.position = sequence.start;
        }
      },
      answer(c, answer) {
        if (c.cuSeqlens && c.cuSeqlens.length > 2)
          answer.position = c.cuSeqlens
            .slice(1)
            .map((end, i) => end - (c.cuSeqlens as number[])[i] + (c.position?.[i] ?? 0));
      },
    },
  ),
  mutant(
    'packed-neighbours-leak',
    SYSTEM,
    'isolated-packed-sequences',
    'The first token of a packed sequence reads the last one of the sequence before.',
    'packed sequences: s stays inside of the sequence of t at its first row',
    { on: anySystem, answer: leaks(1 / 2) },
  ),
  mutant(
    'packed-neighbours-in-a-tile',
    SYSTEM,
    'isolated-packed-sequences-nonfinite',
    'A tile holds the end of one packed sequence and the start of the next, and multiplies what is masked by 0.',
    'packed sequences in one tile: entries across a border are selected away, not multiplied by 0',
    { on: anySystem, answer: leaks(0) },
  ),
  mutant(
    'strides-ignored',
    'linear',
    'views-equal-copies',
    'The memory of an input is read as if it were dense.',
    'loading the inputs: by their strides, not as if they were dense',
    {
      on: anySystem,
      case: (c) => ({
        ...c,
        inputs: Object.fromEntries(
          Object.entries(c.inputs).map(([name, value]) => [
            name,
            tensor(
              Float64Array.from({ length: elements(value.shape) }, (_, i) => value.data[value.offset + i] ?? 0),
              [...value.shape],
            ),
          ]),
        ),
      }),
    },
  ),
  mutant(
    'inputs-overwritten',
    'deltanet',
    'views-equal-copies',
    'beta v is stored where v was.',
    'w_t = beta_t v_t: into a buffer of its own, not over v',
    {
      on: delta,
      answer(c) {
        const { v, beta } = c.inputs as Record<'v' | 'beta', Tensor>;
        const [B, T, H, V] = v.shape;
        for (let b = 0; b < B; b++) {
          for (let t = 0; t < T; t++) {
            for (let h = 0; h < H; h++)
              for (let j = 0; j < V; j++) v.set(b, t, h, j, v.get(b, t, h, j) * beta.get(b, t, h));
          }
        }
      },
    },
  ),
  mutant(
    'softmax-scale-missing',
    'softmax',
    'forward-equals-definition',
    'Scores are not scaled.',
    'P = softmax(scale q k^T): scale is not applied',
    { on: softmaxAlone, head: (x) => withHead(x, { scale: 1 }) },
  ),
  mutant(
    'softmax-sum-of-the-tile',
    'softmax',
    'softmax-weights-sum-to-one',
    'Weights are divided by a sum that misses the first key.',
    'P = softmax(scale q k^T) over s <= t: the sum has all keys, the first one too',
    {
      on: softmaxAlone,
      output(x, out) {
        for (let t = 1; t < x.T; t++) {
          let first = 0;
          let all = 0;
          for (let s = 0; s <= t; s++) {
            let score = 0;
            for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
            const weight = Math.exp(Math.min(x.scale * score, 500));
            all += weight;
            if (s === 0) first = weight;
          }
          for (let j = 0; j < x.V && all > first; j++) out.o[t * x.V + j] *= all / (all - first);
        }
      },
    },
  ),
  mutant(
    'softmax-without-maximum',
    'softmax',
    'finite-in-finite-out',
    'exp of the raw score: it overflows.',
    'P = softmax(scale q k^T): the maximum of the row is subtracted before exp',
    {
      on: softmaxAlone,
      output(x, out) {
        for (let t = 0; t < x.T; t++) {
          let all = 0;
          for (let s = 0; s <= t; s++) {
            let score = 0;
            for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
            all += Math.exp(x.scale * score);
          }
          if (!Number.isFinite(all)) for (let j = 0; j < x.V; j++) out.o[t * x.V + j] = Number.NaN;
        }
      },
    },
  ),
  mutant(
    'softmax-scores-clipped',
    'softmax',
    'softmax-ignores-a-common-key',
    'Scores are clipped at 1 before the exponential.',
    'P = softmax(scale q k^T): keys and scores are not clipped',
    { on: softmaxAlone, head: (x) => withHead(x, { k: x.k.map((value) => Math.min(value, 1)) }) },
  ),
  mutant(
    'outputs-in-float32',
    'log-linear-kimi-delta',
    'forward-within-its-bound',
    'Outputs go through a float32 buffer.',
    'o as it is stored: in the precision that is promised, not in float32',
    {
      on: anySystem,
      stores: true,
      output(_x, out) {
        out.o.set(Float32Array.from(out.o));
      },
    },
  ),
  mutant(
    'outputs-in-four-bits',
    'log-linear-kimi-delta',
    'forward-within-its-bound',
    'Outputs go through an 8-bit buffer: four bits of significand.',
    'o as it is stored: an 8-bit format with four bits of significand is in between',
    {
      on: anySystem,
      stores: true,
      output(_x, out) {
        out.o.set(out.o.map((value) => toBits(value, 4)));
      },
    },
  ),
  mutant(
    'outputs-in-three-bits',
    'log-linear-kimi-delta',
    'forward-within-its-bound',
    'Outputs go through the other 8-bit buffer: three bits of significand.',
    'o as it is stored: an 8-bit format with three bits of significand is in between',
    {
      on: anySystem,
      stores: true,
      output(_x, out) {
        out.o.set(out.o.map((value) => toBits(value, 3)));
      },
    },
  ),
];

/** Outputs and states of another answer, where it has states. */
function takeForward(answer: Answer, { o, finalState }: Answer): void {
  answer.o = o;
  if (finalState) answer.finalState = finalState;
}

/** The case with q and k of the chosen group for every head. */
function regrouped(c: Case, choose: (h: number) => number): Case {
  const H = (c.inputs.v as Tensor).shape[2];
  const inputs = { ...c.inputs };
  for (const name of ['q', 'k'] as const) {
    const from = c.inputs[name] as Tensor;
    const [B, T, , K] = from.shape;
    const to = tensor(new Float64Array(B * T * H * K), [B, T, H, K]);
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++)
        for (let h = 0; h < H; h++) for (let i = 0; i < K; i++) to.set(b, t, h, i, from.get(b, t, choose(h), i));
    }
    inputs[name] = to;
  }
  return { ...c, inputs, cotangents: undefined };
}

/** The case with as many level scales as T needs, the last one repeated. */
function withLevels(c: Case): Case {
  const { lambda } = c.inputs;
  if (!lambda) return c;
  const [B, T, H, L] = lambda.shape;
  const needed = Math.max(L, 33 - Math.clz32(Math.max(T - 1, 0)));
  const longer = tensor(new Float64Array(B * T * H * needed), [B, T, H, needed]);
  for (let t = 0; t < T; t++)
    for (let h = 0; h < H; h++)
      for (let l = 0; l < needed; l++) longer.set(0, t, h, l, lambda.get(0, t, h, Math.min(l, L - 1)));
  return { ...c, inputs: { ...c.inputs, lambda: longer } };
}
