/** Identities of the operator: linearity, collapses onto simpler systems, and what single entries of the mask do. */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import { levelsOf } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import type { System } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { cases, fill, type Wish } from '../arbitraries/cases.ts';
import { noise, signed } from '../arbitraries/noise.ts';
import { ordinary } from '../arbitraries/values.ts';
import { compare, compareExact, verdict } from '../compare.ts';
import { defineAnswer } from '../definition-case.ts';
import { addTensors, mapTensor, scaleTensor, sizesOf, systemOf, withInputs, zerosLike } from '../edit.ts';
import { type Implementation, type Law, law } from '../law.ts';
import { type Bounds, boundsOf, underflowOf } from '../tolerance.ts';
import { anyDelta, anyLogLinear, anyRecurrence, anySystem, compareAnswers, PAPER, sum } from './common.ts';

const WEAK_LEVEL = levelsOf({ kind: 'weak', base: 2 }).level;

/** Answers of another system: by the subject where it has it, else by the reference. */
const runAs = (subject: Implementation, c: Case): Answer | Promise<Answer> =>
  subject.abilities.systems.includes(c.system) ? subject.run(c) : compute(c);

/** o is linear in these inputs together. */
const linearIn = (names: readonly InputName[], appliesTo: (system: System) => boolean, wish: Wish): Law =>
  law({
    name: `linear-in-${names[0]}`,
    group: 'algebra',
    statement: `The output is linear in ${names.join(' and ')}${names.length > 1 ? ' together' : ''}.`,
    citation: 'o = P w with P linear in q and in lambda',
    prerequisites: [],
    needs: [],
    appliesTo,
    draw: (system, abilities) =>
      fc.record({
        c: cases(system, abilities, { ...wish, work: 3e5 }),
        a: fc.constantFrom(1, 2, -0.5, 3),
        b: fc.constantFrom(1, -1, 0.25, 0),
        seed: fc.nat(65535),
      }),
    async check(subject, { c, a, b, seed }) {
      const used = names.filter((name) => c.inputs[name] !== undefined);
      const replace = (change: (value: Tensor, name: InputName) => DenseTensor): Case =>
        withInputs(c, Object.fromEntries(used.map((name) => [name, change(c.inputs[name] as Tensor, name)])));
      const second = (value: Tensor, name: InputName): DenseTensor =>
        mapTensor(fill(seed, `second ${name}`, [...value.shape], ordinary[1]), (entry, index) =>
          // a state keeps its empty levels empty
          name === 'initialState' && value.get(...index) === 0 ? 0 : entry,
        );
      const other = replace(second);
      const mixed = replace((value, name) => addTensors(scaleTensor(value, a), scaleTensor(second(value, name), b)));
      const [x, y, z] = [await subject.run(c), await subject.run(other), await subject.run(mixed)];
      const expected = addTensors(scaleTensor(x.o, a), scaleTensor(y.o, b));
      const parts = sum(
        boundsOf(c).o.map((bound) => Math.abs(a) * bound),
        boundsOf(other).o.map((bound) => Math.abs(b) * bound),
      );
      // adding the two answers rounds once more, which is below one more bound of the mixture
      return verdict([compare('o', z.o, expected, sum(parts, sum(parts, boundsOf(mixed).o)))], `${a} x + ${b} y`);
    },
  });

const linear: Law[] = [
  linearIn(['v', 'initialState'], anySystem, { state: 'sometimes', packed: 'sometimes', structures: true }),
  linearIn(['q'], anyRecurrence, { state: 'sometimes', packed: 'sometimes', structures: true }),
  linearIn(['lambda'], anyLogLinear, { state: 'sometimes', packed: 'sometimes', structures: true }),
];

const superposition = law({
  name: 'linear-in-initial-state',
  group: 'algebra',
  statement: 'Outputs and final state are those of the tokens alone plus those of the initial state alone.',
  citation: 'linear recurrence',
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  draw: (system, abilities) =>
    fc.record({ c: cases(system, abilities, { state: 'always', packed: 'sometimes', structures: true, work: 3e5 }) }),
  async check(subject, { c }) {
    const state = c.inputs.initialState as Tensor;
    const tokensAlone = withInputs(c, { initialState: zerosLike(state) });
    const stateAlone = withInputs(c, { v: zerosLike(c.inputs.v as Tensor) });
    const [whole, x, y] = [await subject.run(c), await subject.run(tokensAlone), await subject.run(stateAlone)];
    const parts = [boundsOf(tokensAlone), boundsOf(stateAlone), boundsOf(c)];
    const limit = (of: (bounds: Bounds) => Float64Array): Float64Array => parts.map(of).reduce(sum);
    return verdict([
      compare(
        'o',
        whole.o,
        addTensors(x.o, y.o),
        limit(({ o }) => o),
      ),
      compare(
        'finalState',
        whole.finalState as Tensor,
        addTensors(x.finalState as Tensor, y.finalState as Tensor),
        limit(({ finalState }) => finalState),
      ),
    ]);
  },
});

/** Answers restricted to the tensors that both systems have; a state is summed over its levels. */
function common(answer: Answer, names: readonly InputName[], levels: boolean): Answer {
  const kept: Answer = { o: answer.o, position: answer.position };
  if (answer.finalState) kept.finalState = levels ? sumLevels(answer.finalState) : answer.finalState;
  if (answer.gradients) {
    kept.gradients = {};
    for (const name of names) if (answer.gradients[name]) kept.gradients[name] = answer.gradients[name];
  }
  return kept;
}

function sumLevels(state: Tensor): DenseTensor {
  const [n, H, L, K, V] = state.shape;
  const data = toDense(state);
  const out = new Float64Array(n * H * K * V);
  for (let i = 0; i < data.length; i++) {
    out[Math.floor(i / (L * K * V)) * K * V + (i % (K * V))] += data[i];
  }
  return tensor(out, [n, H, 1, K, V]);
}

const unitLambda = law({
  name: 'unit-lambda-collapses',
  group: 'algebra',
  statement: 'With every lambda = 1 the log-linear system is the flat one, its state the sum of the levels.',
  citation: `${PAPER}, section 3.1`,
  prerequisites: [],
  needs: [],
  appliesTo: anyLogLinear,
  draw: (system, abilities) =>
    fc.record({
      c: cases(system, abilities, {
        gradients: abilities.gradients,
        state: 'sometimes',
        packed: 'sometimes',
        structures: true,
        work: 3e5,
      }),
    }),
  async check(subject, { c }) {
    const { cotangents } = c;
    const ones = withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) });
    if (cotangents) ones.cotangents = { o: cotangents.o };
    const flat = withInputs(ones, { lambda: undefined });
    flat.system = (systemOf(c).recurrence as { name: string }).name;
    if (flat.inputs.initialState) flat.inputs.initialState = sumLevels(flat.inputs.initialState);
    const names = (Object.keys(flat.inputs) as InputName[]).filter((name) => name !== 'initialState');
    const lifted = common(await subject.run(ones), names, true);
    const plain = common(await runAs(subject, flat), names, false);
    const bounds = boundsOf(ones);
    const { n, H, L, K, V } = sizesOf(c);
    bounds.finalState = toDense(sumLevels(tensor(bounds.finalState, [n, H, L, K, V])));
    return verdict(compareAnswers(lifted, plain, bounds));
  },
});

/** A system that becomes another one for special values of an input. */
interface Collapse {
  name: string;
  statement: string;
  /** From the recurrence's name to the one it becomes. */
  onto: Record<string, string>;
  /** The special values, and the inputs of the simpler system. */
  special: (c: Case) => Partial<Record<InputName, Tensor>>;
  simpler: (special: Case) => Partial<Record<InputName, Tensor | undefined>>;
}

const collapses: Collapse[] = [
  {
    name: 'zero-decay-collapses',
    statement:
      'With g = 0, Mamba-2, retention and gated linear attention are linear attention; Gated DeltaNet and Kimi delta are DeltaNet.',
    onto: {
      mamba2: 'linear',
      retention: 'linear',
      gla: 'linear',
      'gated-deltanet': 'deltanet',
      'kimi-delta': 'deltanet',
    },
    special: (c) => ({ g: zerosLike(c.inputs.g as Tensor) }),
    simpler: () => ({ g: undefined }),
  },
  {
    name: 'equal-channels-collapse',
    statement:
      'With the same log decay in every channel, gated linear attention is Mamba-2 and Kimi delta is Gated DeltaNet.',
    onto: { gla: 'mamba2', 'kimi-delta': 'gated-deltanet' },
    special: (c) => ({ g: mapTensor(c.inputs.g as Tensor, (_, [b, t, h]) => (c.inputs.g as Tensor).get(b, t, h, 0)) }),
    simpler: ({ inputs }) => {
      const g = inputs.g as Tensor;
      const [B, T, H] = g.shape;
      return { g: mapTensor(tensor(new Float64Array(B * T * H), [B, T, H]), (_, [b, t, h]) => g.get(b, t, h, 0)) };
    },
  },
  {
    name: 'constant-decay-collapses',
    statement: 'Retention is Mamba-2 with one log decay for all tokens of a head.',
    onto: { retention: 'mamba2' },
    special: () => ({}),
    simpler: ({ inputs }) => {
      const [B, T, H] = (inputs.v as Tensor).shape;
      return {
        g: mapTensor(tensor(new Float64Array(B * T * H), [B, T, H]), (_, [, , h]) => (inputs.g as Tensor).get(h)),
      };
    },
  },
  {
    name: 'zero-beta-writes-nothing',
    statement: 'With beta = 0 nothing is written and nothing erased: what is left is the decay of the initial state.',
    onto: { deltanet: 'linear', 'gated-deltanet': 'mamba2', 'kimi-delta': 'gla' },
    special: (c) => ({ beta: zerosLike(c.inputs.beta as Tensor) }),
    simpler: ({ inputs }) => ({ beta: undefined, v: zerosLike(inputs.v as Tensor) }),
  },
];

const collapse = ({ name, statement, onto, special, simpler }: Collapse): Law =>
  law({
    name,
    group: 'algebra',
    statement,
    citation: 'the table of systems',
    prerequisites: [],
    needs: [],
    appliesTo: ({ recurrence }) => recurrence !== null && recurrence.name in onto,
    draw: (system, abilities) =>
      fc.record({
        c: cases(system, abilities, { state: 'sometimes', packed: 'sometimes', structures: true, work: 3e5 }),
      }),
    async check(subject, { c }) {
      const from = withInputs(c, special(c));
      const recurrence = (systemOf(c).recurrence as { name: string }).name;
      const to = withInputs(from, simpler(from));
      to.system = c.system.replace(recurrence, onto[recurrence]);
      return verdict(
        compareAnswers(await subject.run(from), await runAs(subject, to), boundsOf(from)),
        `onto ${to.system}`,
      );
    },
  });

const recall = law({
  name: 'orthonormal-keys-recall',
  group: 'algebra',
  statement:
    'With orthonormal keys and beta = 1 a query that is a key reads back the last value written with it, times its level scale.',
  citation: 'Yang et al., arXiv 2406.06484: the delta rule replaces what a key held',
  prerequisites: [],
  needs: [],
  appliesTo: anyDelta,
  draw: (system, abilities) =>
    fc.record({ c: cases(system, abilities, { minT: 1, maxT: 33, work: 1e5 }), seed: fc.nat(65535) }),
  async check(subject, { c, seed }) {
    const { B, T, G, H, V } = sizesOf(c);
    const K = 4;
    const keyOf = (b: number, t: number, group: number): number => noise(seed, 'key', [b, t, group]) % K;
    const askedOf = (b: number, t: number, group: number): number => noise(seed, 'query', [b, t, group]) % K;
    const unit = (choose: typeof keyOf): DenseTensor =>
      mapTensor(tensor(new Float64Array(B * T * G * K), [B, T, G, K]), (_, [b, t, group, i]) =>
        choose(b, t, group) === i ? 1 : 0,
      );
    const inputs: Case['inputs'] = {
      ...c.inputs,
      q: unit(askedOf),
      k: unit(keyOf),
      beta: mapTensor(c.inputs.beta as Tensor, () => 1),
    };
    if (inputs.g)
      inputs.g = tensor(
        new Float64Array(elements(systemOf(c).recurrence?.decay === 'channel' ? [B, T, H, K] : [B, T, H])),
        systemOf(c).recurrence?.decay === 'channel' ? [B, T, H, K] : [B, T, H],
      );
    const written: Case = { ...c, inputs, scale: 1 };
    const expected = mapTensor(tensor(new Float64Array(B * T * H * V), [B, T, H, V]), (_, [b, t, h, j]) => {
      const group = Math.floor((h * G) / H);
      let s = t;
      while (s >= 0 && keyOf(b, s, group) !== askedOf(b, t, group)) s--;
      if (s < 0) return 0;
      const scale = inputs.lambda ? inputs.lambda.get(b, t, h, WEAK_LEVEL(t, s)) : 1;
      return scale * (inputs.v as Tensor).get(b, s, h, j);
    });
    return verdict([compare('o', (await subject.run(written)).o, expected, boundsOf(written).o)]);
  },
});

const oneLevel = law({
  name: 'one-level-reads-its-bucket',
  group: 'algebra',
  statement:
    'With one level scale alone, query t reads what the flat system reads when only that bucket of t has been written.',
  citation: `${PAPER}, eq. 4`,
  prerequisites: ['unit-lambda-collapses'],
  needs: [],
  appliesTo: anyLogLinear,
  draw: (system, abilities) =>
    fc.record({ c: cases(system, abilities, { minT: 1, work: 1e5, structures: true }), t: fc.nat(400), l: fc.nat(12) }),
  async check(subject, { c, t, l }) {
    const { T, L } = sizesOf(c);
    const query = t % T;
    const level = l % L;
    const { level: levelAt } = levelsOf(c.structure ?? { kind: 'weak', base: 2 });
    const alone = withInputs(c, {
      lambda: mapTensor(c.inputs.lambda as Tensor, (_, index) => (index[3] === level ? 1 : 0)),
    });
    const bucket = withInputs(c, {
      lambda: undefined,
      v: mapTensor(c.inputs.v as Tensor, (value, [, s]) => (s <= query && levelAt(query, s) === level ? value : 0)),
    });
    bucket.system = (systemOf(c).recurrence as { name: string }).name;
    const row = (o: Tensor): DenseTensor => mapTensor(o, (value, index) => (index[1] === query ? value : 0));
    const limit = boundsOf(withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) })).o.map(
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
  citation: `${PAPER}, eq. 4`,
  prerequisites: [],
  needs: [],
  appliesTo: anyLogLinear,
  draw: (system, abilities) =>
    fc.record({
      c: cases(system, abilities, { minT: 1, maxT: 33, work: 2e4, structures: true }),
      l: fc.nat(8),
      all: fc.boolean(),
    }),
  async check(subject, { c, l, all }) {
    const { B, T, H, L } = sizesOf(c);
    const level = l % L;
    const { level: levelAt } = levelsOf(c.structure ?? { kind: 'weak', base: 2 });
    const identity = mapTensor(tensor(new Float64Array(B * T * H * T), [B, T, H, T]), (_, [, s, , j]) =>
      s === j ? 1 : 0,
    );
    const lambda = mapTensor(c.inputs.lambda as Tensor, (value, index) => (all || index[3] === level ? value : 0));
    const probe = withInputs(c, { v: identity, lambda });
    const { o: P } = await subject.run(probe);
    const expected = defineAnswer(probe).o;
    const limit = boundsOf(probe).o;
    // entries that are not read must be exactly zero
    mapTensor(P, (_, [b, t, h, s]) => {
      if (s > t || !(all || levelAt(t, s) === level)) limit[((b * T + t) * H + h) * T + s] = 0;
      return 0;
    });
    return verdict([compare('P', P, expected, limit)], all ? 'all levels' : `level ${level} alone`);
  },
});

const powerOfTwo = law({
  name: 'power-of-two-scales-bitwise',
  group: 'algebra',
  statement:
    'Multiplying v and the initial state by a power of two multiplies outputs and final state by it, bit by bit.',
  citation: 'multiplication by a power of two is exact',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  draw: (system, abilities) =>
    fc.record({
      c: cases(system, abilities, { state: 'sometimes', packed: 'sometimes', structures: true, work: 3e5 }),
      exponent: fc.integer({ min: -8, max: 8 }),
    }),
  async check(subject, { c, exponent }) {
    const factor = 2 ** exponent;
    const scaled = withInputs(c, { v: scaleTensor(c.inputs.v as Tensor, factor) });
    if (c.inputs.initialState) scaled.inputs.initialState = scaleTensor(c.inputs.initialState, factor);
    const [x, y] = [await subject.run(c), await subject.run(scaled)];
    const underflow = Math.max(underflowOf(c), underflowOf(scaled));
    const comparisons = [compareExact('o', y.o, scaleTensor(x.o, factor), underflow)];
    if (x.finalState)
      comparisons.push(
        compareExact('finalState', y.finalState as Tensor, scaleTensor(x.finalState, factor), underflow),
      );
    return verdict(comparisons, `times 2^${exponent}`);
  },
});

const scaleFactor = law({
  name: 'scale-multiplies-the-output',
  group: 'algebra',
  statement: 'The output is proportional to scale, and the final state does not depend on it.',
  citation: 'o_t = scale * sum lambda S^T q',
  prerequisites: [],
  needs: [],
  appliesTo: anyRecurrence,
  draw: (system, abilities) =>
    fc.record({
      c: cases(system, abilities, { state: 'sometimes', packed: 'sometimes', work: 3e5 }),
      scale: fc.constantFrom(1, 0.25, -2, 0.3, 0),
    }),
  async check(subject, { c, scale }) {
    const unit: Case = { ...c, scale: 1 };
    const scaled: Case = { ...c, scale };
    const [x, y] = [await subject.run(unit), await subject.run(scaled)];
    const expected: Answer = { ...x, o: scaleTensor(x.o, scale) };
    const bounds = boundsOf(unit);
    bounds.o = boundsOf(scaled).o.map((bound, i) => bound + Math.abs(scale) * bounds.o[i]);
    return verdict(compareAnswers(y, expected, bounds), `scale ${scale}`);
  },
});

const triangularSolve = law({
  name: 'delta-rule-is-a-triangular-solve',
  group: 'algebra',
  statement:
    'The delta rule is a triangular solve: P = lambda ∘ (tril(scale q k^T ∘ D) (I + stril(diag(beta) k k^T ∘ D))^-1), o = P (beta v).',
  citation: 'Yang et al., arXiv 2406.06484, section 3: the WY form',
  prerequisites: [],
  needs: [],
  appliesTo: anyDelta,
  draw: (system, abilities) =>
    fc.record({ c: cases(system, abilities, { minT: 1, maxT: 65, work: 1e5, structures: true }) }),
  async check(subject, { c }) {
    const { o } = await subject.run(c);
    return verdict([
      compare(
        'o',
        o,
        solveOutputs(c),
        boundsOf(c).o.map((bound) => 2 * bound),
      ),
    ]);
  },
});

/** o by forward substitution: row t of A (I + N) = tril(scale q k^T ∘ D), from the last column to the first. */
function solveOutputs(c: Case): DenseTensor {
  const { B, T, G, H, K, V } = sizesOf(c);
  const { q, k, v, g, beta, lambda } = c.inputs as Record<InputName, Tensor>;
  const { level: levelAt } = levelsOf(c.structure ?? { kind: 'weak', base: 2 });
  const perChannel = systemOf(c).recurrence?.decay === 'channel';
  const o = new Float64Array(B * T * H * V);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const group = Math.floor((h * G) / H);
      const decay = (r: number, i: number): number => (g ? (perChannel ? g.get(b, r, h, i) : g.get(b, r, h)) : 0);
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

const isSoftmax = ({ recurrence }: System): boolean => recurrence === null;

const weightsSum = law({
  name: 'softmax-weights-sum-to-one',
  group: 'algebra',
  statement: 'Where every value is the same vector, softmax attention returns it.',
  citation: 'Vaswani et al., arXiv 1706.03762',
  prerequisites: [],
  needs: [],
  appliesTo: isSoftmax,
  draw: (system, abilities) => fc.record({ c: cases(system, abilities, { packed: 'sometimes' }) }),
  async check(subject, { c }) {
    const v = c.inputs.v as Tensor;
    const constant = withInputs(c, { v: mapTensor(v, (_, [, , h, j]) => h + j + 1) });
    return verdict([compare('o', (await subject.run(constant)).o, constant.inputs.v as Tensor, boundsOf(constant).o)]);
  },
});

const shiftedKeys = law({
  name: 'softmax-ignores-a-common-key',
  group: 'algebra',
  statement: 'Adding one vector to every key changes nothing: it shifts all scores of a query alike.',
  citation: 'softmax is invariant under shifts',
  prerequisites: [],
  needs: [],
  appliesTo: isSoftmax,
  draw: (system, abilities) => fc.record({ c: cases(system, abilities, { packed: 'sometimes' }), seed: fc.nat(1000) }),
  async check(subject, { c, seed }) {
    const shift = (index: readonly number[]): number => signed(noise(seed, 'shift', [index[2], index[3]]));
    // keys are rounded where the shift is added: start from keys for which that is exact
    const coarse = mapTensor(c.inputs.k as Tensor, (value) =>
      Math.abs(value) <= 2 ** 12 ? Math.round(value * 128) / 128 : 1,
    );
    const plain = withInputs(c, { k: coarse });
    const shifted = withInputs(c, { k: mapTensor(coarse, (value, index) => value + shift(index)) });
    const limit = sum(boundsOf(plain).o, boundsOf(shifted).o);
    return verdict([compare('o', (await subject.run(shifted)).o, (await subject.run(plain)).o, limit)]);
  },
});

export const algebra: Law[] = [
  ...linear,
  superposition,
  unitLambda,
  ...collapses.map(collapse),
  recall,
  oneLevel,
  readMask,
  powerOfTwo,
  scaleFactor,
  triangularSolve,
  weightsSum,
  shiftedKeys,
];
