/** Wrong delta rules. */
import type { Head, Transition } from '../../reference/head.ts';
import { compose, deltaRule, diagonalDecay, scalarDecay } from '../../reference/transitions.ts';
import { mutant, withHead } from './mutant.ts';

const timesBeta = (x: Head, factor: (beta: number) => number): Float64Array =>
  x.w.map((value, i) => value * factor(x.beta[Math.floor(i / x.V)]));

/** alpha S - beta k k^T S: the decay is missing in what is erased. */
const undecayedErase: Transition = {
  ...compose(scalarDecay, deltaRule),
  apply(x, t, X, columns) {
    const before = X.slice();
    deltaRule.apply(x, t, X, columns);
    const alpha = Math.exp(x.g[t]);
    for (let i = 0; i < x.K * columns; i++) X[i] += (alpha - 1) * before[i];
  },
  applyTransposed(x, t, X, columns) {
    undecayedErase.apply(x, t, X, columns);
  },
};

export const delta = [
  mutant(
    'beta-missing-on-the-value',
    'log-linear-deltanet',
    'zero-beta-writes-nothing',
    'v is written instead of beta v.',
    {
      head: (x) =>
        withHead(x, {
          w: timesBeta(x, (beta) => (beta === 0 ? 0 : 1 / beta)).map((value) => (value === 0 ? 1 : value)),
        }),
      forwardOnly: true,
    },
  ),
  mutant(
    'beta-twice-on-the-value',
    'log-linear-gated-deltanet',
    'delta-rule-is-a-triangular-solve',
    'beta^2 v is written: the value was already scaled.',
    {
      head: (x) => withHead(x, { w: timesBeta(x, (beta) => beta) }),
      forwardOnly: true,
    },
  ),
  mutant('beta-missing-in-the-erase', 'deltanet', 'forward-equals-masked', 'What is erased is not scaled by beta.', {
    head: (x) => withHead(x, { beta: x.beta.map(() => 1) }),
    forwardOnly: true,
  }),
  mutant(
    'erase-before-decay',
    'kimi-delta',
    'forward-equals-definition',
    'diag(alpha) (I - beta k k^T): the state is erased first and decayed after.',
    {
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
    {
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
    {
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
  mutant('solve-cut-after-one-term', 'deltanet', 'orthonormal-keys-recall', '(I + N)^-1 is replaced by I - N.', {
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
      out.o.fill(0);
      for (let t = 0; t < x.T; t++) {
        for (let s = 0; s <= t; s++)
          for (let j = 0; j < x.V; j++) out.o[t * x.V + j] += x.scale * product(x.q, t, s) * solved[s * x.V + j];
      }
    },
  }),
  mutant(
    'erase-stops-at-chunk',
    'log-linear-gated-deltanet',
    'chunk-size-invariance',
    'The first token of a chunk erases nothing of what comes from earlier chunks.',
    {
      head: (x) =>
        withHead(x, { beta: x.beta.map((beta, t) => ((x.position + t) % x.chunkSize === 0 && t > 0 ? 0 : beta)) }),
      forwardOnly: true,
    },
  ),
];
