import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import { type LambdaName, lambdaParametrizations } from '../../reference/parametrizations/lambda.ts';
import {
  computeMamba2,
  type Mamba2Gradients,
  type Mamba2Options,
  type Mamba2Parameters,
  mamba2Backward,
  mamba2Inputs,
  mamba2Output,
} from '../../reference/parametrizations/mamba2.ts';
import { sigmoid, softplus } from '../../reference/parametrizations/softplus.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../../reference/tensor.ts';

/** Half the distance from 1 to the next float64: the relative error of one rounding. */
const UNIT = 2 ** -53;

// ---- Numbers on a grid: multiples of 1/64 below 8, so that steps of 2^-8 to 2^-10 are added and subtracted without rounding.

type Next = () => number;

/** mulberry32: numbers in [0,1) from a seed that fast-check prints. */
function random(seed: number): Next {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const fill = (shape: number[], next: Next): DenseTensor =>
  tensor(Float64Array.from({ length: elements(shape) }, next), shape);

/** ± a multiple of 1/32 in [1/32, 1]. */
const signed = (next: Next): Next => {
  return () => (next() < 0.5 ? -1 : 1) * ((1 + Math.floor(32 * next())) / 32);
};
/** ± an odd multiple of 1/64 below 1: at least 1/64 from every multiple of 1/32, where the clamps of these tests are. */
const offset = (next: Next): Next => {
  return () => (next() < 0.5 ? -1 : 1) * ((1 + 2 * Math.floor(32 * next())) / 64);
};

const map = (t: Tensor, f: (value: number, i: number) => number): DenseTensor =>
  tensor(toDense(t).map(f), [...t.shape]);
const abs = (t: Tensor): DenseTensor => map(t, Math.abs);
const inner = (a: Tensor, b: Tensor): number => {
  const other = toDense(b);
  return toDense(a).reduce((sum, value, i) => sum + value * other[i], 0);
};

/** The same values, float32, in an array of their own that runs backwards along every axis, the last axis slowest. */
function strided(t: Tensor): Tensor {
  const axes = t.shape.map((_, axis) => axis).reverse();
  const turned = toDense(t.transpose(...axes)).reverse();
  const shape = [...t.shape].reverse();
  const view = ndarray(new Float32Array(turned), shape).step(...shape.map(() => -1));
  return view.transpose(...axes) as Tensor;
}

// ---- Central differences with their own error estimate.

/** A value and a bound on the rounding error in it. */
interface Rounded {
  value: number;
  error: number;
}

/**
 * The derivative of f at 0, and how far it may be from an analytic one that is right.
 * D(s) = (f(s) - f(-s)) / 2s = f' + c2 s² + c4 s⁴ + …;  R(s) = (4 D(s/2) - D(s)) / 3 = f' - c4 s⁴ / 4 + …
 * Truncation of R(h/2): c4 h⁴ / 64. It is estimated by |R(h) - R(h/2)| = 15 c4 h⁴ / 64, fifteen times as much.
 * Rounding, with E the bound on f's own: D(s) carries E/s, so R(h/2) carries (4 · 4 + 2) / 3 · E/h = 6 E/h; one more E/h is for
 * the analytic gradient. Its relative error is that of f, and its terms are those of f over the parameter (at least 1/64 here,
 * or a factor of at most 100 from an exponent), so that it is at most 100 E < E/h. h = 2^-8: every step of the three is exact.
 */
function derivative(f: (step: number) => Rounded): { estimate: number; bound: number } {
  const h = 2 ** -8;
  let E = 0;
  const D = (s: number): number => {
    const up = f(s);
    const down = f(-s);
    E = Math.max(E, up.error, down.error);
    return (up.value - down.value) / (2 * s);
  };
  const [D1, D2, D4] = [D(h), D(h / 2), D(h / 4)];
  const coarse = (4 * D2 - D1) / 3;
  const fine = (4 * D4 - D2) / 3;
  return { estimate: fine, bound: Math.abs(coarse - fine) + (7 * E) / h };
}

const agrees = (gradient: number, { estimate, bound }: { estimate: number; bound: number }): boolean =>
  Math.abs(gradient - estimate) <= bound;

const refuses = (action: () => unknown, argument: string, message: RegExp): void => {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(InvalidInput);
  expect(thrown).toMatchObject({ argument, message: expect.stringMatching(message) });
};

// ---- Mamba-2.

interface Size {
  B: number;
  T: number;
  H: number;
  G: number;
  K: number;
  V: number;
}

interface Setting extends Size {
  seed: number;
  skip: 'none' | 'head' | 'channel';
  bias: boolean;
  dtSoftplus: boolean;
  limits: boolean;
  logLinear: boolean;
  form: 'masked' | 'recurrent' | 'chunked';
}

const settings: fc.Arbitrary<Setting> = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 0, max: 9 }),
    G: fc.integer({ min: 1, max: 2 }),
    headsPerGroup: fc.integer({ min: 1, max: 2 }),
    K: fc.integer({ min: 1, max: 3 }),
    V: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer(),
    skip: fc.constantFrom<Setting['skip'][]>('none', 'head', 'channel'),
    bias: fc.boolean(),
    dtSoftplus: fc.boolean(),
    limits: fc.boolean(),
    logLinear: fc.boolean(),
    form: fc.constantFrom<Setting['form'][]>('masked', 'recurrent', 'chunked'),
  })
  .map(({ headsPerGroup, ...rest }) => ({ ...rest, H: rest.G * headsPerGroup }));

const CASE: Setting = {
  ...{ B: 2, T: 6, H: 2, G: 1, K: 2, V: 3 },
  ...{ seed: 7, skip: 'channel', bias: true, dtSoftplus: true, limits: false, logLinear: false, form: 'masked' },
};

interface Draw {
  parameters: Mamba2Parameters;
  options: Mamba2Options;
  dY: DenseTensor;
}

function draw({ B, T, H, G, K, V, ...rest }: Setting): Draw {
  const next = random(rest.seed);
  const value = signed(next);
  const parameters: Mamba2Parameters = {
    x: fill([B, T, H, V], value),
    dt: fill([B, T, H], offset(next)),
    A: map(fill([H], value), (a) => -Math.abs(a)),
    B: fill([B, T, G, K], value),
    C: fill([B, T, G, K], value),
    dtSoftplus: rest.dtSoftplus,
  };
  if (rest.skip !== 'none') parameters.D = fill(rest.skip === 'head' ? [H] : [H, V], value);
  if (rest.bias) parameters.dtBias = fill([H], value);
  // where dt + dtBias is an even multiple of 1/64; dt itself sits on odd ones
  const edges: [number, number] = [-1 / 4, 1 / 2];
  if (rest.limits) parameters.dtLimit = rest.dtSoftplus ? [softplus(edges[0]), softplus(edges[1])] : [1 / 8, 1 / 2];
  const options: Mamba2Options = { form: rest.form, chunkSize: 4 };
  if (rest.logLinear) options.lambda = fill([B, T, H, 5], value);
  return { parameters, options, dY: fill([B, T, H, V], value) };
}

/**
 * Roundings on the way of one term of y. Each term is C · B · exp(sum of g) · dt' · x · lambda, and sums and products along it:
 * K for the dot product, 2 T for the sum over s and the decays that a recurrence multiplies, L for the levels, and 12 for the
 * products, D x, and the few units of exp, log1p and the sum in dt'. The exponent's absolute error is a relative error of the term:
 * two prefix sums of T terms each, each g with the 6 roundings of dt' A, times the sum of |g|. dt + dtBias, below 2, adds its absolute
 * error to the relative one of softplus, as sigmoid <= softplus: 2 more in both places.
 */
function roundings({ parameters, options }: Draw): number {
  const { g } = mamba2Inputs(parameters).inputs;
  const [B, T, H] = g.shape;
  let largest = 0;
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      let sum = 0;
      for (let t = 0; t < T; t++) sum += Math.abs(g.get(b, t, h));
      largest = Math.max(largest, sum);
    }
  }
  const L = options.lambda ? options.lambda.shape[3] : 1;
  return parameters.B.shape[3] + 2 * T + L + 14 + (2 * T + 8) * largest;
}

/** y with every factor but dt' and the decay replaced by its size: what the roundings of y are relative to. */
function sizeOfY({ parameters, options }: Draw): DenseTensor {
  const { x, B, C, D } = parameters;
  const sizes = { ...parameters, x: abs(x), B: abs(B), C: abs(C), D: D && abs(D) };
  return computeMamba2(sizes, { ...options, lambda: options.lambda && abs(options.lambda) }).y;
}

/** <y, dY>, one rounding for each entry and one for the product, and `more` on the way of every term. */
function loss(d: Draw, more: number): Rounded {
  const n = roundings(d) + elements(d.dY.shape) + 1 + more;
  return {
    value: inner(computeMamba2(d.parameters, d.options).y, d.dY),
    error: n * UNIT * inner(sizeOfY(d), abs(d.dY)),
  };
}

type Name = keyof Mamba2Gradients | 'lambda';

const tensorOf = ({ parameters, options }: Draw, name: Name): Tensor | undefined =>
  name === 'lambda' ? options.lambda : parameters[name];

function moved(d: Draw, name: Name, direction: Tensor, step: number): Draw {
  const along = toDense(direction);
  const at = map(tensorOf(d, name) as Tensor, (value, i) => value + step * along[i]);
  return name === 'lambda'
    ? { ...d, options: { ...d.options, lambda: at } }
    : { ...d, parameters: { ...d.parameters, [name]: at } };
}

const NAMES: Name[] = ['x', 'dt', 'A', 'B', 'C', 'D', 'dtBias', 'lambda'];

/** The names whose gradient, along a random direction of ±1, does not agree with the difference quotient. */
function disagreements(d: Draw, seed: number, gradients: Partial<Record<Name, Tensor>>): Name[] {
  const sign = random(~seed);
  return NAMES.filter((name) => {
    const at = tensorOf(d, name);
    if ((at === undefined) !== (gradients[name] === undefined)) return true;
    if (at === undefined) return false;
    const direction = fill([...at.shape], () => (sign() < 0.5 ? -1 : 1));
    // the inner product of gradient and direction rounds once for each entry
    const quotient = derivative((step) => loss(moved(d, name, direction, step), direction.size));
    return !agrees(inner(gradients[name] as Tensor, direction), quotient);
  });
}

const gradientsOf = (d: Draw): NonNullable<ReturnType<typeof computeMamba2>['gradients']> => {
  const { gradients } = computeMamba2(d.parameters, { ...d.options, cotangents: { y: d.dY } });
  if (!gradients) throw new Error('no gradients');
  return gradients;
};

/** y as `add` fills it for each head, with the group that the head reads, and then D x. */
function overHeads(
  p: Mamba2Parameters,
  add: (y: DenseTensor, b: number, h: number, group: number) => void,
): DenseTensor {
  const [B, , H] = p.x.shape;
  const y = map(p.x, () => 0);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) add(y, b, h, Math.floor((h * p.B.shape[2]) / H));
  }
  const D = p.D ? toDense(p.D) : [0];
  const head = (i: number): number => Math.floor(i / p.x.shape[3]) % H;
  const skip = map(p.x, (x, i) => x * (p.D?.shape.length === 1 ? D[head(i)] : D[i % D.length]));
  return map(y, (value, i) => value + skip.data[i]);
}

type Step = (b: number, t: number, h: number) => number;

/** h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t^T, y_t = C_t^T h_t + D x_t. */
function ssd(p: Mamba2Parameters, dt: Step): DenseTensor {
  const [, T, , V] = p.x.shape;
  const K = p.B.shape[3];
  return overHeads(p, (y, b, h, group) => {
    const state = new Float64Array(K * V);
    for (let t = 0; t < T; t++) {
      const step = dt(b, t, h);
      for (let j = 0; j < V; j++) {
        let sum = 0;
        for (let i = 0; i < K; i++) {
          const s = i * V + j;
          state[s] = Math.exp(step * p.A.get(h)) * state[s] + step * p.B.get(b, t, group, i) * p.x.get(b, t, h, j);
          sum += p.C.get(b, t, group, i) * state[s];
        }
        y.set(b, t, h, j, sum);
      }
    }
  });
}

/** The same with level scales, as the sum over all pairs: level(t,s) is the bit length of t xor s. */
function logLinearSsd(p: Mamba2Parameters, lambda: Tensor, dt: Step): DenseTensor {
  const [, T, , V] = p.x.shape;
  const K = p.B.shape[3];
  return overHeads(p, (y, b, h, group) => {
    for (let t = 0; t < T; t++) {
      let decay = 1;
      for (let s = t; s >= 0; s--) {
        let product = 0;
        for (let i = 0; i < K; i++) product += p.C.get(b, t, group, i) * p.B.get(b, s, group, i);
        const scale = lambda.get(b, t, h, t === s ? 0 : (t ^ s).toString(2).length);
        const weight = scale * product * decay * dt(b, s, h);
        for (let j = 0; j < V; j++) y.set(b, t, h, j, y.get(b, t, h, j) + weight * p.x.get(b, s, h, j));
        decay *= Math.exp(dt(b, s, h) * p.A.get(h));
      }
    }
  });
}

/** Tokens [from, to). */
const part = (t: Tensor, from: number, to: number): Tensor => t.lo(0, from).hi(t.shape[0], to - from);

/** Both sides carry the same roundings, so the bound is twice theirs. The values may be a part of the tokens. */
function expectClose(given: Tensor, wanted: Tensor, d: Draw, from = 0, to = d.dY.shape[1]): void {
  const bound = toDense(part(sizeOfY(d), from, to)).map((size) => 2 * roundings(d) * UNIT * size);
  const right = toDense(wanted);
  expect(given.shape).toEqual(wanted.shape);
  toDense(given).forEach((value, i) => {
    if (!(Math.abs(value - right[i]) <= bound[i])) expect.fail(`entry ${i}: ${value}, not ${right[i]} ± ${bound[i]}`);
  });
}

/** dt' as the test's own words have it: this softplus overflows, but not for |dt + dtBias| < 2, and rounds as often. */
function naiveStep(p: Mamba2Parameters): Step {
  const [min, max] = p.dtLimit ?? [0, Infinity];
  return (b, t, h) => {
    const biased = p.dt.get(b, t, h) + (p.dtBias ? p.dtBias.get(h) : 0);
    const step = p.dtSoftplus ? Math.log1p(Math.exp(biased)) : biased;
    return Math.min(Math.max(step, min), max);
  };
}

describe('computeMamba2', () => {
  it('is the recurrence h = exp(dt A) h + dt B x, y = C h + D x, with every option and grouping, and its log-linear lift', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const d = draw(setting);
        const { y } = computeMamba2(d.parameters, d.options);
        const dt = naiveStep(d.parameters);
        const { lambda } = d.options;
        expectClose(y, lambda ? logLinearSsd(d.parameters, lambda, dt) : ssd(d.parameters, dt), d);
      }),
    );
  });

  it('has gradients that agree with central differences', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const d = draw(setting);
        expect(disagreements(d, setting.seed, gradientsOf(d))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('passes states in and out, and their gradients', () => {
    const d = draw({ ...CASE, logLinear: true });
    const whole = computeMamba2(d.parameters, d.options);
    const run = (from: number, to: number, more: Mamba2Options): ReturnType<typeof computeMamba2> => {
      const { x, dt, B, C } = d.parameters;
      const at = (t: Tensor): Tensor => part(t, from, to);
      const parameters = { ...d.parameters, x: at(x), dt: at(dt), B: at(B), C: at(C) };
      const given = computeMamba2(parameters, { ...d.options, lambda: at(d.options.lambda as Tensor), ...more });
      expectClose(given.y, at(whole.y), d, from, to);
      return given;
    };
    const first = run(0, 3, {});
    const resumed = { initialState: first.finalState, position: first.position };
    const second = run(3, CASE.T, { ...resumed, cotangents: { y: part(d.dY, 3, CASE.T) } });
    expect(second.position).toEqual(whole.position);
    const dState = second.gradients?.initialState as Tensor;
    const cotangents = { y: d.dY, finalState: dState };
    const { gradients } = computeMamba2(d.parameters, { ...d.options, cotangents });
    const direct = compute({
      system: 'log-linear-mamba2',
      inputs: { ...mamba2Inputs(d.parameters).inputs, lambda: d.options.lambda },
      cotangents: { o: d.dY, finalState: dState },
      form: 'masked',
    }).gradients as Partial<Record<InputName, Tensor>>;
    expect(gradients).toEqual({ ...mamba2Backward(d.parameters, direct, d.dY), lambda: direct.lambda });
    expect(gradients?.B).not.toEqual(gradientsOf(d).B);
  });
});

/** Gradients of one draw, right and wrong ones. */
function controls() {
  const d = draw({ ...CASE, limits: true, logLinear: true });
  const right = gradientsOf(d);
  /** The largest entry off by one part in a million. */
  const bumped = (t: Tensor): DenseTensor => {
    const largest = Math.max(...toDense(abs(t)));
    return map(t, (value) => (Math.abs(value) === largest ? value * (1 + 2 ** -20) : value));
  };
  const { slope, inside } = (() => {
    const z = map(d.parameters.dt, (dt, i) => dt + toDense(d.parameters.dtBias as Tensor)[i % CASE.H]);
    const isInside = (value: number): boolean => value > -1 / 4 && value < 1 / 2;
    return { slope: toDense(map(z, sigmoid)), inside: toDense(z).map((value) => (isInside(value) ? 1 : 0)) };
  })();
  const control: [string, Name, Tensor][] = [
    ['x without the skip', 'x', gradientsOf({ ...d, parameters: { ...d.parameters, D: undefined } }).x],
    ['x with one entry 2^-20 off', 'x', bumped(right.x)],
    ['A with one entry 2^-20 off', 'A', bumped(right.A)],
    ['dt without the slope of softplus', 'dt', map(right.dt, (value, i) => value / slope[i])],
    ['dt through the clamp', 'dt', gradientsOf({ ...d, parameters: { ...d.parameters, dtLimit: undefined } }).dt],
    ['dtBias from one token', 'dtBias', map(right.dtBias as Tensor, (_, h) => right.dt.get(0, 0, h))],
    ['B for C', 'C', right.B],
    ['D twice', 'D', map(right.D as Tensor, (value) => 2 * value)],
    ['lambda with one entry 2^-20 off', 'lambda', bumped(right.lambda as Tensor)],
  ];
  return { d, right, inside, control };
}

describe('the difference quotient', () => {
  it('is asked about dt on both sides of the clamp', () => {
    const { right, inside } = controls();
    expect(new Set(inside)).toEqual(new Set([0, 1]));
    expect(inside.every((is, i) => is === 1 || right.dt.data[i] === 0)).toBe(true);
  });
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('rejects a wrong gradient, number %i', (number) => {
    const { d, right, control } = controls();
    expect(control).toHaveLength(9);
    const [what, name, wrong] = control[number];
    expect(disagreements(d, 3, { ...right, [name]: wrong }), what).toEqual([name]);
  });
});

describe('mamba2Inputs, mamba2Output, mamba2Backward', () => {
  const one = (value: number, rank: number): DenseTensor => tensor(Float64Array.of(value), Array(rank).fill(1));
  const scalar = (dt: number, rest: Partial<Mamba2Parameters> = {}): Mamba2Parameters => {
    return { x: one(3, 4), dt: one(dt, 3), A: one(-2, 1), B: one(1, 4), C: one(1, 4), ...rest };
  };
  const back = (p: Mamba2Parameters): Mamba2Gradients => {
    return mamba2Backward(p, { q: one(1, 4), k: one(1, 4), v: one(5, 4), g: one(7, 3) }, one(11, 4));
  };

  it('maps as written', () => {
    const { inputs, dt } = mamba2Inputs(scalar(0.5, { C: one(13, 4), B: one(17, 4) }));
    expect([inputs.q, inputs.k, inputs.v, inputs.g, dt].map(({ data }) => data[0])).toEqual([13, 17, 1.5, -1, 0.5]);
    expect(mamba2Output(one(19, 4), scalar(0.5, { D: one(23, 1) })).data[0]).toBe(19 + 23 * 3);
    expect(mamba2Output(one(19, 4), scalar(0.5)).data[0]).toBe(19);
  });

  it('maps back as written', () => {
    const g = back(scalar(0.5, { D: one(23, 2), dtBias: one(0.25, 1) }));
    const all = [g.x, g.dt, g.A, g.D, g.dtBias].map((t) => t?.data[0]);
    // dx = 5 dt' + 11 · 23, ddt = 5 x + 7 A, dA = 7 dt', dD = 11 x
    expect(all).toEqual([5 * 0.75 + 11 * 23, 5 * 3 - 7 * 2, 7 * 0.75, 33, 1]);
    expect(g.D?.shape).toEqual([1, 1]);
    expect(Object.keys(back(scalar(0.5)))).toEqual(['x', 'dt', 'A', 'B', 'C']);
  });

  it.each([
    [800, 800, 1],
    [-800, 0, 0],
    [0, Math.LN2, 0.5],
  ])('softplus of dt = %d is %d', (dt, step, slope) => {
    const p = scalar(dt, { dtSoftplus: true });
    expect(mamba2Inputs(p).dt.data[0]).toBe(step);
    expect(back(p).dt.data[0]).toBe(slope * (5 * 3 - 7 * 2));
  });

  it('clamps to dtLimit, by default [0, Infinity]: no gradient outside, that of the inside on the edges', () => {
    const at = (dt: number, dtLimit?: [number, number]): [number, number] => {
      const p = scalar(dt, { dtLimit });
      return [mamba2Inputs(p).dt.data[0], back(p).dt.data[0]];
    };
    expect(at(-1)).toEqual([0, 0]);
    expect(at(0)).toEqual([0, 1]);
    expect(at(1e300)).toEqual([1e300, 1]);
    expect(at(0.1, [0.25, 0.5])).toEqual([0.25, 0]);
    expect(at(0.25, [0.25, 0.5])).toEqual([0.25, 1]);
    expect(at(0.5, [0.25, 0.5])).toEqual([0.5, 1]);
    expect(at(0.6, [0.25, 0.5])).toEqual([0.5, 0]);
    expect(at(-1, [-Infinity, Infinity])).toEqual([-1, 1]);
    expect(at(Number.NaN)[0]).toBeNaN();
  });

  it('lets nothing through a clamped step, Infinity neither', () => {
    const g = { q: one(1, 4), k: one(1, 4), v: one(Infinity, 4), g: one(1, 3) };
    expect(mamba2Backward(scalar(-1), g, one(1, 4)).dt.data[0]).toBe(0);
  });

  it('reads any strides and float32, and writes in no argument', () => {
    const d = draw({ ...CASE, logLinear: true });
    const entries = Object.entries(d.parameters);
    const other = entries.map(([name, value]) => [name, typeof value === 'object' ? strided(value as Tensor) : value]);
    const views = Object.fromEntries(other) as unknown as Mamba2Parameters;
    const lambda = strided(d.options.lambda as Tensor);
    const y = strided(d.dY);
    expect(toDense(views.x)).toEqual(d.parameters.x.data);
    const contents = (): Float32Array[] =>
      [views.x, views.dt, views.A, views.B, views.C, lambda, y].map(({ data }) => Float32Array.from(data));
    const before = contents();
    const given = computeMamba2(views, { ...d.options, lambda, cotangents: { y } });
    expect(given).toEqual(computeMamba2(d.parameters, { ...d.options, cotangents: { y: d.dY } }));
    expect(mamba2Inputs(d.parameters).inputs.q.data).not.toBe(d.parameters.C.data);
    expect(mamba2Output(y, views)).toEqual(mamba2Output(d.dY, d.parameters));
    const { q, k, v, g } = mamba2Inputs(d.parameters).inputs;
    const gradients = { q, k, v: map(v, Math.fround), g: map(g, Math.fround) };
    const turned = { q: strided(q), k: strided(k), v: strided(v), g: strided(g) };
    expect(mamba2Backward(views, turned, y)).toEqual(mamba2Backward(d.parameters, gradients, d.dY));
    expect(contents()).toEqual(before);
  });

  it('clamps dt to one number where the limits are the same, and says what dt became', () => {
    const { inputs, dt } = mamba2Inputs({ ...draw(CASE).parameters, dtLimit: [0.5, 0.5] });
    expect(dt.shape).toEqual(inputs.g.shape);
    expect(new Set(toDense(dt))).toEqual(new Set([0.5]));
  });

  it('takes T = 0', () => {
    const d = draw({ ...CASE, T: 0 });
    const { A, D, dtBias } = gradientsOf(d);
    expect([A, D as Tensor, dtBias as Tensor].every((t) => toDense(t).every((value) => value === 0))).toBe(true);
  });

  const drawn = () => draw({ ...CASE, H: 2, G: 2 });
  const flat = (...shape: number[]): DenseTensor => fill(shape, () => 1);
  const bad: [string, string, Record<string, unknown>, RegExp][] = [
    ['rank', 'dt', { dt: flat(2, 6) }, /dt: rank 2, shape \[2,6\] given, \[B,T,H\] = \[2,6,2\] wanted/],
    ['size', 'A', { A: flat(3) }, /A: shape \[3\] given, \[H\] = \[2\] wanted: H = 2 in x/],
    [
      'C beside B',
      'C',
      { C: flat(2, 6, 1, 2) },
      /shape \[2,6,1,2\] given, \[B,T,G,K\] = \[2,6,2,2\] wanted: G = 2 in B/,
    ],
    ['groups', 'B', { B: flat(2, 6, 3, 2), C: flat(2, 6, 3, 2) }, /G = 3 groups for H = 2 heads/],
    ['empty', 'B', { B: flat(2, 6, 2, 0), C: flat(2, 6, 2, 0) }, /K = 0 given, K >= 1 wanted: only T may be 0/],
    ['D', 'D', { D: flat(2, 2) }, /D: shape \[2,2\] given, \[H,V\] = \[2,3\] wanted: V = 3 in x/],
    ['D, rank', 'D', { D: flat(2, 3, 1) }, /D: rank 3/],
    ['dtBias', 'dtBias', { dtBias: flat(2, 1) }, /dtBias: rank 2/],
    ['missing', 'x', { x: undefined }, /mamba2Inputs: x: nothing given, an ndarray wanted/],
    ['no tensor', 'D', { D: 1 }, /D: 1 given, an ndarray wanted/],
    ['unknown', 'dtbias', { dtbias: flat(2) }, /dtbias: an unknown field given, .*dtBias.* wanted/],
    ['dtSoftplus', 'dtSoftplus', { dtSoftplus: 1 }, /1 given, true or false wanted/],
    ['dtLimit', 'dtLimit', { dtLimit: [1, 0] }, /\[1,0\] given, \[min, max\] with min <= max wanted/],
    ['dtLimit, one', 'dtLimit', { dtLimit: [1] }, /\[1\] given/],
    ['dtLimit, NaN', 'dtLimit', { dtLimit: [0, Number.NaN] }, /\[0,NaN\] given/],
    ['dtLimit, a number', 'dtLimit', { dtLimit: 0.1 }, /0.1 given/],
  ];
  it.each(bad)('refuses bad parameters: %s', (_, argument, change, message) => {
    refuses(() => mamba2Inputs({ ...drawn().parameters, ...change } as Mamba2Parameters), argument, message);
  });
  it('accepts the parameters that the bad ones are made of', () =>
    expect(mamba2Inputs(drawn().parameters).inputs.q.shape).toEqual([2, 6, 2, 2]));

  it('refuses bad outputs, gradients and cotangents', () => {
    const { parameters: p, dY } = drawn();
    const { q, k, v, g } = mamba2Inputs(p).inputs;
    refuses(
      () => mamba2Inputs(null as unknown as Mamba2Parameters),
      'parameters',
      /null given, an object with x, dt, A, B, C/,
    );
    refuses(() => mamba2Output(flat(2, 6, 2, 2), p), 'o', /mamba2Output: o: shape .* V = 3 in x/);
    refuses(() => mamba2Backward(p, { q, k, v, g }, flat(2, 6, 2)), 'dY', /rank 3/);
    refuses(() => mamba2Backward(p, { q, k, v }, dY), 'gradients.g', /nothing given/);
    refuses(() => mamba2Backward(p, { q, k, v: k, g }, dY), 'gradients.v', /V = 3 in x/);
    refuses(() => computeMamba2(p, { cotangents: { y: flat(2, 6, 2, 2) } }), 'cotangents.y', /V = 3 in x/);
    refuses(
      () => computeMamba2(p, { cotangents: { o: dY } as unknown as { y: Tensor } }),
      'o',
      /an unknown field given, y, finalState wanted/,
    );
    refuses(() => computeMamba2(p, { lambda: flat(2, 6, 2, 2) }), 'lambda', /L >= 4/);
    refuses(() => computeMamba2(p, { lamda: dY } as Mamba2Options), 'lamda', /unknown field/);
  });
});

// ---- softplus and lambda.

const anyNumber = fc.double({ noNaN: true });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

describe('softplus and sigmoid', () => {
  it('are exact where rounding leaves one answer', () => {
    expect([800, -800, 0, Infinity, -Infinity, 1e308].map(softplus)).toEqual([800, 0, Math.LN2, Infinity, 0, 1e308]);
    expect([800, -800, 0, Infinity, -Infinity].map(sigmoid)).toEqual([1, 0, 0.5, 1, 0]);
    expect([softplus(-40), sigmoid(-40)]).toEqual([Math.exp(-40), Math.exp(-40)]);
    expect([softplus(Number.NaN), sigmoid(Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
  });
  it('keep softplus(x) - softplus(-x) = x and sigmoid(x) + sigmoid(-x) = 1', () => {
    fc.assert(
      fc.property(finite, (x) => {
        // both sides have the same log1p term, at most log 2: it rounds once with |x|, and once more in the difference
        expect(Math.abs(softplus(x) - softplus(-x) - x)).toBeLessThanOrEqual(2 * UNIT * (Math.abs(x) + 1));
        // two quotients with the same numerator and denominator sums, and their sum: three roundings and the denominator's
        expect(Math.abs(sigmoid(x) + sigmoid(-x) - 1)).toBeLessThanOrEqual(4 * UNIT);
      }),
    );
  });
  it('stay in their ranges at any argument', () => {
    fc.assert(
      fc.property(anyNumber, (x) => {
        expect(softplus(x)).toBeGreaterThanOrEqual(Math.max(x, 0));
        expect(softplus(x)).toBeLessThanOrEqual(Math.max(x, 0) + Math.LN2);
        expect(sigmoid(x)).toBeGreaterThanOrEqual(0);
        expect(sigmoid(x)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

const LAMBDAS = Object.keys(lambdaParametrizations) as LambdaName[];

/** What one entry of lambda is, in plain words, and its relative error in roundings. */
const PLAIN: Record<LambdaName, { value(L: number, dl: number): number; roundings(L: number, dl: number): number }> = {
  identity: { value: (L, dl) => L * dl, roundings: () => 1 },
  // the product's absolute error |z| u is at most as much relative error of softplus; exp, log1p: 2 units each, and a sum
  positive: { value: (L, dl) => Math.log1p(Math.exp(L * dl)), roundings: (L, dl) => 6 + Math.abs(L * dl) },
  // a = e^L softplus(dl) with 8 roundings: two of exp, five of softplus, a product; its absolute error is relative in e^-a
  bounded: {
    value: (L, dl) => Math.exp(-Math.exp(L) * Math.log1p(Math.exp(dl))),
    roundings: (L, dl) => 2 + 8 * Math.exp(L) * Math.log1p(Math.exp(dl)),
  },
};

interface LambdaDraw {
  name: LambdaName;
  L: Tensor;
  dl: Tensor;
  d: DenseTensor;
}

/** L within ±3, dl within ±6, on the grid: a of `bounded` stays below 6 e^3 = 121. */
function drawLambda(name: LambdaName, shape: number[], seed: number): LambdaDraw {
  const value = signed(random(seed));
  const L = fill(shape.slice(2), () => 3 * value());
  return { name, L, dl: fill(shape, () => 6 * value()), d: fill(shape, value) };
}

const lambdaOf = ({ name, L, dl }: LambdaDraw): DenseTensor => lambdaParametrizations[name].forward({ L, dl });

/** The largest relative error of lambda, in roundings. */
function lambdaRoundings({ name, L, dl }: LambdaDraw): number {
  const l = toDense(L);
  return toDense(dl).reduce((most, x, i) => Math.max(most, PLAIN[name].roundings(l[i % l.length], x)), 0);
}

/**
 * Whether gradients by L and dl agree with the difference quotients of f. The analytic gradient's share in `derivative` holds here too:
 * |d lambda| is at most a lambda for `bounded` with a < 121, at most 6 lambda for `positive`, and linear for `identity`.
 */
function lambdaDisagreements(
  given: LambdaDraw,
  gradients: { L: Tensor; dl: Tensor },
  f: (at: LambdaDraw) => Rounded,
): string[] {
  const sign = random(elements(given.dl.shape));
  return (['L', 'dl'] as const).filter((name) => {
    const direction = fill([...given[name].shape], () => (sign() < 0.5 ? -1 : 1));
    const at = (step: number): Tensor => map(given[name], (value, i) => value + step * direction.data[i]);
    const quotient = derivative((step) => f({ ...given, [name]: at(step) }));
    return !agrees(inner(gradients[name], direction), quotient);
  });
}

function lambdaLoss(at: LambdaDraw): Rounded {
  const lambda = lambdaOf(at);
  const n = lambdaRoundings(at) + elements(at.d.shape) + 3;
  return { value: inner(lambda, at.d), error: n * UNIT * inner(abs(lambda), abs(at.d)) };
}

const lambdaShapes = fc.tuple(...[2, 4, 2, 4].map((max) => fc.integer({ min: 1, max })));

describe.each(LAMBDAS)('lambda %s', (name) => {
  const parametrization = lambdaParametrizations[name];
  const at = (L: number, dl: number): { lambda: number; byL: number; byDl: number } => {
    const entry = { L: fill([1, 1], () => L), dl: fill([1, 1, 1, 1], () => dl) };
    const one = fill([1, 1, 1, 1], () => 1);
    const gradients = parametrization.backward(entry, one);
    return { lambda: parametrization.forward(entry).data[0], byL: gradients.L.data[0], byDl: gradients.dl.data[0] };
  };

  it('is its formula', () => {
    expect(parametrization.name).toBe(name);
    fc.assert(
      fc.property(lambdaShapes, fc.integer(), (shape, seed) => {
        const given = drawLambda(name, shape, seed);
        const L = toDense(given.L);
        toDense(lambdaOf(given)).forEach((lambda, i) => {
          const [l, x] = [L[i % L.length], given.dl.data[i]];
          const plain = PLAIN[name].value(l, x);
          const bound = 2 * UNIT * PLAIN[name].roundings(l, x) * Math.abs(plain);
          expect(Math.abs(lambda - plain)).toBeLessThanOrEqual(bound);
        });
      }),
    );
  });

  it('has gradients that agree with central differences', () => {
    fc.assert(
      fc.property(lambdaShapes, fc.integer(), (shape, seed) => {
        const given = drawLambda(name, shape, seed);
        expect(lambdaDisagreements(given, parametrization.backward(given, given.d), lambdaLoss)).toEqual([]);
      }),
    );
  });

  it.each(LAMBDAS.filter((other) => other !== name))('has other gradients than %s', (other) => {
    const given = drawLambda(name, [2, 3, 2, 3], 11);
    expect(lambdaDisagreements(given, lambdaParametrizations[other].backward(given, given.d), lambdaLoss)).not.toEqual(
      [],
    );
  });

  it('chains with the operator', () => {
    const d = draw({ ...CASE, logLinear: true });
    const given = drawLambda(name, [CASE.B, CASE.T, CASE.H, 4], 5);
    const through = (from: LambdaDraw): Draw => ({ ...d, options: { ...d.options, lambda: lambdaOf(from) } });
    const f = (from: LambdaDraw): Rounded => {
      return loss(through(from), lambdaRoundings(from) + elements(from.dl.shape));
    };
    const dLambda = gradientsOf(through(given)).lambda as Tensor;
    expect(lambdaDisagreements(given, parametrization.backward(given, dLambda), f)).toEqual([]);
  });

  it('is never NaN at finite numbers, nor are its gradients', () => {
    fc.assert(
      fc.property(finite, finite, (L, dl) => {
        expect(Object.values(at(L, dl)).filter(Number.isNaN)).toEqual([]);
      }),
    );
  });

  it('reads any strides and writes in no argument', () => {
    const given = drawLambda(name, [2, 3, 2, 4], 13);
    const [L, dl, d] = [given.L, given.dl, given.d].map(strided);
    const before = [L, dl, d].map(({ data }) => Float32Array.from(data));
    expect(parametrization.forward({ L, dl })).toEqual(lambdaOf(given));
    expect(parametrization.backward({ L, dl }, d)).toEqual(parametrization.backward(given, given.d));
    expect([L, dl, d].map(({ data }) => data)).toEqual(before);
  });

  it('takes T = 0', () => {
    const none = { L: fill([2, 3], () => 1), dl: fill([1, 0, 2, 3], () => 1) };
    expect(parametrization.forward(none).shape).toEqual([1, 0, 2, 3]);
    expect(parametrization.backward(none, none.dl).L).toEqual(fill([2, 3], () => 0));
  });

  it('refuses shapes that do not fit', () => {
    const { L, dl, d } = drawLambda(name, [2, 3, 2, 4], 17);
    const wrong = fill([2, 3, 2, 5], () => 1);
    refuses(() => parametrization.forward({ L: dl, dl }), 'L', /forward: L: rank 4, shape .* given, \[H,L\]/);
    refuses(
      () => parametrization.forward({ L, dl: wrong }),
      'dl',
      /\[2,3,2,5\] given, .* = \[B,T,2,4\] wanted: L = 4 in L/,
    );
    refuses(() => parametrization.backward({ L, dl }, wrong), 'dLambda', /backward: dLambda: .* L = 4 in L/);
    refuses(
      () => parametrization.forward({ L } as { L: Tensor; dl: Tensor }),
      'dl',
      /nothing given, an ndarray wanted/,
    );
    expect(parametrization.backward({ L, dl }, d).dl.shape).toEqual([2, 3, 2, 4]);
  });

  if (name === 'bounded') {
    it.each([
      [10, 10, 0, 0],
      [10, 800, 0, 0],
      [800, 0, 0, 0],
      [800, 800, 0, 0],
      [800, -800, Math.exp(-1), -Math.exp(-1)],
      [1e300, -1e300, Math.exp(-1), -Math.exp(-1)],
      [-800, 800, 1, 0],
      [-800, -800, 1, 0],
      [0, -800, 1, 0],
    ])('at L = %d, dl = %d is %d', (L, dl, lambda, slope) => {
      const given = at(L, dl);
      // + 0 makes -0 a 0
      expect([given.lambda, given.byL + 0, given.byDl + 0]).toEqual([lambda, slope, slope]);
    });
    it('lies in [0,1], and its slopes within [-1/e, 0], the extremes of -a e^-a', () => {
      fc.assert(
        fc.property(finite, finite, (L, dl) => {
          const { lambda, byL, byDl } = at(L, dl);
          expect(lambda).toBeGreaterThanOrEqual(0);
          expect(lambda).toBeLessThanOrEqual(1);
          for (const slope of [byL, byDl]) {
            expect(slope).toBeLessThanOrEqual(0);
            expect(slope).toBeGreaterThanOrEqual(-Math.exp(-1) * (1 + 16 * UNIT));
          }
        }),
      );
    });
    it('goes into the tail of softplus without a step', () => {
      const tail = fc.tuple(
        fc.double({ min: -60, max: -20, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
      );
      fc.assert(
        fc.property(tail, ([dl, shift]) => {
          const L = shift - dl;
          const a = Math.exp(L) * Math.log1p(Math.exp(dl));
          const lambda = Math.exp(-a);
          const given = at(L, dl);
          // 2 + 8 a on both sides; in the tail the sum L + dl, within ±3, and e^-37 add 4 more to a; the slopes' factor a as much
          const n = 2 * (2 + 8 * a) + 4 * a + 20;
          expect(Math.abs(given.lambda - lambda)).toBeLessThanOrEqual(n * UNIT * lambda);
          expect(Math.abs(given.byL + a * lambda)).toBeLessThanOrEqual(n * UNIT * a * lambda);
          // sigmoid for softplus: less by e^dl / 2 of it
          expect(Math.abs(given.byDl + a * lambda)).toBeLessThanOrEqual((n * UNIT + Math.exp(dl)) * a * lambda);
        }),
      );
    });
  }
  if (name === 'positive') {
    it.each([
      [20, 40, 800, 40, 20],
      [20, -40, 0, 0, 0],
      [1e200, 1e200, Infinity, 1e200, 1e200],
      [1e200, -1e200, 0, 0, 0],
    ])('at L = %d, dl = %d is %d', (L, dl, lambda, byL, byDl) => {
      const given = at(L, dl);
      expect([given.lambda, given.byL + 0, given.byDl + 0]).toEqual([lambda, byL, byDl]);
    });
  }
});
