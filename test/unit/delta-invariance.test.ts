/** Errors of the delta rule do not change with what holds nothing: more channels, tokens before, tokens after. */
import { describe, expect, it } from 'vitest';
import { deltaErrors, type HeadErrors } from '../../properties/errors/delta.ts';
import { certain } from '../../properties/errors/measure.ts';
import type { Case } from '../../reference/case.ts';
import { headOf } from '../../reference/operator.ts';
import { checkCase } from '../../reference/shapes.ts';
import { tensor } from '../../reference/tensor.ts';

interface Token {
  q: number[];
  k: number[];
  v: number[];
  beta: number;
  /** Whether half of what is there goes before this token. */
  halves: boolean;
  dO: number[];
  /** Relative errors of its step, and as a source. */
  slips: [step: number, source: number];
}
const V = 2;
const tokens: Token[] = [
  { q: [3, -4], k: [4, 3], v: [2, -6], beta: 0.5, halves: true, dO: [1, 5], slips: [2 ** -5, 2 ** -7] },
  { q: [6, 8], k: [-3, 4], v: [8, 4], beta: -0.25, halves: false, dO: [-3, 2], slips: [2 ** -6, 2 ** -4] },
  { q: [0, -5], k: [6, -8], v: [-4, 12], beta: 0.125, halves: true, dO: [7, -1], slips: [2 ** -3, 2 ** -6] },
];
const empty: Token = { q: [0, 0], k: [0, 0], v: [0, 0], beta: 0, halves: false, dO: [0, 0], slips: [0, 0] };
/** States [K,V], by channel; columns of whole norms. */
const STATE = [
  [3, 8],
  [-4, 6],
];
const GRADIENT = [
  [5, -4],
  [12, 3],
];

/** `place`: where the two channels are among K. */
function errorsOf(list: Token[], chunk: number, K = 2, place = [0, 1]) {
  const T = list.length;
  const wide = (row: number[]): number[] =>
    Array.from({ length: K }, (_, i) => (place.includes(i) ? row[place.indexOf(i)] : 0));
  const columns = (state: number[][]): number[] =>
    Array.from({ length: K }, (_, i) => (place.includes(i) ? state[place.indexOf(i)] : [0, 0])).flat();
  const of = (shape: number[], values: number[]) => tensor(Float64Array.from(values), shape);
  const rows = (read: (token: Token) => number[]) => list.flatMap(read);
  const c: Case = {
    system: 'gated-deltanet',
    scale: 2,
    inputs: {
      q: of(
        [1, T, 1, K],
        rows(({ q }) => wide(q)),
      ),
      k: of(
        [1, T, 1, K],
        rows(({ k }) => wide(k)),
      ),
      v: of(
        [1, T, 1, V],
        rows(({ v }) => v),
      ),
      beta: of(
        [1, T, 1],
        rows(({ beta }) => [beta]),
      ),
      g: of(
        [1, T, 1],
        rows(({ halves }) => [halves ? -Math.LN2 : 0]),
      ),
      initialState: of([1, 1, 1, K, V], columns(STATE)),
    },
  };
  const x = headOf(checkCase('test', c), 0, 0);
  const dOut = { o: Float64Array.from(rows(({ dO }) => dO)), state: Float64Array.from(columns(GRADIENT)) };
  const costs = {
    sums: 0,
    factors: 2 ** -4,
    step: Float64Array.from(rows(({ slips }) => [slips[0]])),
    source: Float64Array.from(rows(({ slips }) => [slips[1]])),
    chunk,
  };
  return deltaErrors(x, dOut, costs, certain);
}

/** One head of whole numbers that is flat or log-linear, every level scaled by 1. `content`: the level that a state comes in at. */
function leveled(logLinear: boolean, first: number[], chunk: number, content: number | null) {
  const [T, L, position] = [6, logLinear ? 5 : 1, content === null ? 0 : 5];
  const at = logLinear ? content : 0;
  const list = Array.from({ length: T }, (_, t) => ({ ...tokens[t % 3], v: t === 0 ? first : [0, 0] }));
  const of = (shape: number[], values: number[]) => tensor(Float64Array.from(values), shape);
  const rows = (read: (token: Token) => number[]) => list.flatMap(read);
  const inputs: Case['inputs'] = {
    q: of(
      [1, T, 1, 2],
      rows(({ q }) => q),
    ),
    k: of(
      [1, T, 1, 2],
      rows(({ k }) => k),
    ),
    v: of(
      [1, T, 1, V],
      rows(({ v }) => v),
    ),
    beta: of(
      [1, T, 1],
      rows(({ beta }) => [beta]),
    ),
    g: of(
      [1, T, 1],
      rows(({ halves }) => [halves ? -Math.LN2 : 0]),
    ),
  };
  if (logLinear) inputs.lambda = of([1, T, 1, L], new Array<number>(T * L).fill(1));
  const levels = Array.from({ length: logLinear ? 4 : 1 }, (_, l) => (l === at ? STATE.flat() : [0, 0, 0, 0]));
  if (content !== null) inputs.initialState = of([1, 1, levels.length, 2, V], levels.flat());
  const system = logLinear ? 'log-linear-gated-deltanet' : 'gated-deltanet';
  const x = headOf(checkCase('test', { system, inputs, scale: 2, position: [position] }), 0, 0);
  // the first of five positions before, the last of them, or the first token
  const last = x.levels.level(position + T - 1, content === 0 ? position - 1 : 0);
  const state = new Float64Array(L * 4);
  state.set(GRADIENT.flat(), logLinear ? last * 4 : 0);
  const slips = (which: 0 | 1) => Float64Array.from(list, (token) => token.slips[which]);
  const costs = { sums: 0, factors: 2 ** -4, step: slips(0), source: slips(1), chunk };
  const errors = deltaErrors(x, { o: Float64Array.from(rows(({ dO }) => dO)), state }, costs, certain);
  return { errors, last: logLinear ? last : 0, at: at ?? 0 };
}

/** The numbers of tokens from … end-1, and those of the states. */
function part(errors: HeadErrors, from: number, end: number): Record<keyof HeadErrors, number[]> {
  const cut = (values: Float64Array, width: number) => [...values.subarray(from * width, end * width)];
  const { o, state, q, k, w, g, beta, lambda, initial } = errors;
  return {
    o: cut(o, V),
    w: cut(w, V),
    q: cut(q, 1),
    k: cut(k, 1),
    g: cut(g, 1),
    beta: cut(beta, 1),
    lambda: cut(lambda, 1),
    state: [...state],
    initial: [...initial],
  };
}

describe.each(['size', 'growth'] as const)('%s', (which) => {
  /** Sizes of a state restart from its true norm where a chunk begins or a step is taken: those are other sums. */
  const but = (name: 'state' | 'initial', all: Record<keyof HeadErrors, number[]>) =>
    which === 'size' ? { ...all, [name]: [] } : all;

  it.each([64, 3, 2, 1])('more channels, chunks of %i', (chunk) => {
    const expected = part(errorsOf(tokens, chunk)[which], 0, 3);
    expect(part(errorsOf(tokens, chunk, 5, [1, 3])[which], 0, 3)).toEqual(expected);
  });

  it('tokens before: chunks move along', () => {
    for (const [before, chunk] of [
      [3, 3],
      [6, 3],
      [2, 2],
      [1, 1],
    ]) {
      const list = [...new Array<Token>(before).fill(empty), ...tokens];
      const expected = part(errorsOf(tokens, chunk)[which], 0, 3);
      const actual = part(errorsOf(list, chunk)[which], before, before + 3);
      expect(but('initial', actual), `${before}, ${chunk}`).toEqual(but('initial', expected));
    }
  });

  it('tokens after', () => {
    for (const [after, chunk] of [
      [3, 3],
      [1, 3],
      [2, 1],
    ]) {
      const list = [...tokens, ...new Array<Token>(after).fill(empty)];
      const expected = part(errorsOf(tokens, chunk)[which], 0, 3);
      const actual = part(errorsOf(list, chunk)[which], 0, 3);
      expect(but('state', actual), `${after}, ${chunk}`).toEqual(but('state', expected));
    }
  });

  it('tokens of the same chunk that hold nothing', () => {
    const expected = part(errorsOf(tokens, 64)[which], 0, 3);
    const actual = part(errorsOf([empty, empty, ...tokens, empty], 64)[which], 2, 5);
    expect(but('initial', actual)).toEqual(but('initial', expected));
  });

  it('is there for every gradient', () => {
    const errors = part(errorsOf(tokens, 64)[which], 0, 2);
    for (const [name, values] of Object.entries(errors)) expect(Math.min(...values), name).toBeGreaterThan(0);
  });

  it.each([
    ['a token', [2, -6], null],
    ['a state', [0, 0], 3],
    ['a state of another level', [0, 0], 0],
  ])('levels that hold %s alone are one state', (_, first, content) => {
    for (const chunk of [64, 4, 2, 1]) {
      const flat = leveled(false, first, chunk, content);
      const { errors, last, at } = leveled(true, first, chunk, content);
      const [expected, actual] = [flat.errors[which], errors[which]];
      for (const name of ['o', 'q', 'k', 'g', 'beta'] as const) {
        expect([...actual[name]], `${name}, ${chunk}`).toEqual([...expected[name]]);
      }
      expect([...actual.w.subarray(0, V)]).toEqual([...expected.w.subarray(0, V)]);
      expect([...actual.state.subarray(last * V, (last + 1) * V)]).toEqual([...expected.state]);
      if (content === null) continue;
      expect([...actual.initial.subarray(at * V, (at + 1) * V)]).toEqual([...expected.initial]);
    }
  });
});
