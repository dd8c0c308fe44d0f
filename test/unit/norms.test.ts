/** The norms of transitions against their derivatives, which dual numbers take from the definition. */
import { describe, expect, it } from 'vitest';
import { noise, signed } from '../../properties/arbitraries/noise.ts';
import { UNIT_ROUNDOFF } from '../../properties/tolerance.ts';
import { dual } from '../../reference/arithmetic.ts';
import type { Head, Transition, TransitionNorms } from '../../reference/head.ts';
import { compose, deltaRule, diagonalDecay, identity, scalarDecay } from '../../reference/transitions.ts';

const K = 3;
const numbers = (name: string, size: number): number[] =>
  Array.from({ length: size }, (_, i) => signed(noise(3, name, [i])));

/** Two tokens, so that a norm that looks at the wrong one is another number. */
const tokens = [0, 1].map((t) => ({
  k: numbers(`k${t}`, K),
  decays: numbers(`g${t}`, K).map((g) => -Math.abs(g)),
  beta: [0.75, -0.5][t],
}));

const headOf = (width: number): Head =>
  ({
    T: 2,
    K,
    k: Float64Array.from(tokens.flatMap(({ k }) => k)),
    g: Float64Array.from(tokens.flatMap(({ decays }) => decays.slice(0, width))),
    beta: Float64Array.from(tokens, ({ beta }) => beta),
  }) as Head;

interface Direction {
  k?: number[];
  g?: number[];
  beta?: number;
}

/** F_t, and its derivative along a direction, as matrices. */
function matrices(transition: Transition, t: number, width: number, along: Direction) {
  const { k, decays, beta } = tokens[t];
  const zeros = new Array<number>(K).fill(0);
  const withTangent = (values: number[], tangents = zeros) =>
    values.map((value, i) => ({ value, tangent: tangents[i] }));
  const token = {
    k: withTangent(k, along.k),
    g: withTangent(decays.slice(0, width), along.g),
    beta: { value: beta, tangent: along.beta ?? 0 },
  };
  const columns = Array.from({ length: K }, (_, j) =>
    transition.define(
      dual,
      token,
      zeros.map((_zero, i) => dual.of(i === j ? 1 : 0)),
    ),
  );
  const rows = (part: 'value' | 'tangent') => zeros.map((_, i) => columns.map((column) => column[i][part]));
  return { value: rows('value'), tangent: rows('tangent') };
}

/** Largest singular value of a symmetric matrix, by power iteration. */
function spectralNorm(matrix: number[][]): number {
  let v = [1, 0.9, 0.8];
  let growth = 0;
  for (let step = 0; step < 2000; step++) {
    const next = matrix.map((row) => row.reduce((sum, entry, j) => sum + entry * v[j], 0));
    growth = Math.hypot(...next);
    if (growth === 0) return 0;
    v = next.map((each) => each / growth);
  }
  return growth;
}

const length = (v: number[]): number => Math.hypot(...v);
const axes = Array.from({ length: K }, (_, i) => Array.from({ length: K }, (_, j) => (i === j ? 1 : 0)));

/** All of these are symmetric, and each norm is reached along one of the directions. */
const elementary: [name: string, transition: Transition, width: number][] = [
  ['identity', identity, 0],
  ['scalar decay', scalarDecay, 1],
  ['diagonal decay', diagonalDecay, K],
  ['delta rule', deltaRule, 0],
];

describe.each(elementary)('norms of %s', (_, transition, width) => {
  const x = headOf(width);
  /** Sums of K products, K^2 times at most, each norm below 4. */
  const ROUNDING = 64 * K * K * UNIT_ROUNDOFF;

  it.each([0, 1])('are those of F_t and of its derivatives, t = %i', (t) => {
    const norms = transition.norms(x, t);
    const unit = tokens[t].k.map((each) => each / length(tokens[t].k));
    const largest = (directions: Direction[]): number =>
      Math.max(...directions.map((along) => spectralNorm(matrices(transition, t, width, along).tangent)));
    const measured: TransitionNorms = {
      value: spectralNorm(matrices(transition, t, width, {}).value),
      g: width === 0 ? 0 : largest(width === 1 ? [{ g: [1] }] : axes.map((g) => ({ g }))),
      beta: largest([{ beta: 1 }]),
      k: largest([{ k: unit }, ...axes.map((k) => ({ k }))]),
    };
    for (const name of ['value', 'g', 'beta', 'k'] as const) {
      expect(Math.abs(norms[name] - measured[name]), name).toBeLessThanOrEqual(ROUNDING);
    }
  });
});

it('norms of a composition follow the product rule', () => {
  const having = (norms: TransitionNorms): Transition => ({ ...identity, norms: () => norms });
  const first = having({ value: 2, g: 3, beta: 5, k: 7 });
  const second = having({ value: 11, g: 13, beta: 17, k: 19 });
  expect(compose(first, second).norms(headOf(0), 0)).toEqual({
    value: 22,
    g: 13 * 2 + 11 * 3,
    beta: 17 * 2 + 11 * 5,
    k: 19 * 2 + 11 * 7,
  });
});

it('what is one number, and how often it erases', () => {
  const flags = [identity, scalarDecay, diagonalDecay, deltaRule].map(({ scalar, erases }) => [scalar, erases]);
  expect(flags).toEqual([
    [true, 0],
    [true, 0],
    [false, 0],
    [false, 1],
  ]);
});

it('a composition is scalar where both parts are, and erases as often as they do together', () => {
  const parts = [identity, scalarDecay, diagonalDecay, deltaRule];
  for (const first of parts) {
    for (const second of parts) {
      const { scalar, erases } = compose(first, second);
      expect([scalar, erases]).toEqual([first.scalar && second.scalar, first.erases + second.erases]);
    }
  }
});
