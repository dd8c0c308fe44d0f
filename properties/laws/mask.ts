/** What single entries of the mask do: which level reads what, and what the delta rule makes of it. */
import fc from 'fast-check';
import type { Case } from '../../reference/case.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor } from '../../reference/tensor.ts';
import { noise } from '../arbitraries/noise.ts';
import { compare, verdict } from '../compare.ts';
import { defineAnswer } from '../definition-case.ts';
import { axes, mapTensor, sizesOf, systemOf, tensorBy, withInputs } from '../edit.ts';
import type { Implementation, Law } from '../law.ts';
import { anyDelta, anyLogLinear, bothBounds, boundsFor, PAPER, runAs, sum } from './common.ts';
import { law } from './define.ts';

const WEAK_LEVEL = levelsOf(WEAK).level;

/** How far an output of the subject may be from one of ours. */
function apartBy(subject: Implementation, c: Case): Float64Array {
  const [own, ours] = bothBounds(subject, c);
  return sum(own.o, ours.o);
}

const recall = law({
  name: 'orthonormal-keys-recall',
  group: 'algebra',
  statement:
    'With orthonormal keys and beta = 1 a query that is a key reads back the last value written with it, times its level scale.',
  citation: 'Yang et al., arXiv 2406.06484: the delta rule replaces what a key held',
  prerequisites: [],
  needs: [],
  appliesTo: anyDelta,
  wish: { minT: 1, maxT: 33, work: 1e5 },
  extra: { seed: fc.nat(65535) },
  async check(subject, { c, seed }) {
    const { B, T, G, H, V } = sizesOf(c);
    const K = 4;
    const keyOf = (b: number, t: number, group: number): number => noise(seed, 'key', [b, t, group]) % K;
    const askedOf = (b: number, t: number, group: number): number => noise(seed, 'query', [b, t, group]) % K;
    const unit = (choose: typeof keyOf): DenseTensor =>
      tensorBy([B, T, G, K], ([b, t, group, i]) => (choose(b, t, group) === i ? 1 : 0));
    const inputs: Case['inputs'] = {
      ...c.inputs,
      q: unit(askedOf),
      k: unit(keyOf),
      beta: mapTensor(c.inputs.beta as Tensor, () => 1),
    };
    if (inputs.g)
      inputs.g = tensorBy(
        [...axes(c, 'g')].map((letter) => ({ B, T, H, K })[letter] as number),
        () => 0,
      );
    const written: Case = { ...c, inputs, scale: 1 };
    const expected = tensorBy([B, T, H, V], ([b, t, h, j]) => {
      const group = Math.floor((h * G) / H);
      let s = t;
      while (s >= 0 && keyOf(b, s, group) !== askedOf(b, t, group)) s--;
      if (s < 0) return 0;
      const scale = inputs.lambda ? inputs.lambda.get(b, t, h, WEAK_LEVEL(t, s)) : 1;
      return scale * (inputs.v as Tensor).get(b, s, h, j);
    });
    return verdict([compare('o', (await subject.run(written)).o, expected, boundsFor(subject, written).o)]);
  },
});

const oneLevel = law({
  name: 'one-level-reads-its-bucket',
  group: 'algebra',
  statement:
    'With one level scale alone, query t reads what the flat system reads when only that bucket of t has been written.',
  citation: `${PAPER}`,
  prerequisites: ['unit-lambda-collapses'],
  needs: [],
  appliesTo: anyLogLinear,
  wish: { minT: 1, work: 1e5, structures: true },
  extra: { t: fc.nat(400), l: fc.nat(12) },
  async check(subject, { c, t, l }) {
    const { T, L } = sizesOf(c);
    const query = t % T;
    const level = l % L;
    const { level: levelAt } = levelsOf(c.structure ?? WEAK);
    const alone = withInputs(c, {
      lambda: mapTensor(c.inputs.lambda as Tensor, (_, index) => (index[3] === level ? 1 : 0)),
    });
    const bucket = withInputs(c, {
      lambda: undefined,
      v: mapTensor(c.inputs.v as Tensor, (value, [, s]) => (s <= query && levelAt(query, s) === level ? value : 0)),
    });
    bucket.system = (systemOf(c).recurrence as { name: string }).name;
    const row = (o: Tensor): DenseTensor => mapTensor(o, (value, index) => (index[1] === query ? value : 0));
    const limit = boundsFor(subject, withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) })).o.map(
      (bound) => 2 * bound,
    );
    return verdict(
      [compare('o', row((await subject.run(alone)).o), row((await runAs(subject, bucket)).o), limit)],
      `level ${level} of query ${query}`,
    );
  },
});

const readMask = law({
  name: 'one-hot-values-read-the-mask',
  group: 'algebra',
  statement:
    'One-hot values read P itself: exactly zero above the diagonal and off the chosen level, and there the entries of the definition.',
  citation: `${PAPER}`,
  prerequisites: [],
  needs: [],
  appliesTo: anyLogLinear,
  wish: { minT: 1, maxT: 33, work: 2e4, structures: true },
  extra: { l: fc.nat(8), all: fc.boolean() },
  async check(subject, { c, l, all }) {
    const { B, T, H, L } = sizesOf(c);
    const level = l % L;
    const { level: levelAt } = levelsOf(c.structure ?? WEAK);
    const identity = tensorBy([B, T, H, T], ([, s, , j]) => (s === j ? 1 : 0));
    const lambda = mapTensor(c.inputs.lambda as Tensor, (value, index) => (all || index[3] === level ? value : 0));
    const probe = withInputs(c, { v: identity, lambda });
    const { o: P } = await subject.run(probe);
    const expected = defineAnswer(probe).o;
    const limit = apartBy(subject, probe);
    // entries that are not read must be exactly zero
    mapTensor(P, (_, [b, t, h, s]) => {
      if (s > t || !(all || levelAt(t, s) === level)) limit[((b * T + t) * H + h) * T + s] = 0;
      return 0;
    });
    return verdict([compare('P', P, expected, limit)], all ? 'all levels' : `level ${level} alone`);
  },
});

const triangularSolve = law({
  name: 'delta-rule-is-a-triangular-solve',
  group: 'algebra',
  statement:
    'The delta rule is a triangular solve: P = lambda ∘ (tril(scale q k^T ∘ D) (I + stril(diag(beta) k k^T ∘ D))^-1), o = P (beta v).',
  citation: 'Yang et al., arXiv 2406.06484: the WY form',
  prerequisites: [],
  needs: [],
  appliesTo: anyDelta,
  wish: { minT: 1, maxT: 65, work: 1e5, structures: true },
  async check(subject, { c }) {
    const { o } = await subject.run(c);
    return verdict([compare('o', o, solveOutputs(c), apartBy(subject, c))]);
  },
});

/** o by forward substitution: row t of A (I + N) = tril(scale q k^T ∘ D), from the last column to the first. */
function solveOutputs(c: Case): DenseTensor {
  const { B, T, G, H, K, V } = sizesOf(c);
  const { q, k, v, g, beta, lambda } = c.inputs as Record<InputName, Tensor>;
  const { level: levelAt } = levelsOf(c.structure ?? WEAK);
  const o = new Float64Array(B * T * H * V);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const group = Math.floor((h * G) / H);
      // where all channels decay alike there is no such axis, and the channel is not read
      const decay = (r: number, i: number): number => g?.get(b, r, h, i) ?? 0;
      /** sum_i x_t[i] k_s[i] exp(g_{s+1} + … + g_t) */
      const decayed = (x: Tensor, t: number, s: number): number => {
        let total = 0;
        for (let i = 0; i < K; i++) {
          let segment = 0;
          for (let r = s + 1; r <= t; r++) segment += decay(r, i);
          total += x.get(b, t, group, i) * k.get(b, s, group, i) * Math.exp(segment);
        }
        return total;
      };
      const N = Array.from({ length: T }, (_, t) =>
        Array.from({ length: t }, (_, s) => beta.get(b, t, h) * decayed(k, t, s)),
      );
      for (let t = 0; t < T; t++) {
        const A = new Float64Array(t + 1);
        for (let s = t; s >= 0; s--) {
          A[s] = (c.scale ?? 1) * decayed(q, t, s);
          for (let r = s + 1; r <= t; r++) A[s] -= A[r] * N[r][s];
        }
        for (let s = 0; s <= t; s++) {
          const factor = A[s] * beta.get(b, s, h) * (lambda ? lambda.get(b, t, h, levelAt(t, s)) : 1);
          for (let j = 0; j < V; j++) o[((b * T + t) * H + h) * V + j] += factor * v.get(b, s, h, j);
        }
      }
    }
  }
  return tensor(o, [B, T, H, V]);
}

export const mask: Law[] = [recall, oneLevel, readMask, triangularSolve];
