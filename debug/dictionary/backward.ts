/** Wrong backwards, as they are written by hand: one line of dq = dA k, dk = dA^T q, dv = P^T dO, dg or dlambda is another one. */
import type { Head, HeadGradients, HeadOutput } from '../../reference/head.ts';
import { masked } from '../../reference/masked.ts';
import type { System } from '../../reference/systems/registry.ts';
import {
  anySystem,
  type Change,
  decaying,
  delta,
  logLinear,
  swapQueryAndKey,
  tokenDecay,
  turns,
  valuesOf,
} from './change.ts';
import { multiply, mutant, withHead } from './mutant.ts';
import { levelOf, pairsOf } from './product.ts';

const SYSTEM = 'log-linear-mamba2';

type Key = keyof HeadGradients;

/** Gradients by what comes through the outputs alone, and by what comes through the final state alone. */
const throughOutputs = (x: Head, dO: Float64Array): HeadGradients =>
  masked.backward(x, { o: dO, state: new Float64Array(x.L * x.K * x.V) });
const throughState = (x: Head, state: Float64Array): HeadGradients =>
  masked.backward(x, { o: new Float64Array(x.T * x.V), state });

/** In these gradients, something else in place of what comes through the outputs. */
const replaced =
  (make: (x: Head, dO: Float64Array) => Partial<HeadGradients>) =>
  (x: Head, grads: HeadGradients, dOut: HeadOutput): void => {
    const kept = throughState(x, dOut.state);
    for (const [key, values] of Object.entries(make(x, dOut.o)) as [Key, Float64Array][])
      grads[key].set(values.map((value, i) => value + kept[key][i]));
  };

const pick = (grads: HeadGradients, keys: readonly Key[]): Partial<HeadGradients> =>
  Object.fromEntries(keys.map((key) => [key, grads[key]]));

/** These gradients as they are of another head. */
const ofOther = (keys: readonly Key[], see: (x: Head) => Head): NonNullable<Change['gradients']> =>
  replaced((x, dO) => pick(throughOutputs(see(x), dO), keys));

/** The same, and dg the reverse cumulative sum of q · dq - k · dk with what dq and dk then are. */
const ofOtherWithDecays =
  (keys: readonly ('q' | 'k')[], see: (x: Head) => Head): NonNullable<Change['gradients']> =>
  (x, grads, dOut) => {
    const right = { q: grads.q.slice(), k: grads.k.slice() };
    ofOther(keys, see)(x, grads, dOut);
    const width = x.T > 0 ? grads.g.length / x.T : 1;
    const more = new Float64Array(width);
    for (let t = x.T - 1; t >= 0; t--) {
      for (let i = 0, at = t * x.K; i < x.K; i++, at++)
        more[i % width] += x.q[at] * (grads.q[at] - right.q[at]) - x.k[at] * (grads.k[at] - right.k[at]);
      for (let i = 0; i < width; i++) grads.g[t * width + i] += more[i];
    }
  };

const withoutScale = (x: Head): Head => withHead(x, { scale: 1 });
const withoutLambda = (x: Head): Head => withHead(x, { lambda: x.lambda.map(() => 1) });
const withoutDecay = (x: Head): Head => withHead(x, { g: x.g.map(() => 0) });
const levelsReversed = (x: Head): Head =>
  withHead(x, { lambda: x.lambda.map((_, i) => x.lambda[i - (i % x.L) + (x.L - 1 - (i % x.L))]) });

/** dO of some tokens alone. */
const within = (x: Head, dO: Float64Array, from: number, to: number): Float64Array =>
  dO.map((value, i) => (i >= from * x.V && i < to * x.V ? value : 0));

const chunkOf = (x: Head, t: number): number => Math.floor((x.position + t) / x.chunkSize);

/** Rows of a gradient [T,width], each of them from gradients that were made for its token. */
function rowByRow(x: Head, key: 'k' | 'w', make: (s: number) => HeadGradients): Float64Array {
  const width = key === 'k' ? x.K : x.V;
  const rows = new Float64Array(x.T * width);
  for (let s = 0; s < x.T; s++) rows.set(make(s)[key].subarray(s * width, (s + 1) * width), s * width);
  return rows;
}

/** dk or dv where the level scales of the key are taken in place of those of the query. */
const withLambdaOfTheKey = (key: 'k' | 'w'): NonNullable<Change['gradients']> =>
  replaced((x, dO) => ({
    [key]: rowByRow(x, key, (s) =>
      throughOutputs(withHead(x, { lambda: x.lambda.map((_, i) => x.lambda[s * x.L + (i % x.L)]) }), dO),
    ),
  }));

/** dk of the queries of the last chunk, or of the key's own. */
const fromOneChunk = (isLast: boolean): NonNullable<Change['gradients']> =>
  replaced((x, dO) => ({
    k: rowByRow(x, 'k', (s) => {
      const chunk = chunkOf(x, isLast ? x.T - 1 : s);
      const first = Math.max(chunk * x.chunkSize - x.position, 0);
      return throughOutputs(
        x,
        within(x, dO, first, first + x.chunkSize - (first === 0 ? x.position % x.chunkSize : 0)),
      );
    }),
  }));

/** dg from what it is the sum of over this token and all later ones: [T,width]. */
const dgFrom =
  (make: (terms: Float64Array, x: Head, width: number) => Float64Array) =>
  (x: Head, { g }: HeadGradients): void => {
    if (x.T === 0) return;
    const width = g.length / x.T;
    g.set(
      make(
        g.map((dg, i) => dg - (g[i + width] ?? 0)),
        x,
        width,
      ),
    );
  };

/** Sums over the tokens from one to another of each. */
const sums = (
  terms: Float64Array,
  width: number,
  from: (t: number) => number,
  to: (t: number) => number,
): Float64Array =>
  terms.map((_, at) => {
    const t = Math.floor(at / width);
    let sum = 0;
    for (let r = from(t); r <= to(t); r++) sum += terms[r * width + (at % width)] ?? 0;
    return sum;
  });

/** What each pair of tokens adds to dlambda, moved from the query to the key. */
function dlambdaOfTheKey(x: Head, grads: HeadGradients, dOut: HeadOutput): void {
  const stateless = x.state ? throughOutputs(withHead(x, { state: null }), dOut.o).lambda : grads.lambda;
  const rest = grads.lambda.map((value, i) => value - stateless[i]);
  const pairs = pairsOf(x);
  grads.lambda.set(rest);
  for (let t = 0; t < x.T; t++) {
    for (let s = 0; s <= t; s++) {
      let dP = 0;
      for (let j = 0; j < x.V; j++) dP += dOut.o[t * x.V + j] * x.w[s * x.V + j];
      const l = Math.min(levelOf(x, t, s), x.L - 1);
      grads.lambda[s * x.L + l] += x.scale * dP * pairs[t * x.T + s];
    }
  }
}

/** The gradient of all heads of a group but the last is lost. */
const ofTheLastHead = (key: 'q' | 'k') => (): Change => {
  const heads = turns();
  return {
    on: anySystem,
    problem: heads.start,
    gradients(_x, grads) {
      const { p, h } = heads.next();
      const groupOf = (head: number): number => Math.floor((head * p.G) / p.H);
      if (h + 1 < p.H && groupOf(h + 1) === groupOf(h)) grads[key].fill(0);
    },
  };
};

const notDelta = (system: System): boolean => system.recurrence !== null && !delta(system);

/** Where dg is the reverse cumulative sum of q · dq - k · dk. */
const summedAlone = (system: System): boolean => tokenDecay(system) && !delta(system);

export const backward = [
  mutant(
    'dq-with-scale-twice',
    SYSTEM,
    'backward-within-its-bound',
    'dq is multiplied by scale twice: dA has it already.',
    'dq = scale dA k, with dA = dP * M: scale once',
    { gradients: (x, { q }) => multiply(q, x.scale) },
  ),
  mutant(
    'dk-without-scale',
    SYSTEM,
    'backward-within-its-bound',
    'dk is not multiplied by scale.',
    'dk = scale dA^T q: scale is missing',
    { on: notDelta, gradients: ofOther(['k'], withoutScale) },
  ),
  mutant(
    'dk-with-scale-twice',
    SYSTEM,
    'backward-within-its-bound',
    'dk is multiplied by scale twice: dA, or q, has it already.',
    'dk = scale dA^T q, with dA = dP * M: scale once',
    { on: notDelta, gradients: ofOther(['k'], (x) => withHead(x, { scale: x.scale ** 2 })) },
  ),
  mutant(
    'dv-without-scale',
    SYSTEM,
    'backward-equals-recurrent',
    'dv is not multiplied by scale.',
    'dv = P^T dO, with P = scale q k^T * M',
    { gradients: ofOther(['w'], withoutScale) },
  ),
  mutant(
    'dv-without-lambda',
    SYSTEM,
    'backward-equals-masked',
    'dv leaves the level scales out.',
    'dv = P^T dO, with P = A * M and M[t,s] = lambda[t, level(t,s)] D[t,s]',
    { on: logLinear, gradients: ofOther(['w'], withoutLambda) },
  ),
  mutant(
    'dv-without-decay',
    SYSTEM,
    'backward-equals-masked',
    'dv leaves the decay out.',
    'dv = P^T dO, with P = A * M and M[t,s] = lambda[t, level(t,s)] D[t,s]',
    { on: decaying, gradients: ofOther(['w'], withoutDecay) },
  ),
  mutant(
    'dscores-without-lambda',
    SYSTEM,
    'backward-equals-recurrent',
    'dA leaves the level scales out, and so dq and dk do.',
    'dA = dP * M, with M[t,s] = lambda[t, level(t,s)] D[t,s]',
    { on: logLinear, gradients: ofOther(['q', 'k'], withoutLambda) },
  ),
  mutant(
    'dscores-without-decay',
    SYSTEM,
    'backward-equals-chunked',
    'dA leaves the decay out, and so dq and dk do.',
    'dA = dP * M, with M[t,s] = lambda[t, level(t,s)] D[t,s]',
    { on: decaying, gradients: ofOther(['q', 'k'], withoutDecay) },
  ),
  mutant(
    'dq-and-dg-without-scale',
    SYSTEM,
    'backward-within-its-bound',
    'dq is not multiplied by scale, and neither is dg that is made of q · dq - k · dk.',
    'dq = scale dA k: scale is missing, before dg is made of it',
    { on: summedAlone, gradients: ofOtherWithDecays(['q'], withoutScale) },
  ),
  mutant(
    'dk-and-dg-without-scale',
    SYSTEM,
    'backward-within-its-bound',
    'dk is not multiplied by scale, and dg is made of it: q · dq - k · dk.',
    'dk = scale dA^T q: scale is missing, before dg is made of it',
    { on: summedAlone, gradients: ofOtherWithDecays(['k'], withoutScale) },
  ),
  mutant(
    'dscores-and-dg-without-lambda',
    SYSTEM,
    'backward-equals-masked',
    'dA leaves the level scales out, and so do dq, dk and dg that is made of q · dq - k · dk.',
    'dA = dP * M, with M[t,s] = lambda[t, level(t,s)] D[t,s]',
    {
      on: (system) => logLinear(system) && summedAlone(system),
      gradients: ofOtherWithDecays(['q', 'k'], withoutLambda),
    },
  ),
  mutant(
    'dscores-and-dg-without-decay',
    SYSTEM,
    'backward-equals-masked',
    'dA leaves the decay out, and so do dq, dk and dg that is made of q · dq - k · dk.',
    'dA = dP * M, with M[t,s] = lambda[t, level(t,s)] D[t,s]',
    { on: summedAlone, gradients: ofOtherWithDecays(['q', 'k'], withoutDecay) },
  ),
  mutant(
    'dq-with-levels-reversed',
    SYSTEM,
    'backward-equals-masked',
    'dq is made with the level scales from the other end.',
    'dq = scale dA k, dA = dP * M: M has lambda[t, level(t,s)], as in the forward pass',
    { on: logLinear, gradients: ofOther(['q'], levelsReversed) },
  ),
  mutant(
    'dk-with-lambda-of-the-key',
    SYSTEM,
    'backward-equals-masked',
    'dk_s is made with the level scales of s, not with those of each query t.',
    'dk = scale dA^T q, dA = dP * M with M[t,s] = lambda[t, level(t,s)] D[t,s]: lambda is that of the query',
    { on: (system) => logLinear(system) && notDelta(system), gradients: withLambdaOfTheKey('k') },
  ),
  mutant(
    'dv-with-lambda-of-the-key',
    SYSTEM,
    'backward-equals-masked',
    'dv_s is made with the level scales of s, not with those of each query t.',
    'dv = P^T dO, P = A * M with M[t,s] = lambda[t, level(t,s)] D[t,s]: lambda is that of the query',
    { on: logLinear, gradients: withLambdaOfTheKey('w') },
  ),
  mutant(
    'dv-untransposed',
    SYSTEM,
    'causal-backward',
    'dv is P dO: P is not transposed.',
    'dv = P^T dO: dv_s sums over the queries t >= s',
    { gradients: replaced((x, dO) => ({ w: masked.forward(withHead(x, { w: dO, state: null })).o })) },
  ),
  mutant(
    'dk-untransposed',
    SYSTEM,
    'backward-equals-masked',
    'dk is scale dA q: dA is not transposed.',
    'dk = scale dA^T q: dk_s sums over the queries t >= s',
    {
      on: notDelta,
      gradients: replaced((x, dO) => ({ k: throughOutputs(withHead(x, { k: x.q, state: null }), dO).q })),
    },
  ),
  mutant(
    'dq-transposed',
    SYSTEM,
    'backward-equals-masked',
    'dq is scale dA^T k: dA is transposed.',
    'dq = scale dA k: dq_t sums over the keys s <= t',
    {
      on: notDelta,
      gradients: replaced((x, dO) => ({ q: throughOutputs(withHead(x, { q: x.k, state: null }), dO).k })),
    },
  ),
  mutant(
    'dq-and-dk-swapped',
    SYSTEM,
    'backward-within-its-bound',
    'dq is handed out as dk, and dk as dq.',
    'the order of the gradients: dq = scale dA k, dk = scale dA^T q',
    { gradients: swapQueryAndKey },
  ),
  mutant(
    'dk-of-the-last-head',
    SYSTEM,
    'groups-equal-repeated-heads',
    'Heads of a group overwrite dk instead of adding to it: that of the last one is left.',
    'dq, dk: summed over the H / G heads of a group, not overwritten',
    ofTheLastHead('k'),
  ),
  mutant(
    'dq-of-the-last-head',
    SYSTEM,
    'groups-equal-repeated-heads',
    'Heads of a group overwrite dq instead of adding to it: that of the last one is left.',
    'dq, dk: summed over the H / G heads of a group, not overwritten',
    ofTheLastHead('q'),
  ),
  mutant(
    'dk-of-the-last-chunk',
    SYSTEM,
    'chunk-size-invariance',
    'Chunks of queries overwrite dk: what the last chunk gives is left.',
    'dk = scale dA^T q: summed over all chunks of queries from that of the key on',
    { on: notDelta, gradients: fromOneChunk(true) },
  ),
  mutant(
    'dk-of-its-own-chunk',
    SYSTEM,
    'chunk-size-invariance',
    'dk has what the queries of its own chunk give, and nothing from those of later chunks.',
    'dk = scale dA^T q: summed over all chunks of queries from that of the key on',
    { on: notDelta, gradients: fromOneChunk(false) },
  ),
  mutant(
    'dg-without-the-sum',
    SYSTEM,
    'backward-within-its-bound',
    'dg is q · dq - k · dk of its token: the reverse cumulative sum is missing.',
    'dg_r = sum over t >= r of (q_t · dq_t - k_t · dk_t): summed from the last token back',
    { on: tokenDecay, gradients: dgFrom((terms) => terms) },
  ),
  mutant(
    'dg-summed-forwards',
    SYSTEM,
    'backward-within-its-bound',
    'The cumulative sum of dg runs from the first token on.',
    'dg_r = sum over t >= r of (q_t · dq_t - k_t · dk_t): summed from the last token back',
    {
      on: tokenDecay,
      gradients: dgFrom((terms, _x, width) =>
        sums(
          terms,
          width,
          () => 0,
          (t) => t,
        ),
      ),
    },
  ),
  mutant(
    'dg-from-exclusive-sums',
    SYSTEM,
    'backward-within-its-bound',
    'The reverse cumulative sum of dg leaves its own token out.',
    'dg_r = sum over t >= r of (q_t · dq_t - k_t · dk_t): t = r belongs to it',
    {
      on: tokenDecay,
      gradients: dgFrom((terms, x, width) =>
        sums(
          terms,
          width,
          (t) => t + 1,
          () => x.T - 1,
        ),
      ),
    },
  ),
  mutant(
    'dg-summed-inside-chunks',
    SYSTEM,
    'chunk-size-invariance',
    'The reverse cumulative sum of dg ends at the end of each chunk: nothing comes from later chunks.',
    'dg_r = sum over t >= r of (q_t · dq_t - k_t · dk_t): over all later tokens, those of later chunks too',
    {
      on: tokenDecay,
      gradients: dgFrom((terms, x, width) =>
        sums(
          terms,
          width,
          (t) => t,
          (t) => Math.min((chunkOf(x, t) + 1) * x.chunkSize - x.position, x.T) - 1,
        ),
      ),
    },
  ),
  mutant(
    'dg-negated',
    SYSTEM,
    'adjoint-identity',
    'dg has the wrong sign.',
    'dg_r = sum over t >= r of (q_t · dq_t - k_t · dk_t): that of the query less that of the key',
    { on: decaying, gradients: (_x, { g }) => multiply(g, -1) },
  ),
  mutant(
    'dlambda-of-the-key',
    SYSTEM,
    'backward-equals-masked',
    'dlambda is summed over the queries and stored at the key.',
    'dlambda[t,l] = sum over s with level(t,s) = l of dP * A * D: over s, stored at t',
    { on: logLinear, gradients: dlambdaOfTheKey },
  ),
  mutant(
    'dlambda-without-scale',
    SYSTEM,
    'backward-within-its-bound',
    'dlambda is not multiplied by scale.',
    'dlambda[t,l] = sum over s with level(t,s) = l of dP * A * D, with A = scale q k^T',
    { on: logLinear, gradients: ofOther(['lambda'], withoutScale) },
  ),
  mutant(
    'dlambda-without-decay',
    SYSTEM,
    'backward-within-its-bound',
    'dlambda leaves the decay out.',
    'dlambda[t,l] = sum over s with level(t,s) = l of dP * A * D: D belongs to it',
    { on: (system) => logLinear(system) && decaying(system), gradients: ofOther(['lambda'], withoutDecay) },
  ),
  mutant(
    'dbeta-without-the-value',
    'log-linear-gated-deltanet',
    'adjoint-identity',
    'dbeta is what comes through the erase alone: <dw, v> is missing.',
    'dbeta: <dw_t, v_t> and what comes through N = stril(diag(beta) k k^T), dN = -X^T dX X^T',
    () => {
      const heads = turns();
      return {
        on: delta,
        problem: heads.start,
        gradients(x, grads) {
          const v = valuesOf(heads.next());
          // <dw, v> is added to it behind the form
          for (let i = 0; i < v.length; i++) grads.beta[Math.floor(i / x.V)] -= grads.w[i] * v[i];
        },
      };
    },
  ),
  mutant(
    'doutput-ignored',
    SYSTEM,
    'backward-within-its-bound',
    'Gradients come through the final state alone: the cotangent of the outputs is not used.',
    'dP = dO v^T: the backward pass starts from dO as well as from dFinalState',
    {
      gradients(x, grads, dOut) {
        const state = throughState(x, dOut.state);
        for (const key of ['q', 'k', 'w', 'g', 'beta', 'lambda', 'state'] as const) grads[key].set(state[key]);
      },
    },
  ),
  mutant(
    'dstate-without-decay',
    'gated-deltanet',
    'adjoint-identity',
    'The gradient of the initial state leaves the decay out.',
    'dInitialState: what each read gives back to it, decayed by exp(g_0 + ... + g_t)',
    {
      on: decaying,
      gradients(x, grads, dOut) {
        grads.state.set(masked.backward(withoutDecay(x), dOut).state);
      },
    },
  ),
];
