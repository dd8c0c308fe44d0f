/** Wrong delta rules. */
import type { Head, HeadOutput, Transition } from '../../reference/head.ts';
import { compose, deltaRule, diagonalDecay, scalarDecay } from '../../reference/transitions.ts';
import { anySystem, channelDecay, delta as erasing, tokenDecay, turns, valuesOf } from './change.ts';
import { mutant, withHead } from './mutant.ts';
import { decayOver, rightWeight } from './product.ts';

const timesBeta = (x: Head, factor: (beta: number) => number): Float64Array =>
  x.w.map((value, i) => value * factor(x.beta[Math.floor(i / x.V)]));

/** alpha S - beta k k^T S: the decay is missing in what is erased. */
const undecayedErase: Transition = {
  ...compose(scalarDecay, deltaRule),
  apply(x, t, X, columns) {
    const before = X.slice();
    deltaRule.apply(x, t, X, columns);
    const byChannel = x.g.length > x.T;
    for (let i = 0; i < x.K * columns; i++) {
      const alpha = Math.exp(byChannel ? x.g[t * x.K + Math.floor(i / columns)] : x.g[t]);
      X[i] += (alpha - 1) * before[i];
    }
  },
  applyTransposed(x, t, X, columns) {
    undecayedErase.apply(x, t, X, columns);
  },
};

/** The same under a mask: o = (scale tril(q k^T) (I - N) * M) w. Decays by channel are not between q and k alone, and stay right. */
function masksOfOneTerm(x: Head, out: HeadOutput, product: (a: Float64Array, t: number, s: number) => number): void {
  if (x.g.length > x.T) return;
  out.o.fill(0);
  for (let t = 0; t < x.T; t++) {
    for (let s = 0; s <= t; s++) {
      let pair = product(x.q, t, s);
      for (let r = s + 1; r <= t; r++) pair -= product(x.q, t, r) * x.beta[r] * product(x.k, r, s);
      const entry = rightWeight(x, t, s) * decayOver(x.g, s + 1, t) * pair;
      for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += entry * x.w[s * x.V + j];
    }
  }
}

export const delta = [
  mutant(
    'beta-missing-on-the-value',
    'log-linear-deltanet',
    'zero-beta-writes-nothing',
    'v is written instead of beta v.',
    'delta rule, step 3: u_t = k_t (beta_t v_t)^T',
    () => {
      const heads = turns();
      return {
        on: erasing,
        problem: heads.start,
        head: (x) => withHead(x, { w: valuesOf(heads.next()) }),
        forwardOnly: true,
      };
    },
  ),
  mutant(
    'beta-twice-on-the-value',
    'log-linear-gated-deltanet',
    'delta-rule-is-a-triangular-solve',
    'beta^2 v is written: the value was already scaled.',
    'delta rule, step 3: u_t = k_t (beta_t v_t)^T, with beta once',
    { on: erasing, head: (x) => withHead(x, { w: timesBeta(x, (beta) => beta) }), forwardOnly: true },
  ),
  mutant(
    'beta-missing-in-the-erase',
    'deltanet',
    'forward-equals-masked',
    'What is erased is not scaled by beta.',
    'delta rule, step 2: F_t = alpha_t (I - beta_t k_t k_t^T); N = stril(diag(beta) k k^T)',
    { on: erasing, head: (x) => withHead(x, { beta: x.beta.map(() => 1) }), forwardOnly: true },
  ),
  mutant(
    'erase-before-decay',
    'kimi-delta',
    'forward-equals-definition',
    'diag(alpha) (I - beta k k^T): the state is erased first and decayed after.',
    'Kimi delta, step 2: F_t = (I - beta_t k_t k_t^T) diag(alpha_t): decay first, then erase',
    {
      on: ({ recurrence }) => recurrence?.name === 'kimi-delta',
      head: (x) => withHead(x, { transition: compose(deltaRule, diagonalDecay) }),
      forwardOnly: true,
      form: 'recurrent',
    },
  ),
  mutant(
    'erase-without-decay',
    'log-linear-gated-deltanet',
    'forward-equals-chunked',
    'alpha S - beta k k^T S: what is erased has not decayed.',
    'gated delta rule, step 2: F_t = alpha_t (I - beta_t k_t k_t^T): what is erased has decayed too',
    {
      on: (system) => erasing(system) && tokenDecay(system),
      head: (x) => withHead(x, { transition: undecayedErase }),
      forwardOnly: true,
      form: 'recurrent',
    },
  ),
  mutant(
    'keys-normalised-again',
    'log-linear-deltanet',
    'forward-equals-masked',
    'Keys are normalised inside the kernel although they come normalised or not.',
    'k as it comes: no normalisation inside of the operator',
    {
      on: anySystem,
      head: (x) => {
        const k = x.k.slice();
        for (let t = 0; t < x.T; t++) {
          const norm = Math.hypot(...k.subarray(t * x.K, (t + 1) * x.K));
          for (let i = 0; i < x.K; i++) k[t * x.K + i] /= norm + 1e-6;
        }
        return withHead(x, { k });
      },
    },
  ),
  mutant(
    'solve-cut-after-one-term',
    'deltanet',
    'orthonormal-keys-recall',
    '(I + N)^-1 is replaced by I - N.',
    'A = scale tril(q k^T) X with X = (I + N)^-1: the whole inverse, not I - N',
    {
      on: (system) => erasing(system) && !channelDecay(system),
      form: 'recurrent',
      output(x, out) {
        // o = scale tril(q k^T) (I - N) w instead of tril(q k^T) (I + N)^-1 w
        const product = (a: Float64Array, t: number, s: number): number => {
          let sum = 0;
          for (let i = 0; i < x.K; i++) sum += a[t * x.K + i] * x.k[s * x.K + i];
          return sum;
        };
        const solved = x.w.slice();
        for (let t = 0; t < x.T; t++) {
          for (let s = 0; s < t; s++)
            for (let j = 0; j < x.V; j++) solved[t * x.V + j] -= x.beta[t] * product(x.k, t, s) * x.w[s * x.V + j];
        }
        if (x.state) return;
        if (x.L > 1 || x.g.length > 0) return masksOfOneTerm(x, out, product);
        out.o.fill(0);
        for (let t = 0; t < x.T; t++) {
          for (let s = 0; s <= t; s++)
            for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += x.scale * product(x.q, t, s) * solved[s * x.V + j];
        }
      },
    },
  ),
  mutant(
    'erase-stops-at-chunk',
    'log-linear-gated-deltanet',
    'chunk-size-invariance',
    'The first token of a chunk erases nothing of what comes from earlier chunks.',
    'delta rule between chunks: the first token of a chunk is part of its K x K transition',
    {
      on: erasing,
      head: (x) =>
        withHead(x, { beta: x.beta.map((beta, t) => ((x.position + t) % x.chunkSize === 0 && t > 0 ? 0 : beta)) }),
      forwardOnly: true,
    },
  ),
];
