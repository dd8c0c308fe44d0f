/** Whole bounds of cases of one or two tokens, put together by hand. */
import { describe, expect, it } from 'vitest';
import { withInputs } from '../../properties/edit.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { type Precision, precisions } from '../../properties/precision.ts';
import { boundsOf, explainBound, overflowsIn, storedValues } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { elements, type Tensor, tensor } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const [float64, float32, tf32, bfloat16, float16] = precisions;
const list = (values: Float64Array | undefined): number[] => [...(values ?? [])];

/** One head, one channel: each input is the numbers given, over T tokens. */
function column(system: string, values: Partial<Record<InputName, number[]>>, more: Partial<Case> = {}): Case {
  const T = (values.q as number[]).length;
  const state = values.initialState ? { stateLevels: values.initialState.length } : {};
  const c = goodCase(system, { T, H: 1, K: 1, V: 1, L: 1, ...state });
  const inputs: Case['inputs'] = {};
  for (const [name, numbers] of Object.entries(values) as [InputName, number[]][]) {
    inputs[name] = tensor(Float64Array.from(numbers), [...(c.inputs[name] as Tensor).shape]);
  }
  return { ...withInputs(c, inputs), scale: 1, ...more };
}
const full = (value: number, shape: number[]): Tensor => tensor(new Float64Array(elements(shape)).fill(value), shape);
const cotangents = (o: number, finalState: number): Partial<Case> => ({
  cotangents: { o: full(o, [1, 1, 1, 1]), finalState: full(finalState, [1, 1, 1, 1, 1]) },
});

const one = column('linear', { q: [2], k: [3], v: [-5] }, cotangents(7, 11));

describe('one token without a decay', () => {
  // o = q k v, S = k v; dq = k v dO, dk = q v dO + v dS, dv = q k dO + k dS
  const size = { o: 30, finalState: 15, q: 105, k: 125, v: 75 };
  // K + T, T, V + T + heads (twice), K + T; one level, 10 more
  const sums = { o: 13, finalState: 12, q: 14, k: 14, v: 13 };
  const names = ['o', 'finalState', 'q', 'k', 'v'] as const;
  const each = (c: Case, p: Precision) => {
    const { o, finalState, gradients } = boundsOf(c, p);
    return [o, finalState, gradients.q, gradients.k, gradients.v].map((values) => list(values)[0]);
  };

  it('is off by the roundings of its terms', () => {
    for (const [p, u] of [
      [float64, 2 ** -53],
      [float32, 2 ** -24],
    ] as const) {
      expect(each(one, p)).toEqual(names.map((name) => Math.expm1(sums[name] * u) * size[name]));
    }
  });

  it('and by those of the factors', () => {
    const factors = { o: 4, finalState: 3, q: 5, k: 5, v: 5 };
    const expected = names.map((name) => Math.expm1(sums[name] * 2 ** -23 + factors[name] * 2 ** -10) * size[name]);
    expect(each(one, tf32)).toEqual(expected);
  });

  it('and by what is lost of inputs', () => {
    // only v is no number of float32; two cotangents are
    const lost = withInputs(one, { v: full(5 + 2 ** -40, [1, 1, 1, 1]) });
    const u = 2 ** -24;
    const kv = 3 * (5 + 2 ** -40);
    expect(list(boundsOf(lost, float32).o)).toEqual([Math.expm1(13 * u + u) * 2 * kv]);
    expect(list(boundsOf(lost, float32).gradients.q)).toEqual([Math.expm1(14 * u + u) * 7 * kv]);
    const answer = { ...one, ...cotangents(7 + 2 ** -40, 11) };
    expect(list(boundsOf(answer, float32).o)).toEqual([Math.expm1(13 * u) * 30]);
    expect(list(boundsOf(answer, float32).gradients.q)).toEqual([Math.expm1(14 * u + u) * 15 * (7 + 2 ** -40)]);
  });

  it('and by states in memory, and the last rounding of what is stored', () => {
    const factors = { o: 4, finalState: 3, q: 5, k: 5, v: 5 };
    const u = 2 ** -8;
    const expected = names.map((name) => {
      const before = Math.expm1(sums[name] * 2 ** -23 + factors[name] * u + u) * size[name];
      return before + u * (size[name] + before);
    });
    expect(each({ ...one, inputs: { ...one.inputs, v: full(5, [1, 1, 1, 1]) } }, bfloat16)).toEqual(expected);
    // the value itself counts, not what it is summed from
    const stored = storedValues(one, bfloat16);
    expect([stored?.o, stored?.finalState, stored?.gradients.k].map((values) => list(values))).toEqual([
      [-30],
      [-15],
      [-125],
    ]);
    expect(storedValues(one, float32)).toBeNull();
    expect(storedValues(one, { ...float64, output: float32.output })).not.toBeNull();
    expect(storedValues(one, { ...float64, state: float32.state })).not.toBeNull();
    expect(storedValues({ ...one, cotangents: undefined }, bfloat16)?.gradients).toEqual({});
    expect(storedValues(goodCase('softmax'), bfloat16)?.finalState).toHaveLength(0);
    expect(storedValues({ ...goodCase('softmax'), form: 'recurrent' as never }, bfloat16)?.o).toHaveLength(20);
  });

  it('states and outputs are stored in their own formats', () => {
    const p = { ...float64, state: bfloat16.state };
    const bounds = boundsOf(one, p);
    const before = Math.expm1(12 * 2 ** -53 + 2 ** -8) * 15;
    expect(list(bounds.finalState)).toEqual([before + 2 ** -8 * (15 + before)]);
    const exact = Math.expm1(13 * 2 ** -53 + 2 ** -8) * 30;
    expect(list(bounds.o)).toEqual([exact + 2 ** -53 * (30 + exact)]);
  });

  it('what is nothing may be lost to underflow alone', () => {
    const nothing = withInputs(one, { v: full(0, [1, 1, 1, 1]) });
    expect(list(boundsOf(nothing, float32).o)).toEqual([(13 * 2 * 6 + 1) * 2 ** -126]);
  });

  it('an answer that its format may not hold: nothing is promised', () => {
    const large = column('linear', { q: [2], k: [1], v: [32750] });
    const p = { ...float64, output: float16.output };
    expect(overflowsIn(large, p)).toBe(false);
    expect(list(boundsOf(large, p).o)).toEqual([Infinity]);
    expect(list(boundsOf(large, p).finalState)[0]).toBeLessThan(1);
    expect(overflowsIn(large, float16)).toBe(true);
    expect(overflowsIn(large, bfloat16)).toBe(false);
  });
});

describe('one token after a state', () => {
  // o = q (S + k w): the state has gone through a decay of 1/2
  const u = 2 ** -24;
  const c = column('mamba2', { q: [2], k: [3], v: [5], g: [-1], initialState: [4] });

  it('the exponent is off by a few roundings of exp, and one for each token times its size', () => {
    const decay = Math.exp(-1);
    const slip = 4 * u + u * (1 + 4) * 1;
    const factor = 2 ** -20 / slip;
    const small = 2 * (4 * decay + 15);
    const { o } = boundsOf(c, float32);
    const r = Math.expm1(13 * u);
    // the difference of two sums is as exact as it is large: 2^-20 of them
    const grown = (2 * (4 * Math.exp(-1 + factor * slip) + 15) - small) / factor;
    expect(o[0] / (r * (small + grown) + grown)).toBeGreaterThan(1 - 2 ** -30);
    expect(o[0] / (r * (small + grown) + grown)).toBeLessThan(1 + 2 ** -30);
    // a slip of one part in 2 ** 20 shows as one: convex, hardly curved
    expect(grown / (2 * 4 * decay * slip)).toBeGreaterThan(1);
    expect(grown / (2 * 4 * decay * slip)).toBeLessThan(1 + 2 ** -19);
  });

  it('without a state there is nothing that a decay could spoil', () => {
    expect(list(boundsOf(withInputs(c, { initialState: undefined }), float32).o)).toEqual([Math.expm1(13 * u) * 30]);
  });

  it('a state kept in memory once more is rounded twice more, there and back', () => {
    const states = { ...float64, state: float32.state };
    const undecayed = column('linear', { q: [1], k: [0], v: [0], initialState: [1] });
    const [once, more] = [boundsOf(undecayed, states), boundsOf(undecayed, states, [0])];
    const added = more.o[0] - once.o[0];
    expect(added / (2 * u)).toBeGreaterThan(1);
    expect(added / (2 * u)).toBeLessThan(1 + 2 ** -16);
  });
});

describe('what is likely', () => {
  const system = (name: string): Case =>
    withCotangents(goodCase(name, { T: 18, ...(name === 'softmax' ? {} : { stateLevels: 1 }), L: 6 }), {
      T: 18,
      L: 6,
    });

  it('is never more than what is certain', () => {
    for (const name of ['linear', 'log-linear-gla', 'deltanet', 'log-linear-kimi-delta', 'softmax']) {
      for (const p of [tf32, bfloat16]) {
        const [likely, certain] = [likelyBoundsOf(system(name), p), boundsOf(system(name), p)];
        expect(likely.o.every((bound, i) => bound > 0 && bound <= certain.o[i])).toBe(true);
        const { q = [] } = likely.gradients;
        expect(Array.from(q).every((bound, i) => bound <= (certain.gradients.q?.[i] ?? 0))).toBe(true);
      }
    }
  });

  it('six times the root of the sum of the squares, and a last rounding that may be a whole one', () => {
    // 64 terms of 1, of which the query sees all
    const T = 64;
    const ones = new Array<number>(T).fill(1);
    const c = column('linear', { q: ones, k: ones, v: ones });
    const u = 2 ** -8;
    const floors = (77 - 1) * 3 * 2 ** -126 + 3 * 2 ** -126;
    expect(floors).toBeLessThan(2 ** -100);
    // 4 factors, no input; a chunk and one more state; 76 sums with one sign
    const squares = (4 * u * u + 2 * u * u + ((1 + T + 1 + 10) * 2 ** -23) ** 2) * T;
    const { o, finalState } = likelyBoundsOf(c, bfloat16);
    expect(o[T - 1]).toBe(u * 64 + 6 * Math.sqrt(squares));
    const ofState = (3 * u * u + 2 * u * u + ((T + 1 + 10) * 2 ** -23) ** 2) * T;
    expect(finalState[0]).toBe(u * 64 + 6 * Math.sqrt(ofState));
  });

  it('where certainty promises nothing, neither does this', () => {
    const large = column('linear', { q: [1], k: [1], v: [7e4] });
    expect(list(likelyBoundsOf(large, float16).o)).toEqual([Infinity]);
  });
});

describe('an explanation', () => {
  const causes = (c: Case, p: Precision, name: 'o' | 'finalState' | 'k' = 'o') =>
    Object.fromEntries(explainBound(c, p, name, 0).terms.map(({ cause, value }) => [cause, value]));

  it('names each cause once, with its share', () => {
    const r = 13 * 2 ** -23 + 4 * 2 ** -8 + 2 ** -8;
    const share = Math.expm1(r) / r;
    const { size, terms } = explainBound(one, bfloat16, 'o', 0);
    expect(size).toBe(30);
    expect(terms.map(({ cause }) => cause)).toEqual([
      'factors',
      'states in memory',
      'stored result',
      'sums',
      'underflow',
    ]);
    expect(causes(one, bfloat16)).toEqual({
      factors: share * 4 * 2 ** -8 * 30,
      'states in memory': share * 2 ** -8 * 30,
      'stored result': 2 ** -8 * 30,
      sums: share * 13 * 2 ** -23 * 30,
      underflow: (13 * 3 * 30 + 1) * 2 ** -126,
    });
    expect(causes(one, bfloat16, 'finalState')['stored result']).toBe(2 ** -8 * 15);
    expect(causes(one, { ...float64, state: bfloat16.state }, 'finalState')['stored result']).toBe(2 ** -8 * 15);
  });

  it('says where each number comes from', () => {
    const c = withCotangents(goodCase('mamba2', { stateLevels: 1 }));
    const because = (name: 'o' | 'k') =>
      Object.fromEntries(explainBound(c, bfloat16, name, 4).terms.map((term) => [term.cause, term.because]));
    expect(because('o')).toMatchObject({
      sums: '19 roundings of float32 in each term, and those of every step',
      factors: '4 factors of products in bfloat16, and those of every step',
      inputs: 'not held exactly: q, k, v, initialState',
      exponent: 'sums of up to 5 log decays',
      'rounded g': 'log decays in bfloat16',
      'states in memory': 'bfloat16, once a chunk of 64',
      underflow: 'lost products, times what they are multiplied with',
    });
    expect(because('o')['stored result']).toMatch(/^a value of \d\.\d+ in bfloat16$/);
    expect(because('k').inputs).toBe('not held exactly: q, k, v, initialState, cotangents.o, cotangents.finalState');
    expect(because('k')['prefix sums']).toBe('differences of sums over chunks of 5');
  });

  it('of an overflow is nothing else', () => {
    const large = column('linear', { q: [1], k: [1], v: [7e4] });
    expect(explainBound(large, float16, 'o', 0)).toEqual({
      size: 7e4,
      terms: [{ cause: 'overflow', value: Infinity, because: 'numbers up to 7.00e+4 on the way' }],
    });
  });
});
