/** Correct kernels that an earlier error model accused, each with what it had not counted. */
import { describe, expect, it } from 'vitest';
import { ratioOf } from '../../properties/compare.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { type Bounds, boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, tensor, toDense } from '../../reference/tensor.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import type { Variant } from '../emulated/variant.ts';

/** A tensor whose entry depends on time and channel. */
function filled(shape: number[], at: (t: number, channel: number) => number): DenseTensor {
  const channels = shape.length > 3 ? shape[3] : 1;
  const data = new Float64Array(elements(shape)).map((_, i) => at(Math.floor(i / channels) % shape[1], i % channels));
  return tensor(data, shape);
}

const ones = (...shape: number[]): DenseTensor => filled(shape, () => 1);

function expectWithin(c: Case, precision: string, answer: Answer, exact: Answer): void {
  const bounds: Bounds = boundsOf(c, findPrecision(precision) as Precision);
  const wanted = tensorsOf(exact);
  for (const [name, value] of tensorsOf(answer)) {
    const bound = name in bounds ? bounds[name as 'o'] : bounds.gradients[name.slice('gradients.'.length) as InputName];
    const expected = toDense(wanted.get(name) as DenseTensor);
    toDense(value).forEach((actual, i) => {
      expect(ratioOf(actual, expected[i], (bound as Float64Array)[i]), `${name} at ${i}`).toBeLessThanOrEqual(1);
    });
  }
}

const T = 40;

/** Long sums of log decays before the tokens that are told from them. */
const far: Case = {
  system: 'gated-deltanet',
  inputs: {
    q: ones(1, T, 1, 1),
    k: ones(1, T, 1, 1),
    v: ones(1, T, 1, 1),
    g: filled([1, T, 1], (t) => (t < 10 ? -100 : Math.fround(-0.3 - 0.3 * ((t * 7) % 11) * 0.0909))),
    beta: filled([1, T, 1], () => 2 ** -10),
  },
  cotangents: { o: ones(1, T, 1, 1) },
};

/** Numbers in [0, 1), the same ones always. */
const randoms: number[] = [];
for (let t = 0, seed = 1; t < T; t++) {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  randoms.push(seed / 2147483648);
}

/** One channel that has forgotten everything, and whose sum of log decays stays long. */
const forgotten: Case = {
  system: 'kimi-delta',
  inputs: {
    q: filled([1, T, 1, 2], (_, i) => i),
    k: filled([1, T, 1, 2], (_, i) => i),
    v: ones(1, T, 1, 1),
    g: filled([1, T, 1, 2], (t, i) =>
      i === 0 ? Math.fround(-1e-3) : t === 1 ? -700 : Math.fround(-0.05 * (1 + randoms[t])),
    ),
    beta: filled([1, T, 1], () => 0.25),
  },
  cotangents: { o: ones(1, T, 1, 1) },
};

/** Products that underflow one by one, and would not have together. */
const tiny: Case = {
  system: 'mamba2',
  inputs: {
    q: ones(1, 128, 1, 64),
    k: ones(1, 128, 1, 64),
    v: filled([1, 128, 1, 1], (t) => (t < 64 ? 1 : 0)),
    g: filled([1, 128, 1], (t) => (t === 64 ? -87.5 : 0)),
  },
};

describe('within their bounds', () => {
  it.each([
    ['prefix sums, in the gradients of the delta rule', far, 'float32', 'chunked-prefix-backward'],
    ['prefix sums, in the gradients of the delta rule', far, 'float32', 'chunked-prefix-stored'],
    ['prefix sums of a channel that has decayed', forgotten, 'float32', 'chunked-prefix-backward'],
    ['each of K T products, where they underflow', tiny, 'float32', 'recurrent-blocked-fma-flush'],
    ['each of K T products, where they underflow', tiny, 'bfloat16', 'recurrent-blocked-fma-flush'],
  ])('%s', (_, c, precision, name) => {
    const variant = variants.find((each) => each.name === name) as Variant;
    const kernel = emulated(findPrecision(precision) as Precision, variant);
    expectWithin(c, precision, kernel.run(c) as Answer, compute(c));
  });

  it('K V terms of dg, summed one after the other', () => {
    const K = 128;
    const c: Case = {
      system: 'mamba2',
      inputs: {
        q: filled([1, 2, 1, K], () => 1.7),
        k: filled([1, 2, 1, K], () => 1.3),
        v: ones(1, 2, 1, K),
        g: filled([1, 2, 1], () => -0.3),
      },
      cotangents: { o: ones(1, 2, 1, K) },
    };
    // dg_1 = (q . k) (v . dO) exp(g), every product the same
    const exact = compute({ ...c, form: 'masked' });
    expectWithin(c, 'float64', compute({ ...c, form: 'recurrent' }), exact);
  });
});
