/** Wrong backwards behind a right forward. */
import type { Head, HeadGradients } from '../../reference/head.ts';
import { masked } from '../../reference/masked.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { anySystem, decaying, delta, headDecay, logLinear, tokenDecay } from './change.ts';
import { mutant, toBits, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** Gradients with a cotangent left out. */
const without = (x: Head, dState: Float64Array, dO: Float64Array): HeadGradients =>
  masked.backward(x, { o: dO, state: dState });

export const gradients = [
  mutant(
    'dg-shifted-by-one',
    SYSTEM,
    'finite-differences',
    'The gradient of g at t is stored at t + 1.',
    'dg_r = sum over t >= r > s of dP * P: it is stored at r',
    {
      on: tokenDecay,
      gradients(x, grads) {
        if (grads.g.length === 0) return;
        const width = Math.max(1, Math.round(grads.g.length / Math.max(x.T, 1)));
        grads.g.set(grads.g.slice(0, -width), width);
        grads.g.fill(0, 0, width);
      },
    },
  ),
  mutant(
    'dg-counts-the-diagonal',
    SYSTEM,
    'backward-equals-masked',
    'dg_r also sums the products that start at r.',
    'dg_r = sum over t >= r > s of dP * P: products with s = r are not part of it',
    {
      on: (system) => decaying(system) && !delta(system),
      gradients(x, grads) {
        // k_r · dk_r collects the products of the column r; with a decay by channel, each channel its own
        const channels = x.g.length > x.T;
        for (let t = 0; t < x.T; t++) {
          for (let i = 0; i < x.K; i++) grads.g[channels ? t * x.K + i : t] += x.k[t * x.K + i] * grads.k[t * x.K + i];
        }
      },
    },
  ),
  mutant(
    'dg-on-a-dead-row',
    SYSTEM,
    'reset-forgets',
    'A reset gets a gradient, as if its decay were not 0.',
    'dg_r = sum over t >= r > s of dP * P: across a reset P = 0, and so is dg',
    {
      on: tokenDecay,
      gradients(x, grads) {
        for (let at = 0; at < x.g.length; at++) if (x.g[at] === Number.NEGATIVE_INFINITY) grads.g[at] = 2 ** -10;
      },
    },
  ),
  mutant(
    'dlambda-of-the-wrong-level',
    SYSTEM,
    'backward-equals-recurrent',
    'dlambda is summed over the next level.',
    'dlambda[t,l] = sum over s with level(t,s) = l of dP * A * D: which l it is stored at',
    {
      on: logLinear,
      gradients(x, grads) {
        const right = grads.lambda.slice();
        for (let i = 0; i < right.length; i++)
          grads.lambda[i] = i % x.L === 0 ? right[i] : right[i - (i % x.L) + ((i % x.L) % (x.L - 1)) + 1];
      },
    },
  ),
  mutant(
    'dlambda-of-unread-levels',
    SYSTEM,
    'unread-level-scales',
    'Levels that are never read get a gradient.',
    'dlambda[t,l] is exactly 0 for levels that t does not read',
    {
      on: logLinear,
      gradients(_x, grads) {
        for (let i = 0; i < grads.lambda.length; i++) if (grads.lambda[i] === 0) grads.lambda[i] = 0.5;
      },
    },
  ),
  mutant(
    'dbeta-without-the-solve',
    'log-linear-gated-deltanet',
    'adjoint-identity',
    'dbeta is <dw, v> alone: the erase is left out.',
    'dbeta: <dw_t, v_t> and what comes through N = stril(diag(beta) k k^T), dN = -X^T dX X^T',
    {
      on: delta,
      gradients(_x, grads) {
        grads.beta.fill(0);
      },
    },
  ),
  mutant(
    'dk-without-the-solve',
    'log-linear-deltanet',
    'backward-equals-chunked',
    'dk misses what goes through the erase.',
    'dk: through A, and through N = stril(diag(beta) k k^T), dN = -X^T dX X^T',
    { on: delta, backwardHead: (x) => withHead(x, { beta: x.beta.map(() => 0) }) },
  ),
  mutant(
    'dstate-missing',
    'gated-deltanet',
    'adjoint-identity',
    'The gradient of the initial state is zero.',
    'dInitialState: what the reads of the incoming state, and the final state, give back to it',
    {
      gradients(_x, grads) {
        grads.state.fill(0);
      },
    },
  ),
  mutant(
    'dfinal-state-ignored',
    SYSTEM,
    'split-through-state-backward',
    'The cotangent of the final state is not used.',
    'the backward recurrence starts from dFinalState, not from 0',
    {
      gradients(x, grads, dOut) {
        const right = without(x, new Float64Array(dOut.state.length), dOut.o);
        for (const key of ['q', 'k', 'w', 'g', 'beta', 'lambda', 'state'] as const) grads[key].set(right[key]);
      },
    },
  ),
  mutant(
    'dq-without-scale',
    'mamba2',
    'finite-differences',
    'dq is not multiplied by scale.',
    'dq = scale dA k: scale is missing',
    {
      on: anySystem,
      gradients(x, grads) {
        if (x.scale !== 0) for (let i = 0; i < grads.q.length; i++) grads.q[i] /= x.scale;
      },
    },
  ),
  mutant(
    'dq-averaged-over-its-group',
    SYSTEM,
    'groups-equal-repeated-heads',
    'dq is the mean over the heads of a group.',
    'dq, dk: summed over the H / G heads of a group, not averaged',
    {
      on: anySystem,
      answer(c, { gradients }) {
        const dq = gradients?.q;
        const [, , G] = (c.inputs.q as Tensor).shape;
        const H = (c.inputs.v as Tensor).shape[2];
        if (dq && H > G) for (let i = 0; i < dq.data.length; i++) dq.data[i] /= H / G;
      },
    },
  ),
  mutant(
    'dv-before-its-time',
    SYSTEM,
    'causal-backward',
    'dv of the last token gets a part of the first cotangent.',
    'dv = P^T dO on s <= t: dv_s takes nothing from dO_t with t < s',
    {
      on: anySystem,
      gradients(x, grads, dOut) {
        if (x.T > 1) for (let j = 0; j < x.V; j++) grads.w[(x.T - 1) * x.V + j] += dOut.o[j] / 2;
      },
    },
  ),
  mutant(
    'cu-seqlens-ignored-in-backward',
    'linear',
    'isolated-packed-sequences-backward',
    'dv of a packed sequence goes on into its neighbour.',
    'packed sequences, dv = P^T dO: t stays inside of the sequence of s',
    {
      on: anySystem,
      answer(c, { gradients }) {
        const dv = gradients?.v;
        if (!dv || !c.cotangents) return;
        const [, T, H, V] = dv.shape;
        for (const end of (c.cuSeqlens ?? []).slice(1, -1)) {
          if (end === 0 || end >= T) continue;
          for (let h = 0; h < H; h++)
            for (let j = 0; j < V; j++)
              dv.set(0, end - 1, h, j, dv.get(0, end - 1, h, j) + c.cotangents.o.get(0, end, h, j) / 2);
        }
      },
    },
  ),
  mutant(
    'batch-rows-leak-in-backward',
    SYSTEM,
    'isolated-batch-rows-backward',
    'dlambda of a batch row is summed over the batch.',
    'dlambda[b,t,h,l]: each batch row has its own sum',
    {
      on: logLinear,
      answer(_c, { gradients }) {
        const d = gradients?.lambda;
        if (!d) return;
        const [B, T, H, L] = d.shape;
        const size = T * H * L;
        for (let i = 0; i < size; i++) {
          let sum = 0;
          for (let b = 0; b < B; b++) sum += d.data[b * size + i];
          for (let b = 0; b < B; b++) d.data[b * size + i] = sum;
        }
      },
    },
  ),
  mutant(
    'heads-leak-in-backward',
    'mamba2',
    'isolated-heads-backward',
    'dg of a head is summed over the heads.',
    'dg[b,t,h]: each head has its own sum',
    {
      on: tokenDecay,
      answer(_c, { gradients }) {
        const d = gradients?.g;
        if (!d) return;
        // [B,T,H] or [B,T,H,K]
        const [, , H, width = 1] = d.shape;
        const right = toDense(d);
        for (let i = 0; i < right.length; i++) {
          const first = i - (i % (H * width)) + (i % width);
          let sum = 0;
          for (let h = 0; h < H; h++) sum += right[first + h * width];
          d.data[i] = sum;
        }
      },
    },
  ),
  mutant(
    'gradients-accumulate',
    'retention',
    'backward-is-linear',
    'A constant is left in the buffer that gradients are added to.',
    'dk = ..., not dk += ...: the gradient buffer is cleared first',
    {
      on: anySystem,
      gradients(_x, grads) {
        for (let i = 0; i < grads.k.length; i++) grads.k[i] += 0.5;
      },
    },
  ),
  mutant(
    'partial-chunk-without-gradient',
    'log-linear-gla',
    'chunk-size-invariance',
    'dk and dv of the last partial chunk are never written.',
    'the last chunk, T mod C tokens, in the backward pass: its rows of dk and dv are written as well',
    {
      on: anySystem,
      gradients(x, grads) {
        const first = Math.max(x.T - ((x.position + x.T) % x.chunkSize), 0);
        if ((x.position + x.T) % x.chunkSize === 0) return;
        grads.w.fill(0, first * x.V);
        grads.k.fill(0, first * x.K);
      },
    },
  ),
  mutant(
    'retention-gradient-averaged',
    'retention',
    'finite-differences',
    'dg of a head is the mean over the tokens instead of the sum.',
    'retention, dg_h = sum over t of dg_t: a sum, not a mean',
    {
      on: headDecay,
      gradients(x, grads) {
        for (let t = 0; t < x.T; t++) grads.g[t] /= x.T;
      },
    },
  ),
  mutant(
    'dk-in-float32',
    'log-linear-gated-deltanet',
    'backward-within-its-bound',
    'dk is accumulated in a float32 buffer.',
    'dk: its sums in the precision that is promised, not in float32',
    {
      on: anySystem,
      gradients(_x, grads) {
        grads.k.set(Float32Array.from(grads.k));
      },
    },
  ),
  mutant(
    'dk-in-four-bits',
    'log-linear-gated-deltanet',
    'backward-within-its-bound',
    'dk goes through an 8-bit buffer: four bits of significand.',
    'dk as it is stored: an 8-bit format with four bits of significand is in between',
    {
      on: anySystem,
      gradients(_x, grads) {
        grads.k.set(grads.k.map((value) => toBits(value, 4)));
      },
    },
  ),
  mutant(
    'dbeta-in-float32',
    'log-linear-gated-deltanet',
    'backward-within-its-noise',
    'dbeta is accumulated in a float32 buffer.',
    'dbeta: its sums in the precision that is promised, not in float32',
    {
      on: delta,
      gradients(_x, grads) {
        grads.beta.set(Float32Array.from(grads.beta));
      },
    },
  ),
];
