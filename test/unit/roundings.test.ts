/** What a bound counts, on cases small enough to count by hand. */
import { describe, expect, it } from 'vitest';
import { withInputs } from '../../properties/edit.ts';
import { CAUSES, costsOf, lostInputs, only } from '../../properties/errors/costs.ts';
import { certain, likely } from '../../properties/errors/measure.ts';
import { longestOf } from '../../properties/errors/model.ts';
import { floorsOf, largestOnTheWay, mayOverflow, roundingsOf } from '../../properties/errors/roundings.ts';
import { precisions } from '../../properties/precision.ts';
import { underflowOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor } from '../../reference/tensor.ts';
import { NOTHING } from './costs-of-nothing.ts';
import { goodCase, withCotangents } from './good-case.ts';

const [float64, float32, tf32, bfloat16, float16] = precisions;
const SIZES = { B: 2, T: 7, H: 5, G: 2, K: 3, V: 11, L: 4 };
const OUTPUTS = ['o', 'finalState', 'q', 'k', 'v', 'g', 'beta', 'lambda', 'initialState'] as const;

/** The same number everywhere. */
const full = (value: number, shape: readonly number[]): DenseTensor =>
  tensor(new Float64Array(elements(shape)).fill(value), [...shape]);

/** A case of one token, one head, one channel: each input is one number. */
function tiny(system: string, values: Partial<Record<InputName, number>>, more: Partial<Case> = {}): Case {
  const c = goodCase(system, { T: 1, H: 1, K: 1, V: 1, L: 1, ...('initialState' in values ? { stateLevels: 1 } : {}) });
  const inputs: Case['inputs'] = {};
  for (const [name, value] of Object.entries(values) as [InputName, number][]) {
    inputs[name] = full(value, (c.inputs[name] as Tensor).shape);
  }
  return { ...withInputs(c, inputs), ...more };
}

const cotangents = (o: number, finalState?: number): Partial<Case> => ({
  cotangents: {
    o: full(o, [1, 1, 1, 1]),
    ...(finalState === undefined ? {} : { finalState: full(finalState, [1, 1, 1, 1, 1]) }),
  },
});

const steps = (...value: number[]) => {
  const none = new Float64Array(value.length);
  return { value: Float64Array.from(value), g: none, beta: none, k: none };
};

describe('roundings of each term', () => {
  // K = 3 channels, V = 11 values, T = 7 tokens, 3 heads a group at most, 10 for what is done once, L levels;
  // a decay's gradient takes K V entries of a state and both of its sums over T, and a shared decay all 2 * 7 tokens
  it.each([
    ['one number for a transition', 'mamba2', 1, [21, 18, 32, 32, 21, 58, 43, 32, 21]],
    ['a transition of channels', 'gla', 1, [21, 21, 35, 35, 21, 58, 43, 32, 21]],
    ['a decay that all tokens of a head share', 'retention', 1, [21, 18, 32, 32, 21, 72, 43, 32, 21]],
    ['levels', 'log-linear-mamba2', 4, [24, 21, 35, 35, 24, 61, 46, 35, 24]],
    ['softmax', 'softmax', 1, [21, 18, 32, 32, 21, 58, 43, 32, 21]],
  ])('%s', (_, system, _levels, sums) => {
    const roundings = roundingsOf(goodCase(system, SIZES), float64);
    expect(OUTPUTS.map((name) => roundings(name).sums)).toEqual(sums);
  });

  it('sequences packed into one count by the longest of them', () => {
    const c = goodCase('mamba2', { ...SIZES, B: 1 }, { cuSeqlens: [0, 2, 6, 6, 7] });
    expect(longestOf(c)).toBe(4);
    expect(roundingsOf(c, float64)('o').sums).toBe(18);
    expect(longestOf(goodCase('mamba2', SIZES))).toBe(7);
  });

  it('factors: more of them through a triangular solve', () => {
    const of = (system: string) => {
      const roundings = roundingsOf(goodCase(system), float64);
      return OUTPUTS.slice(0, 3).map((name) => roundings(name).factors);
    };
    expect(of('gla')).toEqual([4, 3, 5]);
    expect(of('softmax')).toEqual([4, 3, 5]);
    expect(of('deltanet')).toEqual([6, 3, 8]);
  });

  it('inputs that are not held: cotangents only on the way back', () => {
    const c = withCotangents(goodCase('gated-deltanet', { stateLevels: 1 }));
    expect(lostInputs(c, bfloat16)).toEqual([
      'q',
      'k',
      'v',
      'beta',
      'initialState',
      'cotangents.o',
      'cotangents.finalState',
    ]);
    const roundings = roundingsOf(c, bfloat16);
    expect(OUTPUTS.slice(0, 3).map((name) => roundings(name).inputs)).toEqual([5, 5, 7]);
    expect(lostInputs(c, float64)).toEqual([]);
    expect(lostInputs({ ...c, cotangents: undefined }, bfloat16)).toHaveLength(5);
  });

  it('each number is held in its own format: inputs, states, outputs', () => {
    const [fine, coarse] = [float32.inputs, bfloat16.inputs];
    const c = withCotangents(goodCase('mamba2', { stateLevels: 1 }));
    const rounded = { ...float64, inputs: coarse };
    expect(lostInputs(c, rounded)).toEqual(['q', 'k', 'v']);
    expect(lostInputs(c, { ...float64, state: fine })).toEqual(['initialState', 'cotangents.finalState']);
    expect(lostInputs(c, { ...float64, output: fine })).toEqual(['cotangents.o']);
    const halves = tiny('mamba2', { q: 0.5, k: 0.5, v: 0.5, initialState: 0.5 }, cotangents(0.5, 0.5));
    expect(lostInputs(halves, bfloat16)).toEqual([]);
  });
});

describe('what a cause costs', () => {
  const [u24, u11, u8] = [2 ** -24, 2 ** -11, 2 ** -8];

  it('sums, and decays where there are any', () => {
    const u = 2 ** -53;
    expect(costsOf(goodCase('linear'), float64)).toEqual({ ...NOTHING, sums: u });
    expect(costsOf(goodCase('mamba2'), float64)).toEqual({ ...NOTHING, sums: u, exponent: u, 'prefix sums': u });
  });

  it('numbers that the formats do not hold', () => {
    const c = goodCase('mamba2', { stateLevels: 1 });
    const decays = { exponent: u24, 'prefix sums': u24 };
    const float32Costs = { ...NOTHING, ...decays, sums: u24, inputs: u24, 'rounded g': u24 };
    expect(costsOf(c, float32)).toEqual(float32Costs);
    // tensor cores cut off
    expect(costsOf(c, tf32)).toEqual({ ...float32Costs, sums: 2 * u24, factors: 2 * u11 });
    const narrow = (unit: number) => ({
      ...float32Costs,
      sums: 2 * u24,
      factors: unit,
      inputs: unit,
      'rounded g': unit,
      'states in memory': unit,
    });
    expect(costsOf(c, bfloat16)).toEqual(narrow(u8));
    expect(costsOf(c, float16)).toEqual(narrow(u11));
    const held = tiny('mamba2', { q: 1, k: 1, v: 1, g: -1 });
    expect(costsOf(held, bfloat16)).toEqual({ ...narrow(u8), inputs: 0, 'rounded g': 0 });
    expect(costsOf(goodCase('softmax'), bfloat16)['states in memory']).toBe(0);
  });

  it('an input that is lost costs the coarsest of its formats', () => {
    const c = goodCase('linear');
    for (const place of ['inputs', 'state', 'output'] as const) {
      const p = { ...float32, [place]: bfloat16.inputs };
      expect(costsOf(c, p).inputs, place).toBe(u8);
    }
  });

  it('one cause alone', () => {
    const costs = costsOf(goodCase('mamba2'), bfloat16);
    for (const cause of CAUSES) expect(only(costs, cause)).toEqual({ ...NOTHING, [cause]: costs[cause] });
  });
});

describe('underflow', () => {
  const unit = 2 ** -126;

  it('loses one number of each format for each product, times all that it may be multiplied with', () => {
    // 12 products in the state (T + level + 10), 13 in o and dq ((K + V) T + level + 10), 2 formats: accumulate and state
    const c = tiny('linear', { q: -2, k: 3, v: 5, initialState: 0.5 }, { scale: 4, ...cotangents(7, -11) });
    const floors = floorsOf(c, float32, null);
    expect(floors('finalState')).toBe((12 * 2 * 15 + 1) * unit);
    expect(floors('o')).toBe((13 * 2 * 15 * 8 + 1) * unit);
    expect(floors('q')).toBe((13 * 2 * 15 * 8 * 77 + 1) * unit);
    // the gradients have the largest that the case has
    expect(underflowOf(c, float32)).toBe(floors('q'));
    expect(underflowOf({ ...c, cotangents: undefined }, float32)).toBe(13 * 2 * 15 * 8 * unit + unit);
  });

  it('numbers below 1 shrink nothing', () => {
    const c = tiny('linear', { q: 0.25, k: 0.25, v: 0, initialState: 0.25 }, { scale: 0.25, ...cotangents(0, 0.25) });
    expect(floorsOf(c, float32, null)('q')).toBe((13 * 2 + 1) * unit);
  });

  it('beta, lambda, initial states and steps that grow count', () => {
    // through a solve of 1 token
    const c = tiny('log-linear-deltanet', { q: 1, k: 1, v: 1, beta: 2, lambda: 3, initialState: 5 });
    expect(floorsOf(c, float32, steps(7))('o')).toBe((13 * 2 * 2 * 5 * 7 * 3 + 1) * unit);
    expect(floorsOf(c, float32, steps(0.5))('finalState')).toBe((12 * 2 * 2 * 5 + 1) * unit);
  });

  describe('how many products', () => {
    // K = 3, V = 11, T = 7, 3 heads a group at most, L levels: 7 + L + 10 in a state, 14 * 7 + L + 10 elsewhere, once more for
    // each of the 7 tokens through a solve; for g once for each of 7 tokens, or of all 14
    it.each([
      ['one solve for NOTHING', 'mamba2', [109, 18, 109 * 3, 109 * 3, 109, 109 * 7, 109, 109, 109]],
      ['a decay of channels', 'gla', [109, 18, 109 * 3, 109 * 3, 109, 109 * 7, 109, 109, 109]],
      ['a shared decay', 'retention', [109, 18, 109 * 3, 109 * 3, 109, 109 * 14, 109, 109, 109]],
      ['levels', 'log-linear-mamba2', [112, 21, 112 * 3, 112 * 3, 112, 112 * 7, 112, 112, 112]],
      ['a solve', 'gated-deltanet', [763, 126, 763 * 3, 763 * 3, 763, 763 * 7, 763, 763, 763]],
      ['softmax', 'softmax', [109, 18, 109 * 3, 109 * 3, 109, 109 * 7, 109, 109, 109]],
    ])('%s', (_, system, products) => {
      // no number is above 1; in float64 nothing is lost but in two formats
      const floors = floorsOf(goodCase(system, SIZES), float64, null);
      const one = 2 ** -1074;
      expect(OUTPUTS.map((name) => floors(name) / one)).toEqual(products.map((count) => 2 * count + 1));
    });

    it('packed sequences by the longest, a shared decay by all tokens', () => {
      const floors = floorsOf(goodCase('retention', { ...SIZES, B: 1 }, { cuSeqlens: [0, 2, 6, 6, 7] }), float64, null);
      // 14 * 4 + 1 + 10, and 4 + 1 + 10
      expect(['o', 'finalState', 'g'].map((name) => floors(name as 'o') / 2 ** -1074)).toEqual([
        2 * 67 + 1,
        2 * 15 + 1,
        2 * 67 * 7 + 1,
      ]);
    });
  });

  describe('steps that grow', () => {
    const grown = (c: Case, ...value: number[]): number => {
      const floor = (of: ReturnType<typeof steps> | null) => floorsOf(c, float32, of)('finalState') / unit - 1;
      return floor(steps(...value)) / floor(null);
    };

    it.each([
      ['a run from the first', [3, 2, 0.125, 4], 6],
      ['a run to the last', [0.5, 0.25, 7, 2], 14],
      ['a run that shrinks on the way', [8, 0.5, 4, 0.5], 16],
      ['a run that starts anew', [2, 0.125, 1, 7], 7],
      ['NOTHING', [0.5, 0.25, 1, 0.5], 1],
    ])('%s', (_, values, most) => {
      expect(grown(goodCase('linear', { T: 4, H: 1 }), ...values)).toBe(most);
    });

    it('heads and sequences by themselves', () => {
      const heads = goodCase('linear', { T: 2, H: 2 });
      expect(grown(heads, 3, 5, 3, 0.25)).toBe(9);
      expect(grown(heads, 2, 5, 2, 4)).toBe(20);
      expect(grown(goodCase('linear', { T: 2, H: 2 }, { cuSeqlens: [0, 1, 2] }), 3, 5, 3, 4)).toBe(5);
      expect(grown(goodCase('linear', { B: 2, T: 2, H: 1 }), 2, 3, 4, 0.5)).toBe(6);
      expect(grown(goodCase('linear', { B: 2, T: 2, H: 1 }), 1, 1, 0.5, 5)).toBe(5);
    });
  });

  it('factors that are rounded underflow too, and inputs that are not held', () => {
    const held = tiny('linear', { q: 1, k: 1, v: 1 });
    expect(floorsOf(held, tf32, null)('o')).toBe((13 * 3 + 1) * unit);
    const lost = tiny('linear', { q: 1 + 2 ** -30, k: 1, v: 0.5 });
    expect(floorsOf(lost, float32, null)('finalState')).toBe((12 * 3 + 1) * unit);
  });

  it('outputs and states are stored in formats of their own', () => {
    const p = { ...float32, accumulate: float64.inputs, product: float64.inputs, output: float16.inputs };
    const c = tiny('linear', { q: 1, k: 1, v: 1 });
    // the accumulator's subnormal numbers do not count beside these
    expect(floorsOf(c, p, null)('o')).toBe(13 * unit + 2 ** -24);
    expect(floorsOf(c, p, null)('finalState')).toBe(12 * unit + unit);
  });

  it('of a case that is NOTHING is refused', () => {
    const c = goodCase('linear');
    expect(() => underflowOf({ ...c, position: [-1] })).toThrow(/^bounds: /);
  });

  it('promises nothing where numbers may overflow', () => {
    expect(underflowOf(tiny('linear', { q: 1, k: 1, v: 7e4 }), float16)).toBe(Number.POSITIVE_INFINITY);
    expect(underflowOf(goodCase('softmax'), bfloat16)).toBeLessThan(2 ** -100);
  });
});

describe('overflow', () => {
  const size = { o: new Float64Array(0), finalState: new Float64Array(0), gradients: {} };

  it('sums, products of two rows, and queries count', () => {
    const c = goodCase('linear', { T: 1, H: 1, K: 2, V: 2 });
    const row = (...values: number[]) => tensor(Float64Array.from(values), [1, 1, 1, 2]);
    const of = (inputs: Case['inputs'], more: Partial<Case> = {}, sums = size) =>
      largestOnTheWay({ ...withInputs(c, inputs), scale: 1, ...more }, { size: sums, steps: null });
    const small = { q: row(0, 0.5), k: row(0, 0.5), v: row(0, 0.5) };
    expect(of(small)).toBe(0.5);
    expect(of({ ...small, q: row(3, 4) })).toBe(5);
    expect(of({ ...small, q: row(3, 4), k: row(0, 2) })).toBe(10);
    expect(of({ ...small, q: row(3, 4), k: row(0, 2) }, { scale: -2 })).toBe(20);
    expect(of({ ...small, v: row(-3, 4) }, { cotangents: { o: row(6, 8) } })).toBe(50);
    expect(of(small, {}, { ...size, finalState: Float64Array.of(1, 9, 2) })).toBe(9);
    expect(of(small, {}, { ...size, gradients: { q: Float64Array.of(8) } })).toBe(8);
  });

  it('states and their gradients, step by step', () => {
    const c = goodCase('linear', { T: 3, H: 1, K: 1, V: 1 });
    const column = (...values: number[]) => tensor(Float64Array.from(values), [1, 3, 1, 1]);
    const zero = column(0, 0, 0);
    const forward = { ...withInputs(c, { q: zero, k: column(1, 1, 1), v: column(2, 3, 5) }), scale: 1 };
    // 2, then 2 * 2 + 3, then 7 / 7 + 5
    expect(largestOnTheWay(forward, { size, steps: steps(1, 2, 1 / 7) })).toBe(7);
    const started = withInputs(forward, { initialState: full(4, [1, 1, 1, 1, 1]) });
    expect(largestOnTheWay(started, { size, steps: steps(3, 0, 0) })).toBe(14);
    const back = {
      ...withInputs(c, { q: column(1, 1, 1), k: zero, v: zero }),
      scale: 3,
      cotangents: { o: column(5, 3, 2) },
    };
    // 6, then 4 * 6 + 9; a state's gradient goes back through the step that comes after it, and through the first one
    expect(largestOnTheWay(back, { size, steps: steps(0, 0, 4) })).toBe(33);
    expect(largestOnTheWay(back, { size, steps: steps(0, 4, 0) })).toBe(51);
    expect(largestOnTheWay(back, { size, steps: steps(4, 0, 0) })).toBe(60);
    const ended = { ...back, cotangents: { ...back.cotangents, finalState: full(-7, [1, 1, 1, 1, 1]) } };
    expect(largestOnTheWay(ended, { size, steps: steps(0, 0, 2) })).toBe(35);
  });

  it('heads read the rows of their group', () => {
    const [T, H, G] = [2, 3, 2];
    const c = goodCase('deltanet', { T, H, G, K: 1, V: 1 });
    const rows = tensor(Float64Array.of(1, 10, 100, 1000), [1, T, G, 1]);
    const zero = full(0, [1, T, G, 1]);
    const quiet = steps(...new Array<number>(T * H).fill(0));
    const groupOf = [0, 0, 1];
    for (let i = 0; i < T * H; i++) {
      const only = tensor(new Float64Array(T * H), [1, T, H, 1]);
      only.data[i] = 2000;
      const NOTHING = full(0, [1, T, H, 1]);
      const row = rows.data[Math.floor(i / H) * G + groupOf[i % H]];
      const written = withInputs(c, { q: zero, k: rows, v: only, beta: full(-4, [1, T, H]) });
      expect(largestOnTheWay(written, { size, steps: quiet })).toBe(2000 * row * 4);
      const asked = { ...withInputs(c, { q: rows, k: zero, v: NOTHING }), scale: 1, cotangents: { o: only } };
      expect(largestOnTheWay(asked, { size, steps: quiet })).toBe(2000 * row);
    }
  });

  it('level scales, steps that grow and every channel of a state count', () => {
    const c = tiny('log-linear-deltanet', { q: 2, k: 1, v: 0, beta: 1, lambda: 3 }, { scale: 1 });
    expect(largestOnTheWay(c, { size, steps: steps(5) })).toBe(2 * 3 * 5);
    const state = goodCase('linear', { T: 1, H: 1, K: 4, V: 1, stateLevels: 1 });
    const zero = full(0, [1, 1, 1, 4]);
    const inputs = { q: zero, k: zero, v: full(0, [1, 1, 1, 1]), initialState: full(5, [1, 1, 1, 4, 1]) };
    expect(largestOnTheWay(withInputs(state, inputs), { size, steps: steps(1) })).toBe(10);
  });

  it.each([
    ['an input', tiny('linear', { q: 0, k: 0, v: 65520 }), true],
    ['an input that rounds down', tiny('linear', { q: 0, k: 0, v: 65519 }), false],
    ['a state', tiny('linear', { q: 0, k: 0, v: 0, initialState: 65520 }), true],
    ['a cotangent', tiny('linear', { q: 0, k: 0, v: 0 }, cotangents(65520)), true],
    ['a cotangent of the state', tiny('linear', { q: 0, k: 0, v: 0 }, cotangents(0, 65520)), true],
    ['a log decay, which is no number on the way', tiny('mamba2', { q: 0, k: 0, v: 0, g: -65520 }), false],
    ['half of the largest number', tiny('linear', { q: 1, k: 1, v: 0 }, { scale: 32752 }), true],
    ['a little less', tiny('linear', { q: 1, k: 1, v: 0 }, { scale: 32751 }), false],
  ])('%s', (_, c, may) => {
    expect(mayOverflow(c, float16, { size, steps: null })).toBe(may);
  });

  it('every format on the way counts', () => {
    const c = tiny('linear', { q: 1, k: 1, v: 0 }, { scale: 5e4 });
    for (const place of ['accumulate', 'product', 'state'] as const) {
      expect(mayOverflow(c, { ...float32, [place]: float16.inputs }, { size, steps: null }), place).toBe(true);
    }
    expect(mayOverflow(c, float32, { size, steps: null })).toBe(false);
  });
});

describe('two ways to add up', () => {
  it('with one sign', () => {
    expect([certain.of(-3), certain.to(9), certain.roundings(5, 3), certain.across(64)]).toEqual([3, 9, 15, 1]);
  });
  it('as squares; factors that are cut off have a mean', () => {
    const { of, to, roundings, across } = likely(bfloat16);
    expect([of(-3), to(9), roundings(5, 3), across(2), across(4), across(64)]).toEqual([9, 3, 45, 1, 1, 1 / 16]);
    expect(likely(tf32).roundings(5, 3)).toBe(225);
  });
});
