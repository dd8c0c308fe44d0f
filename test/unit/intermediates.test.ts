/** Steps on the way: what they are, by the answers to other cases, and how far off they may be, by kernels in low precision. */
import { describe, expect, it } from 'vitest';
import { ratioOf } from '../../properties/compare.ts';
import {
  mapTensor,
  sequence,
  sizesOf,
  systemOf,
  tokens,
  withInputs,
  withoutCotangents,
} from '../../properties/edit.ts';
import { intermediateBounds, judgedPositions } from '../../properties/intermediates.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import {
  chunksOf,
  type IntermediateName,
  type Intermediates,
  intermediateShape,
  intermediatesOf,
} from '../../reference/intermediates.ts';
import { compute } from '../../reference/operator.ts';
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { makeCase } from '../debug/failing.ts';
import { emulated, variants } from '../emulated/implementations.ts';

type Run = (c: Case) => { o: DenseTensor; finalState?: DenseTensor };

/** The steps as an implementation gives them by its answers to smaller cases. */
function shownBy(run: Run, given: Case): Intermediates {
  const c = withoutCotangents(given);
  const { T, H, L, K, V, n } = sizesOf(c);
  const shown: Partial<Record<IntermediateName, Float64Array>> = {};
  const states = new Float64Array(elements(intermediateShape(c, 'states')));
  for (let i = 0; i < n; i++) {
    const one = sequence(c, i);
    for (let t = 0; t < sizesOf(one).T; t++) {
      const first = c.cuSeqlens ? c.cuSeqlens[i] : i * T;
      states.set(toDense(run(tokens(one, 0, t + 1)).finalState as Tensor), (first + t) * H * L * K * V);
    }
  }
  shown.states = states;
  if (!c.cuSeqlens) {
    const { position: _, ...rest } = withInputs(c, { lambda: undefined, initialState: undefined });
    const flat = { ...rest, system: systemOf(c).name.replace('log-linear-', '') };
    const shape = intermediateShape(c, 'chunkStates');
    const chunks = chunksOf(T, c.chunkSize as number).map(
      ([from, to]) => run(tokens(flat, from, to)).finalState as Tensor,
    );
    const from = tensor(new Float64Array(elements(shape)), shape);
    shown.chunkStates = toDense(mapTensor(from, (_, [b, at, h, i, j]) => chunks[at].get(b, h, 0, i, j)));
  }
  const outputs = Array.from({ length: L }, (_, l) => {
    const lambda = c.inputs.lambda && mapTensor(c.inputs.lambda, (value, index) => (index[3] === l ? value : 0));
    return run(lambda ? withInputs(c, { lambda }) : c).o;
  });
  const shape = intermediateShape(c, 'levelOutputs');
  const from = tensor(new Float64Array(elements(shape)), shape);
  shown.levelOutputs = toDense(mapTensor(from, (_, [b, t, h, l, j]) => outputs[l].get(b, t, h, j)));
  return Object.fromEntries(
    Object.entries(shown).map(([name, data]) => [name, tensor(data, intermediateShape(c, name as IntermediateName))]),
  );
}

const cases: [string, Case][] = [
  ['decays', makeCase('log-linear-mamba2', { B: 2, T: 9, scale: 0.5 })],
  ['a state at position 5', makeCase('log-linear-gla', { T: 6, state: true, position: [5] })],
  ['the delta rule', makeCase('log-linear-gated-deltanet', { T: 9, G: 2, C: 2 })],
  ['packed sequences, one empty', makeCase('log-linear-mamba2', { T: 9, cuSeqlens: [0, 4, 4, 9] })],
  ['a flat system', makeCase('kimi-delta', { T: 5, state: true })],
];

describe.each(cases)('%s', (_, c) => {
  it('the steps are the answers to smaller cases', () => {
    const right = intermediatesOf(c);
    const shown = shownBy(compute, c);
    expect(Object.keys(right).sort()).toEqual(Object.keys(shown).sort());
    for (const [name, value] of Object.entries(shown) as [IntermediateName, DenseTensor][]) {
      const bounds = intermediateBounds(c, DOUBLE, name);
      const expected = toDense(right[name] as Tensor);
      toDense(value).forEach((each, at) => {
        expect(ratioOf(each, expected[at], bounds[at]), `${name} ${at}`).toBeLessThanOrEqual(1);
      });
    }
  });

  it.each(['float32', 'bfloat16'])(
    'in %s a correct kernel is not accused, and one that is off by a ten-thousandth in float32 is',
    (dtype) => {
      const p = findPrecision(dtype) as Precision;
      const kernel = emulated(p, variants[0]);
      const right = intermediatesOf(c);
      const shown = shownBy((asked) => kernel.run(asked) as ReturnType<Run>, c);
      for (const [name, value] of Object.entries(shown) as [IntermediateName, DenseTensor][]) {
        const bounds = intermediateBounds(c, p, name);
        const expected = toDense(right[name] as Tensor);
        const ratios = toDense(value).map((each, at) => ratioOf(each, expected[at], bounds[at]));
        expect(Math.max(...ratios), name).toBeLessThanOrEqual(1);
        const largest = expected.reduce((best, each, at) => (Math.abs(each) > Math.abs(expected[best]) ? at : best), 0);
        if (dtype === 'float32') expect(bounds[largest] / Math.abs(expected[largest]), name).toBeLessThan(1e-4);
      }
    },
  );
});

it('states of long sequences are judged at the first positions, in even steps, and at the last', () => {
  expect(judgedPositions(3)).toEqual([0, 1, 2]);
  const some = judgedPositions(1000);
  expect(some.length).toBeLessThan(100);
  expect(some.slice(0, 48)).toEqual(judgedPositions(48));
  expect(some.at(-1)).toBe(999);
});
